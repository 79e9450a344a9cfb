// Certificates by ACME (RFC 8555, RFC 8737, RFC 9773) against Pebble, which checks each challenge for itself.
import { X509Certificate } from 'node:crypto';
import { createServer } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import type { AcmeChallenge } from '../../src/api/edge-tls.ts';
import type { AuditEvent } from '../../src/api/record.ts';
import { type AcmeConfig, type AcmeFetch, type AcmeKeeper, createAcmeKeeper } from '../../src/control/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/log.ts';
import { mintDevelopmentCa, mintServerCertificate } from '../../src/crypto/index.ts';
import { createHttpServer } from '../../src/net/index.ts';
import { createAcmeFetch } from '../../src/server/acme-http.ts';
import { freePort, hasPebble, type Pebble, startPebble } from '../fakes/pebble.ts';
import { MemoryStore } from '../fakes/store.ts';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** What answers the challenges: a plain port and a TLS port, as the gateway has them. */
async function startAnswers() {
  let challenges: readonly AcmeChallenge[] = [];
  const presented: AcmeChallenge[] = [];
  const [httpPort, tlsPort] = [await freePort(), await freePort()];
  const plain = createServer((request, response) => {
    const found = challenges.find(
      (each) => each.type === 'http-01' && request.url === `/.well-known/acme-challenge/${each.token}`,
    );
    response.end(found?.type === 'http-01' ? found.keyAuthorization : 'nothing');
  });
  await new Promise<void>((done) => plain.listen(httpPort, '127.0.0.1', done));
  const own = mintServerCertificate(mintDevelopmentCa(Date.now()), { hosts: ['localhost'], nowMs: Date.now() });
  const secure = createHttpServer({
    clock: systemClock,
    tls: {
      certificate: own.certificatePem,
      key: own.privateKeyPem,
      challenge: (name) => challenges.find((each) => each.type === 'tls-alpn-01' && each.domain === name) as never,
    },
    onRequest: (_, reply) => reply.send(200, {}, 'ok'),
  });
  await secure.listen({ host: '127.0.0.1', port: tlsPort });
  stops.push(() => secure.stop());
  stops.push(() => new Promise((done) => plain.close(done)));
  return {
    httpPort,
    tlsPort,
    presented,
    present: async (next: readonly AcmeChallenge[]) => {
      challenges = next;
      presented.push(...next);
    },
    get count() {
      return challenges.length;
    },
  };
}

interface Parts {
  readonly pebble: Pebble;
  readonly answers: Awaited<ReturnType<typeof startAnswers>>;
  readonly store?: MemoryStore;
  readonly wrap?: (fetch: AcmeFetch) => AcmeFetch;
}

async function createKeeper({ pebble, answers, store = new MemoryStore(), wrap = (fetch) => fetch }: Parts) {
  const events: Omit<AuditEvent, 'kind' | 'id' | 'timeMs'>[] = [];
  const logged: string[] = [];
  const note = (fields: object, message: string): void => void logged.push(`${message} ${JSON.stringify(fields)}`);
  let changes = 0;
  const keeper: AcmeKeeper = await createAcmeKeeper({
    store,
    clock: systemClock,
    log: { ...silentLogger, info: note, warn: note, error: note, debug: note },
    emit: (event) => void events.push(event),
    fetchWith: (config) => wrap(createAcmeFetch(systemClock, config)),
    present: answers.present,
    onChange: () => changes++,
  });
  stops.push(() => keeper.stop());
  const config = (more: Partial<AcmeConfig> = {}): AcmeConfig => ({
    directory: pebble.directory,
    domains: ['shop.example', 'api.shop.example'],
    contact: ['ops@shop.example'],
    challenge: 'http-01',
    externalAccount: undefined,
    ca: pebble.ca,
    ...more,
  });
  return { keeper, config, events, logged, store, changes: () => changes };
}

async function start(externalAccounts?: Record<string, string>) {
  const answers = await startAnswers();
  const { httpPort, tlsPort } = answers;
  const pebble = await startPebble({
    httpPort,
    tlsPort,
    ...(externalAccounts === undefined ? {} : { externalAccounts }),
  });
  stops.push(() => pebble.stop());
  for (const name of ['shop.example', 'api.shop.example']) pebble.dns.addresses.set(name, ['127.0.0.1']);
  return { answers, pebble };
}

const soon = { timeout: 15_000, interval: 50 };

describe.runIf(hasPebble)('ACME against Pebble', () => {
  test.each(['http-01', 'tls-alpn-01'] as const)(
    '%s: a certificate for every name, kept across a restart',
    async (challenge) => {
      const parts = await start();
      const { keeper, config, events, logged, store, changes } = await createKeeper(parts);
      keeper.configure(config({ challenge }));
      await expect.poll(() => keeper.current()?.domains, soon).toEqual(['shop.example', 'api.shop.example']);
      const held = keeper.current();
      const leaf = new X509Certificate(held?.certificatePem ?? '');
      expect(leaf.subjectAltName?.split(', ').sort()).toEqual(['DNS:api.shop.example', 'DNS:shop.example']);
      const chain = (held?.certificatePem ?? '').split(/(?=-----BEGIN)/);
      expect(leaf.verify(new X509Certificate(chain[1] ?? '').publicKey)).toBe(true);
      expect(parts.answers.presented.map(({ type }) => type)).toEqual([challenge, challenge]);
      expect(parts.answers.count).toBe(0);
      expect(changes()).toBe(1);
      expect(events.map(({ action, outcome }) => `${action} ${outcome}`)).toEqual([
        'acme.account success',
        'acme.certificate success',
      ]);
      expect(logged.join()).not.toMatch(/PRIVATE|privateKey/);

      const again = await createKeeper({ ...parts, store });
      again.keeper.configure(again.config({ challenge }));
      expect(again.keeper.current()?.certificatePem).toBe(held?.certificatePem);
      await keeper.stop();
      expect(again.events).toEqual([]);
    },
  );

  test('other names: another order, while the former certificate goes on', async () => {
    const parts = await start();
    const { keeper, config, changes } = await createKeeper(parts);
    keeper.configure(config({ domains: ['shop.example'] }));
    await expect.poll(() => changes(), soon).toBe(1);
    const first = keeper.current();
    keeper.configure(config());
    expect(keeper.current()).toBe(first);
    await expect.poll(() => changes(), soon).toBe(2);
    expect(keeper.current()?.domains).toHaveLength(2);
  });

  test('a name that leads elsewhere gets none, and the reason is told', async () => {
    const parts = await start();
    parts.pebble.dns.addresses.set('api.shop.example', ['127.0.0.9']);
    const { keeper, config, events, logged } = await createKeeper(parts);
    keeper.configure(config());
    await expect.poll(() => events.at(-1)?.detail?.code, soon).toBe('acme.challenge-failed');
    expect(keeper.current()).toBeUndefined();
    expect(logged.join()).toContain('could not verify `api.shop.example`');
    expect(parts.answers.count).toBe(0);
  });

  test('an account of the authority’s own is named where it wants one', async () => {
    const macKey = Buffer.from('a key that the authority gave us, 32').toString('base64url');
    const parts = await start({ 'kid-1': macKey });
    const without = await createKeeper(parts);
    without.keeper.configure(without.config());
    await expect.poll(() => without.logged.join(), soon).toContain('wants an account of its own');
    const wrong = await createKeeper(parts);
    wrong.keeper.configure(
      wrong.config({ externalAccount: { keyId: 'kid-1', macKey: Buffer.alloc(32, 7).toString('base64url') } }),
    );
    await expect.poll(() => wrong.events.at(-1)?.detail?.code, soon).toBe('acme.refused');
    const right = await createKeeper(parts);
    right.keeper.configure(right.config({ externalAccount: { keyId: 'kid-1', macKey } }));
    await expect.poll(() => right.keeper.current(), soon).toBeDefined();
    expect([without, wrong, right].flatMap(({ logged }) => logged).join()).not.toContain(macKey);
  });

  test('an order that was under way is taken up after a restart', async () => {
    const parts = await start();
    const orders: string[] = [];
    const counting =
      (fetch: AcmeFetch): AcmeFetch =>
      (request) => {
        if (request.url.includes('/order-plz')) orders.push(request.url);
        return fetch(request);
      };
    const failing =
      (fetch: AcmeFetch): AcmeFetch =>
      (request) =>
        request.url.includes('/finalize-order/') ? Promise.reject(new Error('cut off')) : counting(fetch)(request);
    const first = await createKeeper({ ...parts, wrap: failing });
    first.keeper.configure(first.config());
    await expect.poll(() => first.events.at(-1)?.detail?.code, soon).toBe('acme.unreachable');
    await first.keeper.stop();
    const placed = orders.length;
    const second = await createKeeper({ ...parts, store: first.store, wrap: counting });
    second.keeper.configure(second.config());
    await expect.poll(() => second.keeper.current(), soon).toBeDefined();
    // The account and the order were the kept ones, and the proofs were not asked for again.
    expect([orders.length - placed, second.events.map(({ action }) => action)]).toEqual([0, ['acme.certificate']]);
  });

  test('an authority that cannot be trusted gets no account', async () => {
    const parts = await start();
    const { keeper, config, events } = await createKeeper(parts);
    keeper.configure(config({ ca: mintDevelopmentCa(Date.now()).certificatePem }));
    await expect.poll(() => events.at(-1)?.detail?.code, soon).toBe('acme.unreachable');
    expect(parts.pebble.output()).not.toContain('new account');
  });
});
