import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileShop, nobody, shopRequest } from '../../test/fakes/policy-shop.ts';
import type { PolicyRequest } from '../api/policy.ts';
import { compilePolicySource } from './control.ts';
import { createAuthorizer, createGatewayAuthorizer, EntityStore, recordOf, uidOf, type ValueJson } from './index.ts';

const authorizer = createGatewayAuthorizer(await compileShop());

describe('a denial of the baseline', () => {
  it('names the scopes that are missing', () => {
    const request = shopRequest({ method: 'POST', operation: 'createOrder', principal: { scopes: ['openid'] } });
    expect(authorizer.explain(request)).toEqual({
      decision: 'deny',
      determining: ['route:/api/orders:POST:scopes'],
      findings: [
        {
          policy: 'route:/api/orders:POST:scopes',
          effect: 'forbid',
          origin: 'baseline',
          check: 'scopes',
          rule: 'merlon.yaml routes[0].scopes.POST',
          clause: 'unless { context.scopes.contains("orders:read") && context.scopes.contains("orders:write") }',
          claim: 'scope',
          expected: 'orders:read orders:write',
          actual: 'openid',
          fixes: ['add scope `orders:read` to the token, and add scope `orders:write` to the token'],
        },
      ],
      fixes: ['add scope `orders:read` to the token, and add scope `orders:write` to the token'],
      errors: [],
      summary: 'forbidden by merlon.yaml routes[0].scopes.POST',
    });
    expect(authorizer.denial(request)).toMatchObject({
      status: 403,
      headers: { 'www-authenticate': 'Bearer error="insufficient_scope", scope="orders:read orders:write"' },
      reason: { filter: 'authz', code: 'authz.scope-missing', claim: 'scope', actual: 'openid' },
    });
  });

  it('tells whose object it is', () => {
    const request = shopRequest({ route: '/api/customers', operation: 'getCustomer', params: { customerId: 'bob' } });
    expect(authorizer.denial(request)).toEqual({
      status: 403,
      reason: {
        filter: 'authz',
        code: 'authz.not-owner',
        message: 'the caller does not own this object',
        detail: 'forbidden by merlon.yaml routes[2].owner',
        rule: 'merlon.yaml routes[2].owner',
        clause:
          'unless { (principal has sub && principal.sub == context.params.customerId) || principal in Merlon::Role::"manager" }',
        claim: 'sub',
        expected: 'bob',
        actual: 'alice',
        fixes: [
          '`principal.sub` (`alice`) must equal `context.params.customerId` (`bob`)',
          'add the role `manager` to the principal',
        ],
      },
    });
  });

  it('asks anonymous callers to authenticate, before anything else', () => {
    const { status, headers, reason } = authorizer.denial(shopRequest({ principal: nobody }));
    expect({ status, headers }).toEqual({ status: 401, headers: { 'www-authenticate': 'Bearer' } });
    expect(reason).toMatchObject({
      code: 'authz.unauthenticated',
      fixes: ['authenticate the request, and add scope `orders:read` to the token'],
    });
  });

  it('names the methods that are permitted', () => {
    expect(authorizer.denial(shopRequest({ method: 'DELETE' })).reason).toMatchObject({
      code: 'authz.denied',
      message: 'no policy permits this request',
      clause: 'action in [Merlon::Action::"GET", Merlon::Action::"POST"]',
      fixes: ['use `GET` or `POST`, or list `DELETE` in merlon.yaml routes[0].scopes'],
    });
  });

  it('says so where the policies know no such route or method', () => {
    expect(authorizer.explain(shopRequest({ route: '/nope' })).summary).toBe(
      'route `/nope` is not known to the policies',
    );
    expect(authorizer.denial(shopRequest({ method: 'BREW' })).reason.detail).toBe(
      'method `BREW` is not known to the policies',
    );
  });
});

describe('a denial by policies of users', () => {
  it('shows the nearest permit, the clause that failed and where it stands', () => {
    const { findings, fixes } = authorizer.explain(
      shopRequest({ route: '/admin', principal: { roles: ['manager'], mfa: true } }),
    );
    expect(findings[0]).toEqual({
      policy: 'managers-administer',
      effect: 'permit',
      origin: 'user',
      rule: 'policies/shop.cedar:2 (managers-administer)',
      clause: 'when { context.ip.isInRange(ip("10.0.0.0/8")) }',
      at: 'policies/shop.cedar:6',
      claim: 'remote address',
      expected: 'in 10.0.0.0/8',
      actual: '192.0.2.7',
      fixes: ['call from an address in `10.0.0.0/8`'],
    });
    expect(fixes[0]).toBe('call from an address in `10.0.0.0/8`');
  });

  it('shows the scope constraint that did not match, and all that is missing', () => {
    const { findings } = authorizer.explain(shopRequest({ route: '/admin', ip: '10.0.0.1' }));
    const finding = findings.find(({ policy }) => policy === 'managers-administer');
    expect(finding).toMatchObject({
      clause: 'principal in Merlon::Role::"manager"',
      at: 'policies/shop.cedar:2',
      claim: 'roles',
      expected: 'manager',
      actual: 'none',
      fixes: ['add the role `manager` to the principal, and authenticate with a second factor'],
    });
  });

  it('shows the forbid that applied', () => {
    const request = shopRequest({ principal: { claims: { regions: ['us'] } } });
    expect(authorizer.explain(request).findings).toMatchObject([
      {
        policy: 'no-payment-abroad',
        at: 'policies/shop.cedar:16',
        fixes: expect.arrayContaining(['add `eu` to `regions`']),
      },
    ]);
  });

  it('does not show long values', () => {
    const request = shopRequest({
      route: '/api/customers',
      operation: 'getCustomer',
      params: { customerId: `secret${'x'.repeat(100)}` },
    });
    const text = JSON.stringify(authorizer.denial(request));
    expect(text).toContain('secretxxxxxxxxxx… (106 characters)');
    expect(text).not.toContain('x'.repeat(11));
  });
});

describe('an explanation', () => {
  it('has a bound to its cost, however many policies there are', async () => {
    const all = (effect: string, count: number) =>
      Array(count).fill(`${effect}(principal, action, resource) when { context.mfa };`).join('\n');
    const many = createGatewayAuthorizer(await compileShop(`${all('permit', 300)}\n${all('forbid', 30)}`));
    const unmet = many.explain(shopRequest({ method: 'DELETE' }));
    expect(unmet.findings).toHaveLength(5);
    expect(unmet.fixes[0]).toBe('authenticate with a second factor');
    const forbidden = many.explain(shopRequest({ principal: { mfa: true } }));
    expect(forbidden.determining).toHaveLength(30);
    expect([forbidden.findings.length, forbidden.fixes]).toEqual([20, []]);
  });
});

describe('fixes', () => {
  it('do allow the request, where they are of a kind that can be tried', () => {
    let tried = 0;
    fc.assert(
      fc.property(denied, (request) => {
        for (const fix of authorizer.explain(request).fixes) {
          const mended = mend(request, fix);
          if (mended === undefined) continue;
          tried++;
          expect([fix, authorizer.decide(mended).decision]).toEqual([fix, 'allow']);
        }
      }),
      { numRuns: 400 },
    );
    expect(tried).toBeGreaterThan(50);
  });
});

const denied: fc.Arbitrary<PolicyRequest> = fc
  .record({
    roles: fc.subarray(['manager', 'editor']),
    scopes: fc.subarray(['orders:read', 'orders:write', 'reports', 'support']),
    mfa: fc.boolean(),
    level: fc.constantFrom(1, 3),
    route: fc.constantFrom('/api/orders', '/api/catalog', '/api/customers', '/admin', '/reports'),
    method: fc.constantFrom('GET', 'POST', 'PUT', 'DELETE'),
    ip: fc.constantFrom('10.0.0.1', '192.0.2.1'),
  })
  .map(({ roles, scopes, mfa, level, ...rest }) =>
    shopRequest({ ...rest, principal: { roles, scopes, mfa, claims: { level } } }),
  )
  .filter((request) => authorizer.decide(request).decision === 'deny');

/** `request` with what `fix` says; undefined where it says what cannot be done to a request. */
function mend(request: PolicyRequest, fix: string): PolicyRequest | undefined {
  let mended: PolicyRequest | undefined = request;
  for (const step of fix.split(', and ')) {
    const [, name = ''] = /`([^`]*)`/.exec(step) ?? [];
    const { principal } = mended as PolicyRequest;
    if (step.startsWith('add scope'))
      mended = { ...request, ...mended, principal: { ...principal, scopes: [...(principal.scopes ?? []), name] } };
    else if (step.startsWith('add the role')) {
      const role = name.replace('one of ', '').split(', ')[0] as string;
      mended = { ...request, ...mended, principal: { ...principal, roles: [...(principal.roles ?? []), role] } };
    } else if (step.includes('second factor'))
      mended = { ...request, ...mended, principal: { ...principal, mfa: true } };
    else if (step.startsWith('call from an address in')) mended = { ...request, ...mended, ip: name.replace('/8', '') };
    else return undefined;
  }
  return mended;
}

describe('each kind of expression', () => {
  const explain = async (body: string, context: Record<string, ValueJson> = {}, kind = 'permit') => {
    const text = `${kind}(principal, action, resource) when { ${body} };`;
    const compiled = await compilePolicySource({ files: [{ name: 'f', text }] });
    if ('errors' in compiled) throw new Error(JSON.stringify(compiled.errors));
    const { findings } = createAuthorizer(compiled.snapshot).explain({
      principal: uidOf({ type: 'Merlon::User', id: 'iss|alice' }),
      action: uidOf({ type: 'Merlon::Action', id: 'GET' }),
      resource: uidOf({ type: 'Merlon::Route', id: '/' }),
      context: recordOf(context),
      entities: new EntityStore([
        { uid: { type: 'Merlon::User', id: 'iss|alice' }, attrs: { sub: 'alice', claims: {} } },
      ]),
    });
    const { claim, expected, actual, fixes } = findings[0] ?? { fixes: [] };
    return [claim, expected, actual, ...fixes];
  };

  it.each([
    ['context.a == 1', ['context.a', '1', '2', '`context.a` must be `1`, is `2`']],
    ['1 == context.a', ['context.a', '1', '2', '`context.a` must be `1`, is `2`']],
    ['context.a != 2', ['context.a', 'not 2', '2', '`context.a` must not be `2`']],
    ['!(context.a == 2)', ['context.a', 'not 2', '2', '`context.a` must not be `2`']],
    ['context.a > 5', ['context.a', 'context.a > 5', '2', '`context.a > 5` must hold']],
    ['[1, 3].contains(context.a)', ['context.a', 'one of 1, 3', '2', '`context.a` must be `one of 1, 3`, is `2`']],
    ['context.set.containsAll(["x", "y"])', ['context.set', 'y', 'x', 'add `y` to `context.set`']],
    ['context.set.containsAny(["y", "z"])', ['context.set', 'one of y, z', 'x', 'add `one of y, z` to `context.set`']],
    ['!context.set.contains("x")', ['context.set', 'not x', 'x', 'remove `x` from `context.set`']],
    ['context has b', ['context.b', 'present', 'absent', '`context.b` must be present']],
    ['principal.claims has dept', ['dept', 'present', 'absent', 'add the claim `dept` to the token']],
    [
      'principal.claims has dept && principal.claims.dept == "it"',
      ['dept', 'present', 'absent', 'add the claim `dept` to the token'],
    ],
    ['principal is Merlon::Client', ['principal', 'Merlon::Client', 'Merlon::User', 'call as a `Merlon::Client`']],
    ['context.name like "b*"', ['context.name', 'context.name like "b*"', 'abc', '`context.name like "b*"` must hold']],
    ['if context.a == 2 then context.a == 7 else true', ['context.a', '7', '2', '`context.a` must be `7`, is `2`']],
    [
      'context.a == 1 || context.name == "x"',
      ['context.a', '1', '2', '`context.a` must be `1`, is `2`', '`context.name` must be `x`, is `abc`'],
    ],
    [
      'principal.sub == context.name',
      ['sub', 'abc', 'alice', '`principal.sub` (`alice`) must equal `context.name` (`abc`)'],
    ],
    ['context.nope == 1', ['context.nope', '1', 'nothing', '`context.nope` must be `1`, is `nothing`']],
  ])('%s', async (body, wanted) => {
    expect(await explain(body, { a: 2, name: 'abc', set: ['x'] })).toEqual(wanted);
  });

  it('has no fix for what holds for all', async () => {
    expect(await explain('1 == 1', {}, 'forbid')).toEqual([undefined, undefined, undefined]);
  });
});
