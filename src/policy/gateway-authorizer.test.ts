import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { compileShop, nobody, shop, shopPolicies, shopRequest } from '../../test/fakes/policy-shop.ts';
import type { PolicyRequest } from '../api/policy.ts';
import type { Protection } from '../api/protections.ts';
import { loadCedar } from './cedar-wasm.ts';
import { compileGatewayPolicies, generateSchema } from './control.ts';
import { createGatewayAuthorizer } from './index.ts';

const policies = await compileShop();
const authorizer = createGatewayAuthorizer(policies);
const decide = (request: PolicyRequest) => authorizer.decide(request).decision;

describe('the baseline', () => {
  it('permits what the manifest declares', () => {
    expect(authorizer.decide(shopRequest())).toEqual({
      decision: 'allow',
      determining: ['route:/api/orders:permit'],
      errors: [],
    });
    expect(decide(shopRequest({ operation: 'listOrders' }))).toBe('allow');
    expect(decide(shopRequest({ route: '/api/catalog', principal: nobody }))).toBe('allow');
    expect(decide(shopRequest({ route: '/reports', principal: { roles: ['manager'] } }))).toBe('allow');
  });

  it('wants every scope of the method, and of HEAD what GET wants', () => {
    expect(decide(shopRequest({ method: 'POST', operation: 'createOrder' }))).toBe('deny');
    expect(decide(shopRequest({ method: 'POST', principal: { scopes: ['orders:write'] } }))).toBe('deny');
    expect(decide(shopRequest({ method: 'POST', principal: { scopes: ['orders:write', 'orders:read'] } }))).toBe(
      'allow',
    );
    expect(decide(shopRequest({ method: 'HEAD', principal: { scopes: [] } }))).toBe('deny');
    expect(decide(shopRequest({ method: 'HEAD' }))).toBe('allow');
  });

  it('denies a method that is not listed, and one that nobody has heard of', () => {
    expect(decide(shopRequest({ method: 'DELETE' }))).toBe('deny');
    expect(decide(shopRequest({ method: 'BREW' }))).toBe('deny');
    expect(decide(shopRequest({ method: 'get' }))).toBe('deny');
    expect(decide(shopRequest({ method: '__proto__', route: '__proto__' }))).toBe('deny');
  });

  it('denies a route that the model does not have', () => {
    expect(decide(shopRequest({ route: '/api/orders/' }))).toBe('deny');
  });

  it('applies `*` to the methods that are not listed', () => {
    const manager = { roles: ['manager'] };
    expect(decide(shopRequest({ route: '/reports', method: 'PUT', principal: manager }))).toBe('deny');
    expect(
      decide(shopRequest({ route: '/reports', method: 'PUT', principal: { ...manager, scopes: ['reports'] } })),
    ).toBe('allow');
    expect(decide(shopRequest({ route: '/api/catalog', method: 'PUT' }))).toBe('deny');
    expect(decide(shopRequest({ route: '/api/catalog', method: 'PUT', principal: { roles: ['editor'] } }))).toBe(
      'allow',
    );
  });

  it('wants a caller where the route does', () => {
    expect(decide(shopRequest({ principal: { ...nobody, scopes: ['orders:read'] } }))).toBe('deny');
  });

  it('lets an object be touched by its owner, and by who is exempt', () => {
    const customer = (customerId: string, parts = {}) =>
      shopRequest({ route: '/api/customers', operation: 'getCustomer', params: { customerId }, ...parts });
    expect(decide(customer('alice'))).toBe('allow');
    expect(decide(customer('bob'))).toBe('deny');
    expect(decide(customer('bob', { principal: { roles: ['manager'] } }))).toBe('allow');
    expect(decide(shopRequest({ route: '/api/customers', operation: 'listCustomers' }))).toBe('allow');
  });

  it('compares ownership with any claim', () => {
    const tenant = (claims: Record<string, unknown>) =>
      decide(shopRequest({ route: '/api/tenants/{tenant}', params: { tenant: '7' }, principal: { claims } }));
    expect(tenant({ 'https://shop.example/tenant': '7' })).toBe('allow');
    expect(tenant({ 'https://shop.example/tenant': '8' })).toBe('deny');
    expect(tenant({ 'https://shop.example/tenant': 7 })).toBe('deny');
    expect(tenant({})).toBe('deny');
  });

  it('denies where nobody can tell whose object it is', () => {
    expect(decide(shopRequest({ route: '/api/customers' }))).toBe('deny');
    expect(decide(shopRequest({ route: '/api/customers', operation: 'dropCustomers' }))).toBe('deny');
    // An operation whose parameter is missing could be anybody's.
    expect(decide(shopRequest({ route: '/api/customers', operation: 'getCustomer' }))).toBe('deny');
    expect(decide(shopRequest({ route: '/api/tenants/{tenant}' }))).toBe('deny');
    // An operation of another method is not what was asked.
    expect(decide(shopRequest({ route: '/api/customers', operation: 'listCustomers', method: 'DELETE' }))).toBe('deny');
  });

  it('is not overridden by a permit of the user', async () => {
    const generous = createGatewayAuthorizer(await compileShop('permit(principal, action, resource);'));
    expect(generous.decide(shopRequest({ method: 'DELETE' })).decision).toBe('allow');
    expect(generous.decide(shopRequest({ method: 'POST' })).decision).toBe('deny');
    expect(generous.decide(shopRequest({ principal: nobody })).decision).toBe('deny');
  });

  it('leaves permitting to policies where the route says so', () => {
    const manager = { roles: ['manager'], mfa: true };
    expect(decide(shopRequest({ route: '/admin', principal: manager }))).toBe('deny');
    expect(decide(shopRequest({ route: '/admin', principal: manager, ip: '10.1.2.3' }))).toBe('allow');
    expect(decide(shopRequest({ route: '/admin', principal: manager, ip: '::ffff:10.1.2.3' }))).toBe('allow');
    expect(decide(shopRequest({ route: '/admin', ip: '10.1.2.3' }))).toBe('deny');
  });
});

describe('protections', () => {
  const attacks: readonly (readonly [Protection, PolicyRequest])[] = [
    ['authz.scopes', shopRequest({ method: 'POST', operation: 'createOrder', principal: { scopes: [] } })],
    ['authz.owner', shopRequest({ route: '/api/customers', operation: 'getCustomer', params: { customerId: 'bob' } })],
    ['authz.policy', shopRequest({ operation: 'getOrder', params: { orderId: 'x-1' } })],
  ];

  it.each(attacks)('%s stops what gets through without it', async (protection, request) => {
    expect(decide(request)).toBe('deny');
    const weaknesses = new Set([protection]);
    expect(createGatewayAuthorizer(policies, weaknesses).decide(request).decision).toBe('allow');
    if (protection === 'authz.policy') return;
    const weakened = await compileShop(shopPolicies, weaknesses);
    expect(createGatewayAuthorizer(weakened).decide(request).decision).toBe('allow');
  });
});

describe('requests as Cedar sees them', () => {
  it('keep to the schema, and are judged as the official implementation judges them', {
    timeout: 120_000,
  }, async () => {
    const cedar = await loadCedar();
    const byId = Object.fromEntries(policies.snapshot.policies.map(({ id, policy }) => [id, policy])) as never;
    cedar.preparseSchema('shop', generateSchema(shop));
    cedar.preparsePolicySet('shop', { staticPolicies: byId });
    fc.assert(
      fc.property(requests, (request) => {
        // The schema knows no such request; whatever policies say of it, the baseline forbids it.
        if (isUncalledFor(request)) {
          expect(authorizer.decide(request).decision).toBe('deny');
          return;
        }
        const answer = cedar.statefulIsAuthorized({
          ...spellOut(request),
          preparsedSchemaName: 'shop',
          validateRequest: true,
          preparsedPolicySetId: 'shop',
        });
        if (answer.type === 'failure') throw new Error(JSON.stringify(answer.errors));
        const { decision, diagnostics } = answer.response;
        const ours = authorizer.explain(request);
        expect(authorizer.decide(request).decision).toBe(decision);
        expect([ours.decision, ours.determining.toSorted(), ours.errors]).toEqual([
          decision,
          diagnostics.reason.toSorted(),
          [],
        ]);
      }),
      { numRuns: 300 },
    );
  });

  it('fail closed where the address is none', () => {
    const request = shopRequest({ route: '/admin', principal: { roles: ['manager'], mfa: true }, ip: 'nonsense' });
    expect(() => authorizer.decide(request)).toThrow(expect.objectContaining({ code: 'policy.value' }));
  });
});

describe('a policy that cannot be evaluated', () => {
  const overflow = 'when { context.authenticated && 9223372036854775807 + 1 > 0 };';
  const compile = async (text: string) => {
    const compiled = await compileGatewayPolicies({ model: shop, files: [{ name: 'x.cedar', text }] });
    if (!('policies' in compiled)) throw new Error(JSON.stringify(compiled.errors));
    return createGatewayAuthorizer(compiled.policies);
  };

  it('keeps requests out where it forbids, and the record says which and why', async () => {
    const strict = await compile(`@id("no-overflow")\nforbid(principal, action, resource) ${overflow}`);
    const request = shopRequest();
    expect(strict.decide(request)).toMatchObject({ decision: 'deny', errors: [{ effect: 'forbid' }] });
    expect(strict.explain(request)).toMatchObject({
      decision: 'deny',
      summary: expect.stringContaining('no-overflow'),
    });
    expect(strict.denial(request)).toMatchObject({
      status: 403,
      reason: { code: 'authz.unevaluated', rule: 'no-overflow' },
    });
    // Where it has nothing to say, nothing changes.
    expect(strict.decide(shopRequest({ route: '/api/catalog', principal: nobody })).decision).toBe('allow');
  });

  it('is skipped where it permits', async () => {
    const lenient = await compile(`@id("odd")\npermit(principal, action, resource) ${overflow}`);
    expect(lenient.decide(shopRequest()).decision).toBe('allow');
    expect(lenient.decide(shopRequest({ principal: { scopes: [] } })).decision).toBe('deny');
  });

  it('does not hide that another one forbids', async () => {
    const strict = await compile(
      `@id("a")\nforbid(principal, action, resource) ${overflow}\n@id("b")\nforbid(principal, action, resource) when { context.method == "GET" };`,
    );
    expect(strict.denial(shopRequest()).reason.code).toBe('authz.denied');
  });
});

describe('the data plane', () => {
  it('never loads the official implementation', async () => {
    vi.resetModules();
    const loaded = vi.fn();
    vi.doMock('@cedar-policy/cedar-wasm/nodejs', () => ({ loaded: loaded() }));
    const fresh = await import('./index.ts');
    const copy = JSON.parse(JSON.stringify(policies));
    expect(fresh.createGatewayAuthorizer(copy).decide(shopRequest()).decision).toBe('allow');
    expect(fresh.createGatewayAuthorizer(copy).explain(shopRequest({ method: 'POST' })).decision).toBe('deny');
    expect(loaded).not.toHaveBeenCalled();
    vi.doUnmock('@cedar-policy/cedar-wasm/nodejs');
  });
});

const some = <T>(values: readonly T[]) => fc.subarray([...values]);
const requests: fc.Arbitrary<PolicyRequest> = fc
  .record({
    kind: fc.constantFrom('user', 'user', 'client', 'workload', 'anonymous' as const),
    id: fc.constantFrom('alice', 'bob'),
    roles: some(['manager', 'editor']),
    scopes: some(['orders:read', 'orders:write', 'reports', 'support']),
    mfa: fc.boolean(),
    claims: fc.record(
      {
        department: fc.constantFrom('sales', 'it', 5),
        level: fc.constantFrom(1, 3, 2.5, '3', 2 ** 60),
        verified: fc.constantFrom(true, 'true'),
        regions: fc.constantFrom(['eu'], ['us'], [], 'eu', ['eu', 1]),
        undeclared: fc.constant('x'),
        'https://shop.example/tenant': fc.constantFrom('7', 7),
      },
      { requiredKeys: [] },
    ),
    route: fc.constantFrom(...shop.routes),
    operated: fc.boolean(),
    method: fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'DELETE'),
    param: fc.constantFrom('alice', 'bob', '7', 'x-1'),
    ip: fc.constantFrom('10.0.0.1', '192.0.2.1', '2001:db8::1', '::ffff:10.0.0.9'),
  })
  .map(({ kind, id, roles, scopes, mfa, claims, route, operated, method, param, ip }) => {
    const operation = shop.operations.find(
      (each) => operated && each.service === route.service && each.method === method,
    );
    const names = operation?.params ?? (route.path.includes('{') ? ['tenant'] : []);
    return shopRequest({
      principal: kind === 'anonymous' ? nobody : { kind, id, roles, scopes, mfa, claims },
      route: route.path,
      method,
      ...(operation === undefined ? {} : { operation: operation.id }),
      params: Object.fromEntries(names.map((name) => [name, param])),
      ip,
    });
  });

/** An operation without its caller. */
function isUncalledFor({ principal, route, operation }: PolicyRequest): boolean {
  const required = shop.routes.find(({ path }) => path === route)?.auth === 'required';
  return principal.kind === 'anonymous' && required && operation !== undefined;
}

const typeOf = { user: 'User', client: 'Client', workload: 'Workload', anonymous: 'Anonymous' } as const;

/** The request with every entity and field written out, as README.md describes them. */
function spellOut({ principal, ...request }: PolicyRequest) {
  const route = shop.routes.find(({ path }) => path === request.route)!;
  const uid = (type: string, id: string) => ({ type: `Merlon::${type}`, id });
  const operation = shop.operations.find(({ id, service }) => id === request.operation && service === route.service);
  const action = uid('Action', operation === undefined ? request.method : `${operation.service}:${operation.id}`);
  const id =
    { user: `${principal.issuer}|${principal.id}`, anonymous: 'anonymous' }[principal.kind as string] ?? principal.id;
  const named = principal.kind !== 'anonymous';
  const roles = principal.kind === 'user' || principal.kind === 'client' ? (principal.roles ?? []) : [];
  const data = shop.services.find(({ name }) => name === route.service)?.data ?? [];
  const claims = principal.claims ?? {};
  const fits: Record<string, (value: unknown) => boolean> = {
    department: (value) => typeof value === 'string',
    level: Number.isSafeInteger,
    verified: (value) => typeof value === 'boolean',
    regions: (value) => Array.isArray(value) && value.every((item) => typeof item === 'string'),
    'https://shop.example/tenant': (value) => typeof value === 'string',
  };
  return {
    principal: uid(typeOf[principal.kind], id),
    action,
    resource: uid('Route', route.path),
    context: {
      scopes: principal.scopes ?? [],
      roles,
      method: request.method,
      path: request.path,
      host: request.host,
      ip: { __extn: { fn: 'ip', arg: request.ip.replace('::ffff:', '') } },
      now: { __extn: { fn: 'datetime', arg: new Date(request.nowMs).toISOString() } },
      authenticated: named,
      mfa: principal.mfa === true,
      params: request.params ?? {},
      ...(operation === undefined ? {} : { operation: operation.id }),
    } as never,
    entities: [
      {
        uid: uid(typeOf[principal.kind], id),
        attrs: named
          ? {
              sub: principal.id,
              issuer: principal.issuer,
              claims: Object.fromEntries(Object.entries(claims).filter(([name, value]) => fits[name]?.(value))),
            }
          : {},
        parents: roles.map((role) => uid('Role', role)),
      },
      { uid: uid('Route', route.path), attrs: { path: route.path, data }, parents: [uid('Service', route.service)] },
      { uid: uid('Service', route.service), attrs: { name: route.service, data }, parents: [] },
    ] as never,
  };
}

describe('a verdict that is remembered', () => {
  const asked = async (text: string) => createGatewayAuthorizer(await compileShop(text));
  // The same principal, object and all, as a verified token gives it.
  const { principal } = shopRequest();
  const forbid = (condition: string): string => `forbid(principal, action, resource) when { ${condition} };`;
  const noon = Date.UTC(2026, 0, 1, 12);
  const facts: readonly [what: string, condition: string, blocked: Partial<PolicyRequest>][] = [
    ['its address', 'context.ip.isInRange(ip("198.51.100.0/24"))', { ip: '198.51.100.3' }],
    ['its time', 'context.now > datetime("2026-01-01T11:00:00Z")', { nowMs: noon }],
    ['its path', 'context.path like "*/secret"', { path: '/api/orders/secret' }],
    ['its host', 'context.host == "old.example"', { host: 'old.example' }],
    ['its method', 'context.method == "HEAD"', { method: 'HEAD' }],
    [
      'its parameters',
      'context has params && context.params has orderId && context.params.orderId == "7"',
      { operation: 'getOrder', params: { orderId: '7' } },
    ],
    [
      'its certificate',
      'context has certificate && context.certificate.subject == "CN=a"',
      { certificate: { subject: 'CN=a', fingerprint: 'f', names: [] } as never },
    ],
  ];

  it.each(facts)('is not that of a request that differs in %s', async (_, condition, blocked) => {
    const { decide } = await asked(forbid(condition));
    const passes = {
      ...shopRequest(),
      ...(blocked.params && { operation: 'getOrder', params: { orderId: '8' } }),
      principal,
    };
    const fails = { ...passes, ...blocked };
    for (const turn of [1, 2, 3]) {
      expect(decide(passes).decision, `turn ${turn}`).toBe('allow');
      expect(decide(fails).decision, `turn ${turn}`).toBe('deny');
    }
  });

  it('is not that of another principal, whose name is the same', async () => {
    const { decide } = await asked(shopPolicies);
    const request = { ...shopRequest(), principal };
    expect(decide(request).decision).toBe('allow');
    expect(decide({ ...request, principal: { ...principal, scopes: [] } }).decision).toBe('deny');
    expect(decide(request).decision).toBe('allow');
  });

  it('is not that of the next snapshot', async () => {
    const request = { ...shopRequest(), principal };
    const [open, shut] = [await asked(''), await asked(forbid('true'))];
    expect([open, shut, open, shut].map(({ decide }) => decide(request).decision)).toEqual([
      'allow',
      'deny',
      'allow',
      'deny',
    ]);
  });
});
