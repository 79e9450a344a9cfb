// The shop's services as they are, without Merlon in front: what they do themselves, and what they leave to it.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const shop = join(import.meta.dirname, '../../examples/shop');
const names = ['catalog', 'payments', 'orders', 'storefront', 'legacy'] as const;
type Name = (typeof names)[number];

interface Running {
  readonly process: ChildProcess;
  readonly url: string;
  readonly output: () => string;
}

const running = new Map<Name, Running>();
let folder: string;

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer().once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}

function launch(name: Name, env: Record<string, string>): { process: ChildProcess; output: () => string } {
  const child = spawn(process.execPath, [`services/${name}/main.ts`], {
    cwd: shop,
    env: { PATH: process.env.PATH ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  return { process: child, output: () => output };
}

async function start(name: Name, env: Record<string, string> = {}): Promise<Running> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = launch(name, { PORT: String(port), DATA_FOLDER: folder, ...env });
  for (let tries = 0; ; tries++) {
    const healthy = await fetch(`${url}/healthz`).then(
      (response) => response.ok,
      () => false,
    );
    if (healthy) return { ...child, url };
    if (tries > 200 || child.process.exitCode !== null) throw new Error(`${name} did not start: ${child.output()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function stop({ process: child }: Running): Promise<number | null> {
  if (child.exitCode !== null) return child.exitCode;
  const exit = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  return exit;
}

const secretsOf = (): Record<string, string> => ({
  PAYMENTS_API_KEY: 'key-of-the-test',
  DB_KEY_FILE: join(folder, 'db-key'),
});

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'merlon-shop-'));
  writeFileSync(join(folder, 'db-key'), 'a-database-key-of-the-test\n', { mode: 0o600 });
  const catalog = await start('catalog');
  const payments = await start('payments', secretsOf());
  const orders = await start('orders', { CATALOG_URL: catalog.url, PAYMENTS_URL: payments.url });
  const storefront = await start('storefront', { CATALOG_URL: catalog.url, ORDERS_URL: orders.url });
  const legacy = await start('legacy');
  for (const [name, service] of Object.entries({ catalog, payments, orders, storefront, legacy }))
    running.set(name as Name, service);
});

afterAll(async () => {
  for (const service of running.values()) await stop(service);
  rmSync(folder, { recursive: true, force: true });
});

interface Sent {
  readonly as?: string;
  readonly roles?: string;
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
}

async function call(name: Name, path: string, { as, roles, method, body, headers }: Sent = {}) {
  const response = await fetch(`${(running.get(name) as Running).url}${path}`, {
    method: method ?? (body === undefined ? 'GET' : 'POST'),
    headers: {
      ...(as === undefined ? {} : { 'merlon-subject': as }),
      ...(roles === undefined ? {} : { 'merlon-roles': roles }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, looked at by the tests
  const json: any = response.headers.get('content-type')?.includes('json') ? JSON.parse(text) : undefined;
  return { status: response.status, text, json, headers: response.headers };
}

const order = (items: unknown = [{ productId: 'kettle', quantity: 2 }], more: object = {}) => ({
  items,
  cardToken: 'tok_visa_4242',
  ...more,
});
const place = async (as: string, body: unknown = order()) => call('orders', '/api/orders', { as, body });

describe('catalog', () => {
  it('lists, searches and pages', async () => {
    expect((await call('catalog', '/api/catalog/products')).json.products).toHaveLength(5);
    const found = await call('catalog', '/api/catalog/products?search=STONEWARE&limit=1&offset=1');
    expect(found.json.products.map(({ id }: { id: string }) => id)).toEqual(['teapot']);
    expect((await call('catalog', '/api/catalog/products?limit=1000')).status).toBe(400);
    expect((await call('catalog', '/api/catalog/products/nothing')).status).toBe(404);
  });

  it('takes a search for what it is, and not for SQL', async () => {
    const search = encodeURIComponent("' OR 1=1 --");
    expect((await call('catalog', `/api/catalog/products?search=${search}`)).json.products).toEqual([]);
  });

  it('is written, each product once', async () => {
    const tray = { id: 'tray', name: 'Tray', description: 'Bamboo.', priceCents: 1990, currency: 'EUR', stock: 4 };
    expect((await call('catalog', '/api/catalog/products', { body: tray })).status).toBe(201);
    expect((await call('catalog', '/api/catalog/products', { body: tray })).status).toBe(409);
    const { id: _, ...content } = tray;
    const replaced = await call('catalog', '/api/catalog/products/tray', {
      method: 'PUT',
      body: { ...content, priceCents: 1500 },
    });
    expect(replaced.json).toEqual({ ...tray, priceCents: 1500 });
    expect((await call('catalog', '/api/catalog/products/none', { method: 'PUT', body: content })).status).toBe(404);
    expect(
      (await call('catalog', '/api/catalog/products', { body: { ...tray, id: 'x', priceCents: -1 } })).status,
    ).toBe(400);
  });
});

describe('orders', () => {
  it('take their prices from the catalog, whatever the client says', async () => {
    const { status, json } = await place(
      'alice',
      order([{ productId: 'kettle', quantity: 2, priceCents: 1 }], {
        totalCents: 1,
        status: 'shipped',
        customer: 'bob',
      }),
    );
    expect(status).toBe(201);
    expect(json).toMatchObject({ customer: 'alice', status: 'paid', totalCents: 6980, currency: 'EUR' });
    const charge = await call('payments', `/api/payments/charges/${json.chargeId}`);
    expect(charge.json).toMatchObject({ orderId: json.id, amountCents: 6980, status: 'succeeded' });
  });

  it('belong to who placed them: to others they do not exist, to staff they do', async () => {
    const { id } = (await place('alice')).json;
    const path = `/api/orders/${id}`;
    expect((await call('orders', path, { as: 'alice' })).status).toBe(200);
    expect((await call('orders', path, { as: 'bob' })).status).toBe(404);
    expect((await call('orders', path)).status).toBe(401);
    expect((await call('orders', `${path}/cancel`, { as: 'bob', method: 'POST' })).status).toBe(404);
    expect((await call('orders', path, { as: 'sam', roles: 'support' })).status).toBe(200);
    expect((await call('orders', path, { as: 'mia', roles: 'other,manager' })).status).toBe(200);
    expect((await call('orders', path, { as: 'bob', roles: 'customer' })).status).toBe(404);
  });

  it('are listed to their owner only', async () => {
    const { id } = (await place('carol')).json;
    const ids = async (path: string, sent: Sent) =>
      (await call('orders', path, sent)).json.orders.map((each: { id: string }) => each.id);
    expect(await ids('/api/orders', { as: 'carol' })).toEqual([id]);
    expect(await ids('/api/orders', { as: 'dan' })).toEqual([]);
    expect(await ids('/api/orders?customer=carol', { as: 'dan' })).toEqual([]);
    expect(await ids('/api/orders?customer=carol', { as: 'sam', roles: 'support' })).toEqual([id]);
    expect((await ids('/api/orders', { as: 'sam', roles: 'support' })).length).toBeGreaterThan(1);
  });

  it('can be cancelled until they are shipped', async () => {
    const post = (path: string, as: string, roles?: string) =>
      call('orders', path, { as, method: 'POST', ...(roles === undefined ? {} : { roles }) });
    const first = (await place('alice')).json;
    expect((await post(`/api/orders/${first.id}/cancel`, 'alice')).json.status).toBe('cancelled');
    expect((await post(`/api/orders/${first.id}/cancel`, 'alice')).status).toBe(409);
    const second = (await place('alice')).json;
    expect((await post(`/api/orders/${second.id}/ship`, 'mia', 'manager')).json.status).toBe('shipped');
    expect((await post(`/api/orders/${second.id}/cancel`, 'alice')).status).toBe(409);
  });

  it('refuse what cannot be ordered, and a card that is declined', async () => {
    expect((await place('alice', order([]))).status).toBe(400);
    expect((await place('alice', order([{ productId: 'kettle', quantity: -5 }]))).status).toBe(400);
    expect((await place('alice', order([{ productId: 'kettle', quantity: 1e9 }]))).status).toBe(400);
    expect((await place('alice', order([{ productId: '../../healthz', quantity: 1 }]))).status).toBe(400);
    expect((await place('alice', order([{ productId: 'unicorn', quantity: 1 }]))).status).toBe(422);
    expect((await place('alice', { ...order(), cardToken: '4111111111111111' })).status).toBe(400);
    expect((await place('alice', { ...order(), cardToken: 'tok_declined_1' })).status).toBe(402);
    const listed = await call('orders', '/api/orders?limit=1', { as: 'alice' });
    expect(listed.json.orders[0].status).toBe('declined');
  });

  it('keep profiles; whose they are is left to the platform', async () => {
    const profile = { name: 'Alice', address: '1 Harbour Street', phone: '+49 40 5550100' };
    const path = '/api/customers/alice/profile';
    expect((await call('orders', path, { as: 'alice' })).status).toBe(404);
    expect(
      (await call('orders', path, { as: 'alice', method: 'PUT', body: { ...profile, role: 'manager' } })).json,
    ).toEqual(profile);
    expect((await call('orders', path, { as: 'alice' })).json).toEqual(profile);
    // The attack that `owner` in merlon.yaml stops: without it, it works.
    expect((await call('orders', path, { as: 'bob' })).json).toEqual(profile);
  });
});

describe('payments', () => {
  const charge = {
    orderId: '4d0c1f6e-3f0a-4b57-9b0e-0a6a6f5f6f10',
    amountCents: 500,
    currency: 'EUR',
    cardToken: 'tok_visa_4242',
  };
  const pay = (key: string | undefined, body: unknown = charge) =>
    call('payments', '/api/payments/charges', { body, headers: key === undefined ? {} : { 'idempotency-key': key } });

  it('charge once for one Idempotency-Key', async () => {
    const first = await pay('key-00000001');
    const again = await pay('key-00000001');
    expect([first.status, again.status]).toEqual([201, 200]);
    expect(again.json).toEqual(first.json);
    expect((await pay('key-00000002')).json.id).not.toBe(first.json.id);
    expect((await pay('key-00000001', { ...charge, amountCents: 1 })).status).toBe(422);
    expect((await pay(undefined)).status).toBe(400);
  });

  it('store the card token encrypted, and never show it', async () => {
    const { json, text } = await pay('key-00000003', { ...charge, cardToken: 'tok_needle_in_a_haystack' });
    expect(text).not.toContain('needle');
    expect((await call('payments', `/api/payments/charges/${json.id}`)).text).not.toContain('needle');
    for (const file of ['payments.sqlite', 'payments.sqlite-wal'])
      expect(readFileSync(join(folder, file)).includes('needle')).toBe(false);
    expect((running.get('payments') as Running).output()).not.toContain('needle');
  });

  it.each([
    ['no API key', () => ({ DB_KEY_FILE: join(folder, 'db-key') }), 'needs PAYMENTS_API_KEY'],
    ['no key file', () => ({ PAYMENTS_API_KEY: 'k' }), 'needs DB_KEY_FILE'],
    [
      'a key file that is not there',
      () => ({ PAYMENTS_API_KEY: 'k', DB_KEY_FILE: join(folder, 'nowhere') }),
      'cannot read the file',
    ],
  ])('refuse to start with %s', async (_, env, reason) => {
    const { process: child, output } = launch('payments', {
      PORT: String(await freePort()),
      ...(env() as Record<string, string>),
    });
    const code = await new Promise((resolve) => child.once('exit', resolve));
    expect(code).toBe(78);
    expect(output()).toContain(reason);
  });
});

describe('storefront', () => {
  it('shows products, prices and what sells best', async () => {
    await place('alice', order([{ productId: 'sencha', quantity: 90 }]));
    const { text, headers } = await call('storefront', '/');
    expect(headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(text).toContain('34.90 EUR');
    expect(text).toContain('<strong>Sencha tea</strong> <em>popular</em>');
    expect(text).toContain('14.90 EUR');
    expect((await call('storefront', '/popular.json')).json.products).toContain('sencha');
    expect((await call('storefront', '/products/kettle')).text).toContain('POST /api/orders');
    expect((await call('storefront', '/products/none')).status).toBe(404);
  });

  it('escapes what it shows', async () => {
    const { text } = await call('storefront', `/?search=${encodeURIComponent('"><script>alert(1)</script>')}`);
    expect(text).not.toContain('<script>');
    expect(text).toContain('&quot;&gt;&lt;script&gt;');
  });

  it('stays open while orders is away', async () => {
    const { url } = running.get('catalog') as Running;
    const alone = await start('storefront', { CATALOG_URL: url, ORDERS_URL: 'http://127.0.0.1:9' });
    const response = await fetch(alone.url);
    expect(response.status).toBe(200);
    await stop(alone);
  });
});

describe('legacy is vulnerable', () => {
  it('to SQL injection', async () => {
    const q = encodeURIComponent("' UNION SELECT id, password FROM users --");
    const { json } = await call('legacy', `/api/legacy/search?q=${q}`);
    expect(JSON.stringify(json)).toContain('not-a-real-password-3');
    const path = encodeURIComponent("0 OR role = 'admin'");
    expect((await call('legacy', `/api/legacy/users/${path}`)).json.email).toBe('root@shop.example');
  });

  it('to mass assignment', async () => {
    const { json } = await call('legacy', '/api/legacy/users/2', {
      method: 'PUT',
      body: { displayName: 'Bob', role: 'admin' },
    });
    expect(json.role).toBe('admin');
  });

  it('to cross-site scripting', async () => {
    const { text } = await call('legacy', `/api/legacy/hello?name=${encodeURIComponent('<script>alert(1)</script>')}`);
    expect(text).toContain('<script>alert(1)</script>');
  });

  it('to path traversal', async () => {
    const { json } = await call('legacy', `/api/legacy/files?name=${encodeURIComponent('../../../merlon.yaml')}`);
    expect(json.text).toContain('trustDomain: shop.example');
  });

  it('in what its errors tell', async () => {
    const { status, text } = await call('legacy', '/api/legacy/files?name=missing.txt');
    expect(status).toBe(500);
    expect(text).toContain('main.ts');
  });

  it('and serves honest requests', async () => {
    expect((await call('legacy', '/api/legacy/search?q=sencha')).json.results).toEqual([
      { id: 1, title: 'How to brew sencha' },
    ]);
    expect((await call('legacy', '/api/legacy/files?name=terms.txt')).json.text).toContain('three working days');
  });
});

describe('each service', () => {
  it.each(names)('%s logs a line for each request, without ids and names', async (name) => {
    const paths = {
      catalog: '/api/catalog/products/kettle?search=secretive',
      payments: '/api/payments/charges/0f8fad5b-d9cb-469f-a165-70867728950e',
      orders: '/api/customers/secretive/profile',
      storefront: '/products/kettle',
      legacy: '/api/legacy/hello?name=secretive',
    };
    await call(name, paths[name], {
      as: 'secretive',
      headers: { 'merlon-decision': '0190c7b8-0000-7000-8000-000000000001' },
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const output = (running.get(name) as Running).output();
    const last = JSON.parse(
      output
        .trim()
        .split('\n')
        .filter((line) => line.startsWith('{'))
        .at(-1) as string,
    );
    expect(last).toMatchObject({ service: name, method: 'GET', decision: '0190c7b8-0000-7000-8000-000000000001' });
    expect(output).not.toContain('secretive');
  });

  it.each(names)('%s refuses unknown paths and methods, and bodies that are not JSON', async (name) => {
    expect((await call(name, '/nowhere')).status).toBe(404);
    expect((await call(name, '/healthz', { method: 'DELETE' })).status).toBe(405);
    if (name === 'orders') {
      expect((await call('orders', '/api/orders', { as: 'alice', method: 'POST' })).status).toBe(415);
      const big = { items: [{ productId: 'x'.repeat(300_000), quantity: 1 }] };
      expect((await call('orders', '/api/orders', { as: 'alice', body: big })).status).toBe(413);
    }
  });

  it('lets running requests end at SIGTERM, and then ends with 0', async () => {
    const asked = Promise.withResolvers<void>();
    const slow = createHttpServer(async (_, response) => {
      asked.resolve();
      await new Promise((resolve) => setTimeout(resolve, 300));
      response.setHeader('content-type', 'application/json').end('{"products":[]}');
    }).listen(0, '127.0.0.1');
    await once(slow, 'listening');
    const url = `http://127.0.0.1:${(slow.address() as AddressInfo).port}`;
    const storefront = await start('storefront', { CATALOG_URL: url, ORDERS_URL: url });
    const answer = fetch(storefront.url).then(({ status }) => status);
    await asked.promise;
    const startMs = performance.now();
    expect(await Promise.all([answer, stop(storefront)])).toEqual([200, 0]);
    expect(performance.now() - startMs).toBeLessThan(2000);
    await expect(fetch(storefront.url)).rejects.toThrow();
    slow.close();
    slow.closeAllConnections();
  });

  it('does not start without PORT', async () => {
    const { process: child, output } = launch('catalog', {});
    expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(78);
    expect(output()).toContain('catalog needs PORT');
  });
});
