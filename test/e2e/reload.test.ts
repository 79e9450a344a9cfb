// A changed manifest takes effect while requests run; a bad one is reported and changes nothing.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keepAlive } from './caller.ts';
import { type Platform, startPlatform, until } from './platform.ts';

let platform: Platform;
let call: Platform['call'];
let original: string;

beforeAll(async () => {
  platform = await startPlatform({ edit: (text) => text.replace('perIp: 1200/min', 'perIp: 600000/min') });
  call = platform.call;
  original = readFileSync(platform.manifest, 'utf8');
  await platform.token('alice');
}, 90_000);

afterAll(() => platform?.stop(), 60_000);

/** Requests without a pause, over a kept connection and over fresh ones, until told to stop; gives the failures. */
function keepAsking(): { stop(): Promise<{ asked: number; failures: string[] }> } {
  const agent = keepAlive(platform.ca);
  const failures: string[] = [];
  let asked = 0;
  let over = false;
  const ask = async (kept: boolean): Promise<void> => {
    while (!over) {
      const options = { as: 'alice', ...(kept ? { agent } : {}) };
      const said = await call('/api/catalog/products?limit=1', options).then(
        ({ status, text }) => (status === 200 || status === 429 ? '' : `${status} ${text}`),
        (error: Error) => error.message,
      );
      if (said !== '') failures.push(`${kept ? 'kept' : 'fresh'}: ${said}`);
      asked++;
      await new Promise((resume) => setTimeout(resume, 10));
    }
  };
  const done = Promise.all([ask(true), ask(true), ask(false)]);
  return {
    stop: async () => {
      over = true;
      await done;
      agent.destroy();
      return { asked, failures };
    },
  };
}

async function write(manifest: string): Promise<void> {
  const { snapshot } = await platform.status();
  writeFileSync(platform.manifest, manifest);
  await until('the new snapshot is everywhere', async () => {
    const status = await platform.status();
    const serving = status.roles.filter(({ role }) => role === 'gateway');
    return status.snapshot !== snapshot && serving.every(({ version }) => version === status.snapshot);
  });
}

it('puts a new route, a changed limit and a changed scope in force, and drops no connection', async () => {
  const open = original.replace('perUser: 120/min', 'perUser: 60000/min');
  await write(open);
  expect((await call('/shop', { as: 'alice' })).status).toBe(404);
  const { pid } = platform.roles().find(({ role }) => role === 'gateway') as { pid: number };
  const asking = keepAsking();

  await write(
    open.replace(
      '\nroutes:\n',
      '\nroutes:\n  - { path: /shop, service: storefront, auth: public, stripPrefix: true }\n',
    ),
  );
  expect((await call('/shop')).status).toBe(200);

  await write(open.replace('limits: { perUser: 30/min }', 'limits: { perUser: 1/min }'));
  expect((await call('/shop')).status).toBe(404);
  const limited = [
    await call('/api/customers/alice/profile', { as: 'alice' }),
    await call('/api/customers/alice/profile', { as: 'alice' }),
  ];
  expect(limited[1]?.status).toBe(429);

  const profile = '/api/customers/alice/profile';
  await write(open.replace('GET: [customers:read]', 'GET: [customers:write]'));
  const refused = await call(profile, { as: 'sam' });
  expect(refused.status).toBe(403);
  expect(await platform.explain(refused.decision)).toContain('customers:write');

  await write(open);
  expect((await call(profile, { as: 'sam' })).status).toBe(404);
  const { asked, failures } = await asking.stop();
  expect(failures).toEqual([]);
  expect(asked).toBeGreaterThan(100);
  expect(platform.roles().find(({ role }) => role === 'gateway')?.pid).toBe(pid);
}, 90_000);

describe('a bad change', () => {
  const policy = (): string => join(platform.folder, 'policies/orders.cedar');

  it.each([
    ['a key that nobody knows', () => writeFileSync(platform.manifest, `${original}\nbackdoor: true\n`), 'backdoor'],
    [
      'a service that is not there',
      () => writeFileSync(platform.manifest, original.replace('service: legacy', 'service: nothing')),
      'nothing',
    ],
    ['a file that is no YAML', () => writeFileSync(platform.manifest, `${original}\n\t: [`), 'merlon.yaml'],
    [
      'a policy that does not parse',
      () => writeFileSync(policy(), 'permit (principal, action, resource'),
      'orders.cedar',
    ],
    [
      'a policy with a field that does not exist',
      () => writeFileSync(policy(), 'permit (principal, action, resource) when { principal.rank > 3 };'),
      'rank',
    ],
  ])(
    'is reported and changes nothing: %s',
    async (_, spoil, named) => {
      const kept = readFileSync(policy(), 'utf8');
      const { snapshot } = await platform.status();
      const before = platform.output().length;
      spoil();
      const said = (): string => platform.output().slice(before);
      await until('it is reported', () => said().includes('the former one stays in force'), 15_000, said);
      expect(said()).toContain(named);
      expect((await platform.status()).snapshot).toBe(snapshot);
      expect((await call('/api/orders', { as: 'alice' })).status).toBe(200);
      writeFileSync(platform.manifest, original);
      writeFileSync(policy(), kept);
      await until('the good one is in force', async () => (await platform.status()).roles.length === 3);
    },
    60_000,
  );
});
