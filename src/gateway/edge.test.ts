import { afterEach, describe, expect, test } from 'vitest';
import { type GatewayParts, startTestGateway, type TestGateway } from '../../test/fakes/gateway.ts';
import type { ScannerRules } from '../api/edge.ts';
import { defaultGraphqlLimits } from '../api/openapi.ts';
import type { GatewayRoute } from '../api/snapshot.ts';
import { documentOf } from '../openapi/document.suite.ts';

const running: TestGateway[] = [];

afterEach(async () => {
  for (const gateway of running.splice(0)) await gateway.stop();
});

async function start(parts: GatewayParts): Promise<TestGateway> {
  const gateway = await startTestGateway(parts);
  running.push(gateway);
  return gateway;
}

describe('a GraphQL endpoint', () => {
  const route: Partial<GatewayRoute> = { graphql: defaultGraphqlLimits, bodyBytes: 100_000 };
  const ask = (gateway: TestGateway, query: string, headers: Record<string, string> = {}) =>
    gateway.call('/', {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query }),
    });
  const deep = `${'{ a '.repeat(11)}${'}'.repeat(11)}`;

  test('answers what is within its bounds', async () => {
    const gateway = await start({ route });
    expect((await ask(gateway, '{ orders(first: 10) { id } }')).status).toBe(200);
    expect(gateway.seen[0]?.body).toBe('{"query":"{ orders(first: 10) { id } }"}');
  });

  test.each([
    ['depth', deep, 'openapi.graphql-depth'],
    ['introspection', '{ __schema { types { name } } }', 'openapi.graphql-introspection'],
    ['aliases', `{ ${Array.from({ length: 16 }, (_, at) => `a${at}: b`).join(' ')} }`, 'openapi.graphql-aliases'],
    ['cost', '{ a(first: 1000) { b(first: 1000) { c } } }', 'openapi.graphql-cost'],
  ])('refuses by %s, says which key allows it, and nothing arrives', async (key, query, code) => {
    const gateway = await start({ route });
    const { status, body } = await ask(gateway, query);
    expect([status, JSON.parse(body).code, gateway.seen.length]).toEqual([400, code, 0]);
    expect(gateway.decisions[0]?.reason).toMatchObject({ filter: 'graphql', rule: `routes[0].graphql.${key}` });
    const off = await start({ route, weaknesses: new Set(['graphql.bounds'] as const) });
    expect((await ask(off, query)).status).toBe(200);
  });

  test('takes POST with JSON alone, whole, and no larger than the route says', async () => {
    const gateway = await start({ route: { ...route, bodyBytes: 200 } });
    expect((await gateway.call('/?query={a}')).status).toBe(405);
    expect((await ask(gateway, '{ a }', { 'content-type': 'text/plain' })).status).toBe(415);
    expect((await ask(gateway, `{ a } ${' '.repeat(300)}`)).status).toBe(413);
    const chunked = { 'transfer-encoding': 'chunked' };
    expect((await ask(gateway, `{ a } ${' '.repeat(300)}`, chunked)).status).toBe(413);
    expect(gateway.seen).toEqual([]);
  });

  test('tells its clients in their own format where they ask for it', async () => {
    const gateway = await start({ route });
    const { status, headers, body } = await ask(gateway, deep, { accept: 'application/graphql-response+json' });
    expect([status, headers['content-type']]).toEqual([400, 'application/graphql-response+json']);
    expect(JSON.parse(body)).toEqual({
      errors: [
        {
          message: 'the depth of the request is above its limit',
          extensions: { code: 'openapi.graphql-depth', decision: headers['merlon-decision'] },
        },
      ],
    });
  });
});

describe('scanners', () => {
  const scanners: ScannerRules = {
    mode: 'throttle',
    count: 30,
    periodMs: 60_000,
    rate: '30/min',
    failures: 10,
    share: 0.5,
    halfLifeMs: 60_000,
    honeypots: ['/.env'],
    friendly: { networks: [], files: [] },
  };
  const parts = (rules: Partial<ScannerRules> = {}): GatewayParts => ({
    snapshot: { scanners: { ...scanners, ...rules }, trustedProxies: ['127.0.0.1'] },
    route: { path: '/api' },
  });
  const from = (address: string) => ({ headers: { 'x-forwarded-for': address, accept: '*/*', 'user-agent': 'curl' } });
  const guess = async (gateway: TestGateway, address: string): Promise<void> => {
    for (let at = 0; at < 11; at++) await gateway.call(`/backup-${at}.zip`, from(address));
  };
  const statuses = async (gateway: TestGateway, address: string): Promise<number[]> => {
    const all: number[] = [];
    for (let at = 0; at < 8; at++) all.push((await gateway.call('/api', from(address))).status);
    return all;
  };

  test('are throttled by address, and told when to come again; others are not', async () => {
    const gateway = await start(parts());
    await guess(gateway, '192.0.2.1');
    expect(await statuses(gateway, '192.0.2.1')).toContain(429);
    expect(await statuses(gateway, '192.0.2.2')).toEqual(new Array(8).fill(200));
    const refused = await gateway.call('/api', from('192.0.2.1'));
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    const decision = gateway.decisions.find(({ id }) => id === refused.headers['merlon-decision']);
    expect(decision?.reason).toMatchObject({
      code: 'gateway.scanner',
      clause: expect.stringMatching(/requests failed$/),
    });
  });

  test('go on where the protection is off, or only reports', async () => {
    const off = await start({ ...parts(), weaknesses: new Set(['scanner.throttle'] as const) });
    await guess(off, '192.0.2.1');
    expect(await statuses(off, '192.0.2.1')).toEqual(new Array(8).fill(200));
    const report = await start(parts({ mode: 'report' }));
    await guess(report, '192.0.2.1');
    expect(await statuses(report, '192.0.2.1')).toEqual(new Array(8).fill(200));
    expect(report.decisions.at(-1)?.steps).toContainEqual({ filter: 'scanners', outcome: 'report' });
  });

  test('fall for honeypots', async () => {
    const gateway = await start(parts());
    await gateway.call('/.env', from('192.0.2.1'));
    expect(await statuses(gateway, '192.0.2.1')).toContain(429);
  });
});

describe('a version that goes away', () => {
  const deprecated = {
    sinceMs: Date.UTC(2026, 0, 1),
    sunsetMs: Date.UTC(2027, 5, 30),
    successor: '/v2/orders',
    info: 'https://docs.example/v1',
    refuses: true,
  };

  test('is announced', async () => {
    const gateway = await start({ route: { deprecated: { ...deprecated, sunsetMs: Date.now() + 1e9 } } });
    const { status, headers } = await gateway.call('/v1/orders');
    expect(status).toBe(200);
    expect(headers).toMatchObject({ deprecation: '@1767225600', sunset: expect.stringMatching(/ GMT$/) });
    expect(headers.link).toBe('</v2/orders>; rel="successor-version", <https://docs.example/v1>; rel="deprecation"');
    expect(gateway.endpoints.findings().endpoints).toMatchObject([{ kind: 'zombie', path: '/', answered: 1 }]);
  });

  test('is refused after its sunset where the manifest says so', async () => {
    for (const [refuses, expected] of [
      [true, 410],
      [false, 200],
    ] as const) {
      const gateway = await start({ route: { deprecated: { ...deprecated, sunsetMs: Date.now() - 1000, refuses } } });
      const { status, headers } = await gateway.call('/v1/orders');
      expect([status, headers.deprecation]).toEqual([expected, '@1767225600']);
    }
  });
});

describe('endpoints that nobody declared', () => {
  const document = documentOf(`
paths:
  /v2/orders: { get: { responses: { '200': { description: ok } } } }
  /v1/orders: { get: { deprecated: true, x-sunset: '2027-06-30', responses: { '200': { description: ok } } } }
`);
  const validate = (undeclared: 'refuse' | 'allow'): Partial<GatewayRoute> => ({
    validate: { requests: 'block', unknownFields: 'refuse', undeclared, responses: 'off' },
  });

  test('are refused and counted, as are those that are to go', async () => {
    const gateway = await start({ document, route: validate('refuse') });
    expect((await gateway.call('/v2/orders')).status).toBe(200);
    const old = await gateway.call('/v1/orders');
    expect(old.headers).toMatchObject({ deprecation: '@0', sunset: 'Wed, 30 Jun 2027 00:00:00 GMT' });
    expect((await gateway.call('/debug/17')).status).toBe(404);
    expect((await gateway.call('/v2/orders', { method: 'DELETE' })).status).toBe(405);
    expect(gateway.endpoints.findings().endpoints).toMatchObject([
      { kind: 'zombie', service: 'echo', path: '/v1/orders', answered: 1, sunset: '2027-06-30' },
      { kind: 'shadow', path: '/debug/{}', answered: 0, callers: [{ client: 'anonymous' }] },
      { kind: 'shadow', method: 'DELETE', path: '/v2/orders', answered: 0 },
    ]);
  });

  test('answer where they are let in, which the report proves', async () => {
    const gateway = await start({ document, route: validate('allow') });
    expect((await gateway.call('/debug/17')).status).toBe(200);
    expect(gateway.endpoints.findings().endpoints).toMatchObject([{ kind: 'shadow', path: '/debug/{}', answered: 1 }]);
  });
});

describe('fields of answers', () => {
  test('caches keep nothing of what a document calls sensitive, even on a public route', async () => {
    const document = documentOf(`
paths:
  /a: { get: { x-merlon-data: [pii], responses: { '200': { description: ok } } } }
  /b: { get: { responses: { '200': { description: ok } } } }
`);
    const answer = { 'cache-control': 'public, max-age=600', 'cdn-cache-control': 'max-age=600' };
    const gateway = await start({ document, answer });
    const { headers } = await gateway.call('/a');
    expect([headers['cache-control'], headers['cdn-cache-control']]).toEqual(['no-store', undefined]);
    expect((await gateway.call('/b')).headers['cache-control']).toBe('public, max-age=600');
  });

  test('those that the manifest hides do not reach the caller', async () => {
    const answer = { 'x-debug-token': 'abc', 'x-other': '1' };
    const shown = await start({ answer });
    expect((await shown.call('/')).headers['x-debug-token']).toBe('abc');
    const gateway = await start({ answer, snapshot: { hideHeaders: ['x-debug-token'] } });
    const { headers } = await gateway.call('/');
    expect([headers['x-debug-token'], headers['x-other']]).toEqual([undefined, '1']);
  });

  test('the service is told the id of the request, and a trace state only with its trace', async () => {
    const gateway = await start({});
    const trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const { headers } = await gateway.call('/', {
      headers: { 'x-request-id': 'mine', traceparent: trace, tracestate: 'a=1' },
    });
    expect(gateway.seen[0]?.headers['x-request-id']).toBe(headers['merlon-decision']);
    expect(gateway.seen[0]?.headers.traceparent).toMatch(/^00-4bf92f3577b34da6a3ce929d0e0e4736-/);
    expect(gateway.seen[0]?.headers.tracestate).toBe('a=1');
    await gateway.call('/', { headers: { traceparent: 'nonsense', tracestate: 'a=1' } });
    expect(gateway.seen[1]?.headers.tracestate).toBeUndefined();
  });
});
