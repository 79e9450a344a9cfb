import { describe, expect, it } from 'vitest';
import { compileShop, shop, shopPolicies, shopRequest } from '../../test/fakes/policy-shop.ts';
import type { RecordedRequest } from '../api/policy.ts';
import type { Decision } from '../api/record.ts';
import { planPolicies, recordedRequest } from './control.ts';

const before = await compileShop();

const record = (parts: Parameters<typeof shopRequest>[0], decision: 'allow' | 'deny'): RecordedRequest => ({
  request: shopRequest(parts),
  decision,
});

describe('the plan of a change of policy', () => {
  const traffic = [
    record({}, 'allow'),
    record({ nowMs: 5 }, 'allow'),
    record({ principal: { id: 'bob' } }, 'allow'),
    record({ method: 'DELETE' }, 'deny'),
    record({ route: '/admin', principal: { roles: ['manager'] } }, 'deny'),
  ];

  it('is empty where nothing changes', () => {
    expect(planPolicies(before, before, traffic)).toEqual({
      requests: 5,
      newlyAllowed: 0,
      newlyDenied: 0,
      unreproduced: 0,
      changes: [],
    });
  });

  it('counts like requests, and says why', async () => {
    const text = `${shopPolicies}
      @id("not-alice") forbid(principal == Merlon::User::"https://op.shop.example|alice", action in Merlon::Action::"GET", resource);
      @id("no-mfa-needed") permit(principal in Merlon::Role::"manager", action, resource == Merlon::Route::"/admin");`;
    const plan = planPolicies(before, await compileShop(text.replace('context.mfa &&', '')), traffic);
    expect(plan).toMatchObject({ requests: 5, newlyAllowed: 0, newlyDenied: 2, unreproduced: 0 });
    expect(plan.changes).toMatchObject([
      {
        before: 'allow',
        after: 'deny',
        beforePolicies: ['route:/api/orders:permit'],
        afterPolicies: ['not-alice'],
        count: 2,
        explanation: { decision: 'deny', findings: [{ policy: 'not-alice' }] },
      },
    ]);
  });

  it('shows what would be opened', async () => {
    const after = await compileShop(
      'permit(principal in Merlon::Role::"manager", action, resource == Merlon::Route::"/admin");',
    );
    const plan = planPolicies(before, after, traffic);
    expect(plan).toMatchObject({
      newlyAllowed: 1,
      changes: [{ before: 'deny', after: 'allow', explanation: { decision: 'deny' } }],
    });
  });

  it('says nothing of requests that it cannot judge as they were judged', async () => {
    const plan = planPolicies(before, await compileShop(''), [record({}, 'deny')]);
    expect(plan).toMatchObject({ requests: 1, unreproduced: 1, changes: [] });
  });
});

describe('the request behind a record', () => {
  const decision: Decision = {
    kind: 'decision',
    id: '01980000-0000-7000-8000-000000000000',
    timeMs: 7,
    plane: 'edge',
    verdict: 'allow',
    status: 200,
    method: 'GET',
    host: 'shop.example',
    path: '/api/customers/al%20ice',
    remoteAddress: '192.0.2.1',
    route: '/api/customers',
    service: 'customers',
    principal: { kind: 'user', id: 'al ice', issuer: 'https://op', roles: ['r'], scopes: ['s'] },
    steps: [
      { filter: 'authn', outcome: 'pass' },
      { filter: 'authz', outcome: 'pass' },
    ],
    durationMs: 1,
  };

  it('has its operation and parameters again', () => {
    expect(recordedRequest(decision, shop)).toEqual({
      decision: 'allow',
      request: {
        principal: decision.principal,
        method: 'GET',
        route: '/api/customers',
        operation: 'getCustomer',
        params: { customerId: 'al ice' },
        path: '/api/customers/al%20ice',
        host: 'shop.example',
        ip: '192.0.2.1',
        nowMs: 7,
      },
    });
  });

  it('takes the parameters of the route where no operation fits', () => {
    const found = recordedRequest({ ...decision, route: '/api/tenants/{tenant}', path: '/api/tenants/7/users' }, shop);
    expect(found?.request).toMatchObject({ params: { tenant: '7' } });
    expect(found?.request.operation).toBeUndefined();
  });

  it('is found on a route that has a host', () => {
    const routes = shop.routes.map((route) => ({ ...route, path: `shop.example${route.path}` }));
    const found = recordedRequest(
      { ...decision, route: 'shop.example/api/tenants/{tenant}', path: '/api/tenants/7' },
      { ...shop, routes },
    );
    expect(found?.request).toMatchObject({ route: 'shop.example/api/tenants/{tenant}', params: { tenant: '7' } });
  });

  it('is there only where authorization was asked', () => {
    const { principal: _, ...anonymous } = decision;
    expect(recordedRequest(anonymous, shop)?.request.principal.kind).toBe('anonymous');
    expect(recordedRequest({ ...decision, steps: [{ filter: 'authn', outcome: 'deny' }] }, shop)).toBeUndefined();
    expect(recordedRequest({ ...decision, route: '/gone' }, shop)).toBeUndefined();
    expect(recordedRequest({ ...decision, principal: { kind: 'operator', id: 'root' } }, shop)).toBeUndefined();
    const refused = { ...decision, steps: [{ filter: 'authz', outcome: 'deny' as const }] };
    expect(recordedRequest(refused, shop)?.decision).toBe('deny');
  });
});
