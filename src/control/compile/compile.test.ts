import { describe, expect, test } from 'vitest';
import { manifestOf, shopText } from '../../../test/fakes/manifest.ts';
import { limitsSectionSchema } from '../../api/limits.ts';
import type { GatewayPolicies } from '../../api/policy.ts';
import type { PortOf } from '../topology.ts';
import { compileAgentSnapshot, fixedPorts, portPurposes } from './agent.ts';
import { compileGatewaySnapshot } from './gateway.ts';
import { compileLimits } from './limits.ts';
import { roleId, routeName, serverName, serviceId, urlVariable } from './names.ts';
import { compilePolicyModel } from './policy-model.ts';
import { compileSupervisorSnapshot } from './supervisor.ts';

const manifest = manifestOf(shopText);
const purposes = portPurposes(manifest);
const portOf: PortOf = (purpose) => {
  if (!purposes.includes(purpose)) throw new Error(`nobody asked for a port of ${purpose}`);
  return 20_000 + purposes.indexOf(purpose);
};
const agent = compileAgentSnapshot(manifest, portOf, 'BUNDLE');
const gateway = compileGatewaySnapshot(manifest, {
  portOf,
  bundle: 'BUNDLE',
  certificate: { certificate: 'CERT', key: 'EDGE-KEY' },
  certificates: [],
  clientCa: undefined,
  authn: { realm: 'shop.example', issuers: [], apiKeys: [], revokedTokens: [], revokedSubjects: [] },
  policy: {} as GatewayPolicies,
  ipLists: new Map(),
  documents: new Map(),
  waf: undefined,
  providerSocket: '/run/oidc.sock',
});
const supervisor = compileSupervisorSnapshot(manifest, {
  folder: '/srv/shop',
  portOf,
  publicUrl: manifest.gateway.publicUrl,
  issuer: 'https://localhost:8443/oidc',
  secrets: new Map([['orders', { DB_PASSWORD: 'hunter2' }]]),
  inherited: { PATH: '/bin', MODE: 'inherited' },
});

describe("the agent's snapshot", () => {
  const callers = (name: string) => agent.services.find((service) => service.name === name)?.callers;

  test('lets call whom the manifest declares, and the gateway where a route leads', () => {
    expect(callers('orders')).toEqual(['spiffe://shop.example/merlon/gateway']);
    expect(callers('payments')).toEqual(['spiffe://shop.example/service/orders']);
    expect(callers('catalog-search')).toEqual([
      'spiffe://shop.example/merlon/gateway',
      'spiffe://shop.example/service/orders',
      'spiffe://shop.example/service/payments',
    ]);
  });

  test('has one loopback port of its own for each declared call', () => {
    expect(agent.edges.map(({ caller, callee }) => `${caller} > ${callee}`)).toEqual([
      'orders > payments',
      'orders > catalog-search',
      'payments > catalog-search',
    ]);
    expect(new Set(agent.edges.map(({ port }) => port)).size).toBe(3);
    expect(agent.edges[0]).toEqual({
      caller: 'orders',
      callee: 'payments',
      port: portOf('edge/orders/payments'),
      serverName: 'payments.shop.example',
      calleeId: 'spiffe://shop.example/service/payments',
      endpoint: { host: '127.0.0.1', port: portOf('inbound') },
    });
  });

  test('reaches a workload where it runs: on a port of ours, or at its own address', () => {
    const endpoints = Object.fromEntries(agent.services.map(({ name, endpoints: [first] }) => [name, first]));
    expect(endpoints).toEqual({
      orders: { host: '127.0.0.1', port: portOf('service/orders') },
      payments: { host: '127.0.0.1', port: portOf('service/payments') },
      'catalog-search': { host: '10.0.0.7', port: 8080 },
    });
  });

  test('opens the way out for those who declared one, to what they declared', () => {
    expect(agent.egress).toEqual([{ service: 'orders', port: portOf('egress/orders'), allow: ['api.stripe.com:443'] }]);
  });
});

describe("the gateway's snapshot", () => {
  test('tells apart routes that share a path by their methods, and names the rest by path', () => {
    expect(gateway.routes.map(({ name, source }) => [name, source])).toEqual([
      ['/api/orders GET', 'routes[0]'],
      ['/api/orders POST', 'routes[1]'],
      ['/api/catalog', 'routes[2]'],
    ]);
  });

  test('knows the services that a route leads to, through the inbound listener, and no others', () => {
    expect(gateway.services).toEqual([
      {
        name: 'orders',
        spiffeId: 'spiffe://shop.example/service/orders',
        endpoints: [{ host: '127.0.0.1', port: portOf('inbound') }],
        serverName: 'orders.shop.example',
        sensitive: true,
      },
      {
        name: 'catalog-search',
        spiffeId: 'spiffe://shop.example/service/catalog-search',
        endpoints: [{ host: '127.0.0.1', port: portOf('inbound') }],
        serverName: 'catalog-search.shop.example',
        sensitive: false,
      },
    ]);
  });

  test('carries the bounds of the manifest, a body limit with every route, and the addresses that are denied', () => {
    expect(gateway.http.bodyBytes).toBe(1_048_576);
    expect(gateway.routes.map(({ bodyBytes }) => bodyBytes)).toEqual([1_048_576, 1_048_576, 1_048_576]);
    expect(gateway.ipDeny).toEqual({ networks: ['192.0.2.0/24'], files: [] });
    expect(gateway.provider).toEqual({ path: '/oidc', socket: '/run/oidc.sock' });
  });
});

describe('limits', () => {
  test('each rule says where it stands; quotas per day go by the calendar, shorter ones are rates', () => {
    const { gateway: whole, routes } = compileLimits(manifest);
    expect(whole).toMatchObject([{ kind: 'rate', id: 'gateway:perIp', by: 'ip', count: 600, periodMs: 60_000 }]);
    expect(routes['routes[0]']).toEqual([]);
    expect(routes['routes[1]']).toMatchObject([
      { kind: 'rate', id: '/api/orders POST:perUser', by: 'user', count: 60, origin: 'routes[1].limits.perUser' },
      { kind: 'quota', id: '/api/orders POST:quota:day:user', by: 'user', count: 10_000, period: 'day' },
      { kind: 'concurrency', id: '/api/orders POST:concurrency', by: 'route', count: 5 },
    ]);
    expect(routes['routes[2]']).toMatchObject([{ kind: 'rate', name: 'quota', count: 100, periodMs: 3_600_000 }]);
  });

  test('those of one answer have names of their own', () => {
    const { gateway: whole, routes } = compileLimits(
      manifestOf(`version: 1
trustDomain: shop.example
gateway: { limits: { perIp: 600/min, perUser: 9/min } }
services: { orders: { run: node orders.ts } }
routes:
  - { path: /orders, service: orders, limits: { perIp: 1/s, perUser: 2/s, quota: [5/day, 8/month, 1/h] } }
`),
    );
    const names = [...whole, ...(routes['routes[0]'] ?? [])].map(({ name }) => name);
    expect(names).toEqual(['perIp', 'perUser', 'perIp.route', 'perUser.route', 'quota', 'quota.month', 'quota.route']);
  });

  test('everything that the manifest can say of limits', () => {
    const all = manifestOf(`version: 1
trustDomain: shop.example
gateway:
  limits:
    { perIp: { rate: 600/min, burst: 50 }, total: 10/s, perUser: 9/min, perClaim: { claim: 'https://t/x', rate: 5/s }, ipv6Prefix: 56 }
services: { orders: { run: node orders.ts } }
routes:
  - path: /orders
    service: orders
    limits:
      perApiKey: 3/s
      perRoute: 7/s
      quota: [5/day, { rate: 90/month, by: { claim: tenant } }]
      concurrency: { count: 2, by: user }
      cost: { GET: 2 }
  - { path: /open, service: orders, auth: public, limits: { perIp: 1/s } }
`);
    const {
      ipv6PrefixBits,
      gateway: whole,
      routes,
      costs,
      apiKeys,
    } = compileLimits(all, [{ id: 'abcdefghijkl', limit: { count: 4, periodMs: 1000, text: '4/s' } }]);
    expect(ipv6PrefixBits).toBe(56);
    expect(whole).toMatchObject([
      { id: 'gateway:perIp', by: 'ip', count: 600, burst: 50 },
      { id: 'gateway:total', by: 'all', count: 10 },
    ]);
    expect(routes['routes[0]']).toMatchObject([
      { id: 'gateway:perUser', by: 'user' },
      { id: 'gateway:perClaim:https://t/x', name: 'perClaim.https___t_x', by: { claim: 'https://t/x' } },
      { id: '/orders:perApiKey', by: 'apiKey' },
      { id: '/orders:perRoute', by: 'route' },
      { kind: 'quota', id: '/orders:quota:day:user', name: 'quota', period: 'day' },
      { kind: 'quota', name: 'quota.tenant', by: { claim: 'tenant' }, period: 'month' },
      { kind: 'concurrency', by: 'user', count: 2 },
    ]);
    expect(routes['routes[1]']).toMatchObject([{ id: '/open:perIp' }]);
    expect(costs).toEqual({ 'routes[0]': { GET: 2, HEAD: 2 } });
    expect(apiKeys).toMatchObject({ abcdefghijkl: [{ id: 'apiKey:abcdefghijkl', by: 'apiKey', count: 4 }] });
    expect(
      limitsSectionSchema.safeParse({ ipv6PrefixBits, gateway: whole, routes, costs, apiKeys }).error,
    ).toBeUndefined();
  });

  test('no two rules share a counter', () => {
    const { gateway: whole, routes } = compileLimits(manifest);
    const ids = [...whole, ...Object.values(routes).flat()].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});

describe("the supervisor's snapshot", () => {
  const planOf = (name: string) => supervisor.workloads.find(({ service }) => service === name);

  test('runs what has a command, and not what runs elsewhere', () => {
    expect(supervisor.workloads.map(({ service, command, cwd }) => [service, command, cwd])).toEqual([
      ['orders', ['node', 'orders.ts'], '/srv/shop'],
      ['payments', ['node', 'payments.ts'], '/srv/shop'],
    ]);
  });

  test('tells a workload where it listens, who it is, where its callees are, and its way out', () => {
    const proxy = `http://127.0.0.1:${portOf('egress/orders')}`;
    expect(planOf('orders')).toMatchObject({
      healthPath: '/healthz',
      endpoint: { host: '127.0.0.1', port: portOf('service/orders') },
    });
    expect(planOf('orders')?.env).toEqual({
      PATH: '/bin',
      HOST: '127.0.0.1',
      PORT: String(portOf('service/orders')),
      MERLON_SERVICE: 'orders',
      MERLON_SPIFFE_ID: 'spiffe://shop.example/service/orders',
      MERLON_PUBLIC_URL: manifest.gateway.publicUrl,
      MERLON_ISSUER: 'https://localhost:8443/oidc',
      PAYMENTS_URL: `http://127.0.0.1:${portOf('edge/orders/payments')}`,
      CATALOG_SEARCH_URL: `http://127.0.0.1:${portOf('edge/orders/catalog-search')}`,
      HTTPS_PROXY: proxy,
      https_proxy: proxy,
      NO_PROXY: '127.0.0.1,localhost',
      no_proxy: '127.0.0.1,localhost',
      NODE_USE_ENV_PROXY: '1',
      MODE: 'shop',
      DB_PASSWORD: 'hunter2',
    });
  });

  test('gives a workload no address of what it may not call, no proxy, and no secret of another', () => {
    const { env } = planOf('payments') as { env: Record<string, string> };
    expect(Object.keys(env)).not.toEqual(expect.arrayContaining(['ORDERS_URL']));
    expect(env).not.toHaveProperty('HTTPS_PROXY');
    expect(env).not.toHaveProperty('DB_PASSWORD');
    expect(JSON.stringify(planOf('payments'))).not.toContain('hunter2');
  });

  test('keeps every secret out of the command line, which all users of the host can read', () => {
    for (const { command } of supervisor.workloads) expect(command.join(' ')).not.toContain('hunter2');
  });
});

test('no secret is in the snapshots of the data plane but the key of the public port', () => {
  expect(JSON.stringify(agent)).not.toMatch(/hunter2|EDGE-KEY|DB_PASSWORD|secret\/orders/);
  expect(JSON.stringify(gateway)).not.toMatch(/hunter2|DB_PASSWORD|secret\/orders/);
  expect(JSON.stringify({ ...gateway, certificate: undefined })).not.toContain('EDGE-KEY');
});

test('ports are asked for by purpose; the manifest may fix those of services', () => {
  expect(purposes).toEqual([
    'control',
    'inbound',
    'service/orders',
    'edge/orders/payments',
    'edge/orders/catalog-search',
    'egress/orders',
    'service/payments',
    'edge/payments/catalog-search',
  ]);
  expect([...fixedPorts(manifest)]).toEqual([['service/payments', 7101]]);
});

test('the policy model names routes as the gateway does, with what each demands', () => {
  const model = compilePolicyModel(manifest, new Map());
  expect(model.routes.map(({ path }) => path)).toEqual(gateway.routes.map(({ name }) => name));
  expect(model.routes[0]).toMatchObject({ service: 'orders', auth: 'required', scopes: { GET: ['orders:read'] } });
  expect(model.routes[2]).toMatchObject({ auth: 'optional' });
  expect(model.roles).toEqual(['customer']);
});

test('names follow from the trust domain', () => {
  expect(serviceId('a.b', 'x')).toBe('spiffe://a.b/service/x');
  expect(roleId('a.b', 'agent')).toBe('spiffe://a.b/merlon/agent');
  expect(serverName('a.b', 'x')).toBe('x.a.b');
  expect(urlVariable('catalog-search')).toBe('CATALOG_SEARCH_URL');
  expect(routeName({ host: 'a.example', path: '/x' }, [{ path: '/x' }])).toBe('a.example/x');
});
