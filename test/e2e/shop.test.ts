// The shop behind the platform: who reaches what, what is refused, and how each refusal is explained.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Call, keepAlive } from './caller.ts';
import { outputOf, type Platform, startPlatform } from './platform.ts';

const order = { items: [{ productId: 'kettle', quantity: 2 }], cardToken: 'tok_visa_4242' };
const bulk = `
  bulk:
    run: [node, ${join(import.meta.dirname, 'bulk-server.ts')}]

routes:
  - path: /bulk
    service: bulk
    auth: optional
`;

let platform: Platform;
let call: Platform['call'];

beforeAll(async () => {
  platform = await startPlatform({ edit: (text) => text.replace('\nroutes:\n', bulk) });
  call = platform.call;
}, 90_000);

afterAll(() => platform?.stop(), 60_000);

/** The fields that a refusal has, and that it tells nothing else (RFC 9457). */
function expectProblem(answer: Call, status: number, code: string): void {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.headers['content-type']).toBe('application/problem+json');
  const { type, title, detail, 'violated-policies': _, ...rest } = answer.json;
  expect(rest).toEqual({ status, code, decision: answer.decision, instance: `urn:uuid:${answer.decision}` });
  expect([type, typeof title, typeof detail]).toEqual([`urn:merlon:problem:${code}`, 'string', 'string']);
  expect(answer.decision).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(answer.text).not.toMatch(/policies\/|\.cedar|routes\[|spiffe:|127\.0\.0\.1|\.ts\b|node_modules|services\//);
}

/** What `merlon explain` says, on one line and without its frame. */
async function explained(answer: Call): Promise<string> {
  return (await platform.explain(answer.decision)).replaceAll(/[\s│]+/g, ' ');
}

/** What comes back on a connection of its own for bytes that are no request. */
function sayRaw(bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port: platform.port, host: '127.0.0.1', servername: 'localhost', ca: platform.ca });
    let text = '';
    socket.on('data', (chunk) => (text += chunk));
    socket.on('end', () => resolve(text)).on('error', reject);
    socket.end(bytes, 'latin1');
  });
}

it('explains what was refused before it was a request', async () => {
  const answer = await sayRaw('GET /api/orders HTTP/1.1\r\nHost: localhost\r\nX : y\r\n\r\n');
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  const [, decision = ''] = /merlon-decision: (\S+)/.exec(answer) ?? [];
  const said = (await platform.explain(decision)).replaceAll(/[\s│]+/g, ' ');
  expect(said).toContain('net.bad-header');
  expect(said).toContain('/api/orders');
});

describe('an order', () => {
  let placed: Call;

  beforeAll(async () => {
    placed = await call('/api/orders', { method: 'POST', as: 'alice', body: order });
  }, 30_000);

  it('is placed by who signed in, priced by the catalog, charged by payments', async () => {
    expect(placed.status, placed.text).toBe(201);
    expect(placed.json).toMatchObject({ customer: 'alice', status: 'paid', totalCents: 6980 });
    const charge = await call(`/api/payments/charges/${placed.json.chargeId}`, { as: 'mia' });
    expect(charge.json).toMatchObject({ orderId: placed.json.id, amountCents: 6980, status: 'succeeded' });
  });

  it('went from service to service under their own identities', async () => {
    const records = outputOf(await platform.merlon('audit', 'query', '--json', '--limit', '200'))
      .split('\n')
      .map((line) => JSON.parse(line));
    const edges = records.filter(({ plane }) => plane === 'mesh').map((each) => [each.principal?.id, each.service]);
    expect(edges).toContainEqual(['spiffe://shop.example/service/orders', 'catalog']);
    expect(edges).toContainEqual(['spiffe://shop.example/service/orders', 'payments']);
  });

  it('is there for its owner and for staff, and for nobody else', async () => {
    const path = `/api/orders/${placed.json.id}`;
    expect((await call(path, { as: 'alice' })).status).toBe(200);
    expect((await call(path, { as: 'sam' })).status).toBe(200);
    expect((await call(path, { as: 'bob' })).status).toBe(404);
    expect((await call('/api/orders', { as: 'bob' })).json.orders).toEqual([]);
    expectProblem(await call(path), 401, 'authn.token-missing');
  });

  it('is shipped by the manager alone', async () => {
    const ship = { method: 'POST', body: undefined };
    const path = `/api/orders/${placed.json.id}/ship`;
    const refused = await call(path, { ...ship, as: 'alice' });
    expectProblem(refused, 403, 'authz.denied');
    expect(await explained(refused)).toContain('orders-are-shipped-by-managers');
    expect((await call(path, { ...ship, as: 'sam' })).status).toBe(403);
    expect((await call(path, { ...ship, as: 'mia' })).json.status).toBe('shipped');
  });
});

describe('who may do what', () => {
  it('holds by method: what a token may read it may not write', async () => {
    const product = { id: 'tray', name: 'Tray', description: 'Bamboo.', priceCents: 1990, currency: 'EUR', stock: 4 };
    expect((await call('/api/catalog/products', { as: 'alice' })).status).toBe(200);
    const refused = await call('/api/catalog/products', { method: 'POST', as: 'alice', body: product });
    expect(refused.status).toBe(403);
    expect(refused.headers['www-authenticate']).toContain('insufficient_scope');
    expect(await explained(refused)).toContain('catalog:write');
    expect((await call('/api/catalog/products', { method: 'POST', as: 'mia', body: product })).status).toBe(201);
  });

  it('keeps a job of its own to its scopes', async () => {
    const token = await platform.clientToken('reporting');
    expect((await call('/api/orders', { token })).status).not.toBe(403);
    expectProblem(await call('/api/catalog/products', { token }), 403, 'authz.scope-missing');
  });

  it('keeps a profile to its owner, and tells the operator which claim decided', async () => {
    const profile = { name: 'Alice Ardent', address: '1 Harbour Street', phone: '+49 40 5550100' };
    const path = '/api/customers/alice/profile';
    expect((await call(path, { method: 'PUT', as: 'alice', body: profile })).json).toEqual(profile);
    expect((await call(path, { as: 'sam' })).json).toEqual(profile);
    const refused = await call(path, { as: 'bob' });
    expect(refused.status).toBe(403);
    const reason = await explained(refused);
    for (const part of ['authz deny', 'owner', 'sub', 'bob', 'smallest change']) expect(reason).toContain(part);
  });

  it('explains a policy by file, clause and fix', async () => {
    const token = await platform.token('sam');
    const refused = await call('/api/customers/alice/profile', { method: 'PUT', token, body: {} });
    expect(refused.status).toBe(403);
    expect(await explained(refused)).toMatch(/support-only-reads|customers:write/);
  });

  it('does not take a caller at their word', async () => {
    const spoofed = { 'merlon-subject': 'bob', 'merlon-roles': 'manager', 'Merlon-Scopes': 'orders:write' };
    const own = await call('/api/orders', { as: 'alice', headers: spoofed });
    expect(own.json.orders.every(({ customer }: { customer: string }) => customer === 'alice')).toBe(true);
    const seen = (await call('/bulk/headers', { as: 'alice', headers: spoofed })).json;
    expect(seen['merlon-subject']).toBe('alice');
    expect(seen['merlon-roles']).toBe('customer');
    expect(seen).not.toHaveProperty('authorization');
    const anonymous = (await call('/bulk/headers', { headers: spoofed })).json;
    for (const name of ['merlon-subject', 'merlon-roles', 'merlon-scopes']) expect(anonymous).not.toHaveProperty(name);
  });

  it('refuses forged and damaged tokens alike', async () => {
    const token = await platform.token('alice');
    const [head, body] = token.split('.') as [string, string];
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
    for (const forged of [`${none}.${body}.`, `${head}.${body}.AAAA`, `${token}x`, 'x', token.slice(0, -8)]) {
      const answer = await call('/api/orders', { token: forged });
      expect(answer.status).toBe(401);
      expect(answer.text).not.toContain(forged.slice(0, 40));
    }
  });
});

describe('what the documents do not declare', () => {
  it.each([
    ['a field that nobody named', { ...order, totalCents: 1 }],
    ['a value of the wrong type', { ...order, items: 'kettle' }],
    ['a value out of range', { ...order, items: [{ productId: 'kettle', quantity: 1e9 }] }],
    [
      'a prototype',
      '{"__proto__":{"admin":true},"items":[{"productId":"kettle","quantity":1}],"cardToken":"tok_visa_4242"}',
    ],
    ['no JSON', '{"items":'],
  ])('is refused: %s', async (_, body) => {
    const answer = await call('/api/orders', { method: 'POST', as: 'alice', body });
    expect(answer.status).toBe(400);
    expectProblem(answer, 400, answer.json.code);
    expect(answer.json.code).toMatch(/^openapi\./);
    expect(await explained(answer)).toContain('openapi deny');
  });

  it('is refused: another media type, a parameter, a path, a method', async () => {
    const plain = { method: 'POST', as: 'alice', body: 'hello', headers: { 'content-type': 'text/plain' } };
    expectProblem(await call('/api/orders', plain), 415, 'openapi.media-type');
    expect((await call('/api/orders?debug=1', { as: 'alice' })).status).toBe(400);
    expect((await call('/api/orders/1/refund', { as: 'alice' })).status).toBe(404);
    expectProblem(await call('/api/orders', { method: 'DELETE', as: 'mia' }), 405, 'gateway.method');
    expectProblem(await call('/api/payments/charges', { method: 'POST', as: 'mia', body: {} }), 405, 'gateway.method');
  });

  it('is refused before the vulnerable service sees it', async () => {
    const attacks = [
      "/api/legacy/search?q=' UNION SELECT id, password FROM users --",
      "/api/legacy/users/0 OR role = 'admin'",
      '/api/legacy/hello?name=<script>alert(1)</script>',
      '/api/legacy/files?name=../../../merlon.yaml',
      '/api/legacy/files?name=..%2f..%2f..%2fmerlon.yaml',
    ];
    for (const attack of attacks) {
      const answer = await call(encodeURI(attack).replaceAll('%25', '%'), { as: 'alice' });
      expect([400, 404], attack).toContain(answer.status);
      expect(answer.text).not.toMatch(/not-a-real-password|trustDomain|<script>/);
    }
    const takeOver = { method: 'PUT', as: 'alice', body: { displayName: 'Bob', role: 'admin' } };
    expect((await call('/api/legacy/users/2', takeOver)).status).toBe(400);
    const honest = await call('/api/legacy/search?q=sencha', { as: 'alice' });
    expect(honest.json.results).toEqual([{ id: 1, title: 'How to brew sencha' }]);
  });
});

describe('the edge', () => {
  it('shows pages to everybody, with fields that protect them', async () => {
    const page = await call('/');
    expect(page.status).toBe(200);
    expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(page.text).toContain('34.90 EUR');
    expect(page.headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'x-frame-options': 'DENY' });
    expect(page.headers['strict-transport-security']).toContain('max-age=');
    expect(page.headers).not.toHaveProperty('server');
  });

  it('keeps a connection for many requests', async () => {
    const agent = keepAlive(platform.ca);
    const answers: Call[] = [];
    for (let count = 0; count < 20; count++) answers.push(await call('/products/kettle', { agent }));
    agent.destroy();
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(answers.filter(({ reused }) => reused)).toHaveLength(19);
    expect(new Set(answers.map(({ decision }) => decision)).size).toBe(20);
  });

  it('streams what is larger than it would hold', async () => {
    const before = rssOf(gatewayPid());
    const { status, bytes } = await call('/bulk/data?blocks=4096');
    expect([status, bytes]).toEqual([200, 256 * 1024 * 1024]);
    expect(rssOf(gatewayPid()) - before).toBeLessThan(128 * 1024 * 1024);
  }, 60_000);

  it('says how much is left, then that it is too much, and when to come again', async () => {
    const path = '/api/customers/bob/profile';
    const first = await call(path, { as: 'bob' });
    expect(first.headers.ratelimit).toBeDefined();
    const burst = await Promise.all(Array.from({ length: 40 }, () => call(path, { as: 'bob' })));
    const refused = burst.find(({ status }) => status === 429) as Call;
    expectProblem(refused, 429, 'limits.exceeded');
    expect(refused.json['violated-policies']).toEqual(['perUser']);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(await explained(refused)).toContain('30/min');
    expect((await call('/api/customers/alice/profile', { as: 'alice' })).status).not.toBe(429);
  });

  it('knows no path that the manifest does not name', async () => {
    const answer = await call('/../../etc/passwd');
    expect([400, 404]).toContain(answer.status);
    expect(outputOf(await platform.merlon('audit', 'verify'))).toContain('intact');
    expect(outputOf(await platform.merlon('status'))).toMatch(/^orders +healthy +\d+$/m);
  });
});

function gatewayPid(): number {
  return platform.roles().find(({ role }) => role === 'gateway')?.pid as number;
}

function rssOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}
