import { hash } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { type GatewayParts, startTestGateway, type TestGateway } from '../../test/fakes/gateway.ts';
import type { Protection } from '../api/protections.ts';

const running: TestGateway[] = [];

afterEach(async () => {
  for (const gateway of running.splice(0)) await gateway.stop();
});

async function start(parts?: GatewayParts): Promise<TestGateway> {
  const gateway = await startTestGateway(parts);
  running.push(gateway);
  return gateway;
}

const off = (protection: Protection): GatewayParts => ({ weaknesses: new Set([protection]) });

test('a request passes the mesh to its service, and leaves a decision', async () => {
  const gateway = await start();
  const { status, headers, body } = await gateway.call('/a/b?q=1', { method: 'POST', body: 'hello' });
  expect([status, body]).toEqual([200, '{"ok":true}']);
  expect(gateway.seen[0]).toMatchObject({ method: 'POST', url: '/a/b?q=1', body: 'hello' });
  await expect.poll(() => gateway.decisions.length).toBe(1);
  expect(gateway.decisions[0]).toMatchObject({
    verdict: 'allow',
    status: 200,
    path: '/a/b',
    route: '/',
    service: 'echo',
    id: headers['merlon-decision'],
  });
});

describe('identity headers', () => {
  const spoofed = {
    'merlon-subject': 'admin',
    'Merlon-Roles': 'manager',
    'x-forwarded-user': 'admin',
    'x-original-url': '/admin',
    'x-http-method-override': 'DELETE',
  };

  test('none that a caller sends reaches the service', async () => {
    const gateway = await start();
    await gateway.call('/', { headers: spoofed });
    const { headers } = gateway.seen[0] as { headers: Record<string, string> };
    for (const name of Object.keys(spoofed)) expect(headers[name.toLowerCase()]).toBeUndefined();
    expect(headers['merlon-decision']).toMatch(/^[0-9a-f-]{36}$/);
  });

  test('they would, were the protection off', async () => {
    const gateway = await start(off('http.identity-headers'));
    await gateway.call('/', { headers: spoofed });
    expect(gateway.seen[0]?.headers['merlon-subject']).toBe('admin');
  });
});

test('who the client is, is written anew', async () => {
  const gateway = await start();
  await gateway.call('/', {
    headers: { 'x-forwarded-for': '8.8.8.8', forwarded: 'for=8.8.8.8', 'x-real-ip': '8.8.8.8' },
  });
  const { headers } = gateway.seen[0] as { headers: Record<string, string> };
  expect(headers['x-forwarded-for']).toBe('127.0.0.1');
  expect(headers.forwarded).not.toContain('8.8.8.8');
  expect(headers['x-real-ip']).toBeUndefined();
});

describe('the caller’s credential', () => {
  const headers = { authorization: 'Bearer secret', 'x-api-key': 'secret' };

  test('does not reach the service', async () => {
    const gateway = await start();
    await gateway.call('/', { headers });
    expect(gateway.seen[0]?.headers.authorization).toBeUndefined();
    expect(gateway.seen[0]?.headers['x-api-key']).toBeUndefined();
  });

  test('does where the route says so', async () => {
    const gateway = await start({ route: { forwardAuthorization: true } });
    await gateway.call('/', { headers });
    expect(gateway.seen[0]?.headers.authorization).toBe('Bearer secret');
  });
});

test('a credential is demanded, and its absence told with a decision id and nothing else', async () => {
  const gateway = await start({ route: { auth: 'required' } });
  const { status, headers, body } = await gateway.call('/secret');
  expect(status).toBe(401);
  expect(headers['content-type']).toBe('application/problem+json');
  expect(headers['www-authenticate']).toContain('Bearer');
  expect(Object.keys(JSON.parse(body)).sort()).toEqual([
    'code',
    'decision',
    'detail',
    'instance',
    'status',
    'title',
    'type',
  ]);
  expect(gateway.seen).toEqual([]);
  expect(gateway.decisions[0]).toMatchObject({
    verdict: 'deny',
    reason: { filter: 'authn', code: 'authn.token-missing' },
  });
  const outcomes = Object.fromEntries(
    gateway.decisions[0]?.steps.map(({ filter, outcome }) => [filter, outcome]) ?? [],
  );
  expect(outcomes).toMatchObject({ route: 'pass', authn: 'deny', authz: 'skip', forward: 'skip' });
});

describe('addresses', () => {
  test('a denied network is turned away, also where no route matches', async () => {
    const gateway = await start({
      snapshot: { ipDeny: { networks: ['127.0.0.0/8'], files: [] } },
      route: { path: '/api' },
    });
    expect((await gateway.call('/api')).status).toBe(403);
    expect((await gateway.call('/nowhere')).status).toBe(403);
  });

  test('it gets in where the protection is off', async () => {
    const gateway = await start({
      snapshot: { ipDeny: { networks: ['127.0.0.0/8'], files: [] } },
      ...off('ip.access'),
    });
    expect((await gateway.call('/')).status).toBe(200);
  });

  test('only allowed networks get in', async () => {
    const gateway = await start({ snapshot: { ipAllow: { networks: ['10.0.0.0/8'], files: [] } } });
    expect((await gateway.call('/')).status).toBe(403);
  });

  test('the client is whom a trusted proxy names', async () => {
    const gateway = await start({
      snapshot: { ipDeny: { networks: ['203.0.113.0/24'], files: [] }, trustedProxies: ['127.0.0.1'] },
    });
    expect((await gateway.call('/', { headers: { 'x-forwarded-for': '203.0.113.9' } })).status).toBe(403);
    expect((await gateway.call('/', { headers: { 'x-forwarded-for': '198.51.100.1' } })).status).toBe(200);
  });
});

test('methods that the route does not take are refused by name', async () => {
  const gateway = await start({ route: { methods: ['GET', 'HEAD'] } });
  const { status, headers } = await gateway.call('/', { method: 'DELETE' });
  expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
});

describe('encoded slashes', () => {
  test('are refused', async () => {
    const gateway = await start();
    expect((await gateway.call('/a%2fb')).status).toBe(400);
  });

  test('pass, in one spelling, where the route says so', async () => {
    const gateway = await start({ route: { encodedSlashes: true } });
    expect((await gateway.call('/a%2fb')).status).toBe(200);
    expect(gateway.seen[0]?.url).toBe('/a%2Fb');
  });
});

describe('bodies', () => {
  const body = 'x'.repeat(1001);

  test('one that is too large is refused before the service sees it', async () => {
    const gateway = await start();
    expect((await gateway.call('/', { method: 'POST', body })).status).toBe(413);
    expect(gateway.seen).toEqual([]);
  });

  test('it passes where the protection is off', async () => {
    const gateway = await start(off('http.body-limit'));
    expect((await gateway.call('/', { method: 'POST', body })).status).toBe(200);
  });
});

describe('limits', () => {
  const limits = {
    ipv6PrefixBits: 64,
    gateway: [
      {
        kind: 'rate' as const,
        id: 'perIp',
        name: 'perIp',
        by: 'ip' as const,
        origin: 'gateway.limits.perIp',
        text: '2/min',
        count: 2,
        periodMs: 60_000,
      },
    ],
    routes: {},
  };

  test('the third request in the minute is refused, and told when to come again', async () => {
    const gateway = await start({ snapshot: { limits } });
    expect((await gateway.call('/')).headers.ratelimit).toContain('r=1');
    await gateway.call('/');
    const { status, headers } = await gateway.call('/');
    expect(status).toBe(429);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
  });

  test('requests for nothing count too', async () => {
    const gateway = await start({ snapshot: { limits }, route: { path: '/api' } });
    const statuses = [];
    for (let at = 0; at < 3; at++) statuses.push((await gateway.call('/nowhere')).status);
    expect(statuses).toEqual([404, 404, 429]);
  });
});

describe('CORS', () => {
  const cors = {
    origins: ['https://app.example'],
    methods: ['GET', 'PUT'],
    headers: ['authorization'],
    credentials: true,
    maxAgeSeconds: 600,
  };

  test('a preflight of a known origin is answered without a credential', async () => {
    const gateway = await start({ route: { cors, auth: 'required', methods: ['GET', 'PUT'] } });
    const { status, headers } = await gateway.call('/', {
      method: 'OPTIONS',
      headers: { origin: 'https://app.example', 'access-control-request-method': 'PUT' },
    });
    expect(status).toBe(204);
    expect(headers).toMatchObject({
      'access-control-allow-origin': 'https://app.example',
      'access-control-allow-methods': 'GET, PUT',
      'access-control-allow-credentials': 'true',
    });
  });

  test('another origin is told nothing', async () => {
    const gateway = await start({ route: { cors } });
    const { headers } = await gateway.call('/', { headers: { origin: 'https://evil.example' } });
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  test('is for the manifest to say: what the service says of it is dropped, without `cors` it stands', async () => {
    const answer = { 'access-control-allow-origin': '*', 'access-control-allow-credentials': 'true' };
    const headers = { origin: 'https://evil.example' };
    const gateway = await start({ route: { cors }, answer });
    const refused = (await gateway.call('/', { headers })).headers;
    expect(refused['access-control-allow-origin']).toBeUndefined();
    expect(refused['access-control-allow-credentials']).toBeUndefined();
    const open = await start({ answer });
    expect((await open.call('/', { headers })).headers['access-control-allow-origin']).toBe('*');
  });

  test.each([[{}], [{ origin: 'https://evil.example' }], [{ origin: 'null' }], [{ origin: 'https://app.example' }]])(
    'no cache may give one origin what another was told: %j',
    async (headers) => {
      const gateway = await start({ route: { cors } });
      expect((await gateway.call('/', { headers })).headers.vary).toMatch(/Origin/);
      const any = await start({ route: { cors: { ...cors, origins: ['*'], credentials: false } } });
      expect((await any.call('/', { headers })).headers.vary ?? '').not.toMatch(/Origin/);
    },
  );
});

test.each([
  'X_Forwarded_For',
  'X_Real_IP',
  'CF-Connecting-IP',
  'X-Forwarded-Scheme',
  'Front-End-Https',
  'X_HTTP_Method_Override',
  'X-Original-Method',
  'X-HTTP-Path-Override',
  'X-Middleware-Subrequest',
  'Proxy',
])('`%s`, which some services believe, is not for callers to send', async (name) => {
  const gateway = await start({});
  await gateway.call('/', { headers: { [name]: '6.6.6.6', 'x-mine': 'kept' } });
  expect(gateway.seen[0]?.headers['x-mine']).toBe('kept');
  expect(Object.keys(gateway.seen[0]?.headers ?? {})).not.toContain(name.toLowerCase());
});

test('what the service reveals of itself is removed, and what browsers need is added', async () => {
  const gateway = await start({ answer: { 'x-powered-by': 'php', 'merlon-subject': 'x' } });
  const { headers } = await gateway.call('/');
  expect(headers.server).toBeUndefined();
  expect(headers['x-powered-by']).toBeUndefined();
  expect(headers['merlon-subject']).toBeUndefined();
  expect(headers['x-content-type-options']).toBe('nosniff');
});

test('a prefix that the route strips is gone for the service', async () => {
  const gateway = await start({ route: { path: '/api', stripPrefix: true } });
  await gateway.call('/api/orders');
  await gateway.call('/api');
  expect(gateway.seen.map(({ url }) => url)).toEqual(['/orders', '/']);
});

test('malformed requests leave a decision of their own', async () => {
  const gateway = await start();
  expect((await gateway.call('/%00')).status).toBe(400);
  expect(gateway.decisions[0]).toMatchObject({ verdict: 'deny', steps: [{ filter: 'http', outcome: 'deny' }] });
});

describe('API keys', () => {
  const key = `mk_abcdefghijkl_${'A'.repeat(43)}`;
  const authn = {
    realm: 'test',
    issuers: [],
    apiKeys: [
      {
        id: 'abcdefghijkl',
        secrets: [{ hash: hash('sha256', key, 'base64url'), expiresAtMs: Date.now() + 60_000 }],
        principal: { kind: 'client' as const, id: 'ci', scopes: [] },
      },
    ],
    apiKeyHeader: { name: 'x-shop-key', bearer: true },
    revokedTokens: [],
    revokedSubjects: [],
  };

  test.each([
    ['x-shop-key', key],
    ['authorization', `Bearer ${key}`],
  ])('are verified in `%s`, and never reach the service', async (name, value) => {
    const gateway = await start({ snapshot: { authn }, route: { auth: 'apiKey' } });
    expect((await gateway.call('/', { headers: { [name]: value } })).status).toBe(200);
    expect(gateway.seen[0]?.headers['merlon-subject']).toBe('ci');
    expect(JSON.stringify(gateway.seen)).not.toContain('AAAA');
    await expect.poll(() => gateway.decisions.length).toBe(1);
    expect(JSON.stringify(gateway.decisions)).not.toContain('AAAA');
  });

  test('are asked for where the route takes nothing else', async () => {
    const gateway = await start({ snapshot: { authn }, route: { auth: 'apiKey' } });
    expect(JSON.parse((await gateway.call('/')).body)).toMatchObject({ status: 401, code: 'authn.api-key-missing' });
  });

  test('of another secret open nothing, but where the protection is off', async () => {
    const forged = { headers: { 'x-shop-key': `mk_abcdefghijkl_${'B'.repeat(43)}` } };
    const guarded = await start({ snapshot: { authn }, route: { auth: 'apiKey' } });
    expect((await guarded.call('/', forged)).status).toBe(401);
    const open = await start({ snapshot: { authn }, route: { auth: 'apiKey' }, ...off('authn.api-key') });
    expect((await open.call('/', forged)).status).toBe(200);
  });
});
