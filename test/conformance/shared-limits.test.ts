// Several hosts, each with a broker and workers, share their limits through a real Redis or Valkey server. The wire
// between a host and the server can be cut and slowed down; the server can forget everything.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { QuotaRule, RateRule, ToBroker } from '../../src/api/limits.ts';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { mintDevelopmentCa, mintServerCertificate } from '../../src/crypto/index.ts';
import {
  connectRedis,
  createLeaseBroker,
  createQuotas,
  createSharedLink,
  type QuotaState,
  type QuotaUse,
  type SharedLink,
} from '../../src/limits/control.ts';
import { createLeasedLimiter, type LeasedLimiter } from '../../src/limits/index.ts';
import { type Relay, redisPrograms, startRedis, startRelay, type TestRedis } from '../fakes/redis.ts';

const monthMs = 31 * 86_400_000;
const rate = (count: number, periodMs = monthMs, burst = count): RateRule => ({
  kind: 'rate',
  id: 'r',
  name: 'perUser',
  by: 'user',
  origin: 'routes[0].limits.perUser',
  text: `${count}`,
  count,
  periodMs,
  burst,
});
const quota = (count: number): QuotaRule => ({
  kind: 'quota',
  id: 'q',
  name: 'quota',
  by: 'user',
  origin: 'routes[0].limits.quota',
  text: `${count}/day`,
  count,
  period: 'day',
});

function memoryQuotas(): QuotaState {
  const kept = new Map<string, QuotaUse>();
  const keyOf = ({ quota, key, periodStartMs }: QuotaUse): string => `${quota}\n${key}\n${periodStartMs}`;
  return {
    load: async () => [...kept.values()],
    save: async (uses) => {
      for (const use of uses) kept.set(keyOf(use), use);
    },
  };
}

const pause = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms));

interface Host {
  readonly link: SharedLink | undefined;
  readonly state: QuotaState;
  /** `away` and `back`, as they were told. */
  readonly news: string[];
  /** One request; whether it was admitted. */
  ask(limit: string, key?: string, cost?: number): Promise<boolean>;
  stop(): Promise<void>;
}

interface HostOptions {
  readonly name: string;
  readonly rules: readonly (RateRule | QuotaRule)[];
  /** Undefined: it shares with nobody. */
  readonly url: string | undefined;
  readonly hosts?: number;
  readonly clock?: Clock;
  readonly state?: QuotaState;
  readonly prefix?: string;
  readonly password?: string;
  /** PEM of the server's authority. */
  readonly ca?: string;
  /**
   * For how long a host waits for the server. Only tests of a server that is away or slow are of that; where exactness is
   * shown a busy machine must not make the server seem away, since then each host rightly enforces its part.
   */
  readonly patienceMs?: number;
}

const running: Host[] = [];

async function startHost(options: HostOptions): Promise<Host> {
  const {
    name,
    rules,
    url,
    hosts = 1,
    clock = systemClock,
    state = memoryQuotas(),
    prefix = 'test',
    patienceMs = 20_000,
  } = options;
  const news: string[] = [];
  let link: SharedLink | undefined;
  if (url !== undefined) {
    const { password, ca } = options;
    const counters = await connectRedis({ url, prefix, password, ca, connectTimeoutMs: 500, onError: () => undefined });
    const onChange = (away: boolean): void => void news.push(away ? 'away' : 'back');
    link = createSharedLink({ clock, counters, host: name, hosts, helloMs: 200, callTimeoutMs: patienceMs, onChange });
    await link.started;
  }
  const offset = link;
  const quotas = createQuotas({
    clock: { ...clock, now: () => clock.now() + (offset?.offsetMs ?? 0) },
    maxKeys: 1000,
    state,
  });
  await quotas.restore();
  const broker = createLeaseBroker({
    clock,
    rules,
    quotas,
    recallMs: patienceMs,
    ...(link === undefined ? {} : { shared: link }),
  });
  const workers = [0, 1].map((at): LeasedLimiter => {
    const send = (message: ToBroker): void => void setImmediate(() => broker.receive(`w${at}`, message));
    const limiter = createLeasedLimiter({ clock, workers: 2, send, rules, askTimeoutMs: 5 * patienceMs });
    broker.join(`w${at}`, (message) => void setImmediate(() => limiter.receive(message)));
    return limiter;
  });
  let turn = 0;
  const host: Host = {
    link,
    state,
    news,
    ask: async (limit, key = 'k', cost = 1) => {
      const limiter = workers[turn++ % 2] as LeasedLimiter;
      const state = limiter.take(limit, key, cost, clock.monotonic());
      return (state ?? (await limiter.wait(limit, key, cost, clock.monotonic()))).allowed;
    },
    stop: async () => {
      for (const worker of workers) worker.stop();
      broker.stop();
      await link?.stop();
    },
  };
  running.push(host);
  return host;
}

/** Every host asks `times` times, a few at a time; gives how many were admitted. */
async function flood(hosts: readonly Host[], limit: string, times: number, key = 'k'): Promise<number> {
  let admitted = 0;
  for (let done = 0; done < times; done += 10) {
    const asks = hosts.flatMap((host) => Array.from({ length: 10 }, () => host.ask(limit, key)));
    for (const allowed of await Promise.all(asks)) admitted += allowed ? 1 : 0;
  }
  return admitted;
}

/** Every host asks for `ms`; gives how many were admitted. */
async function floodFor(hosts: readonly Host[], limit: string, ms: number, key = 'k'): Promise<number> {
  let admitted = 0;
  for (const end = performance.now() + ms; performance.now() < end; ) {
    admitted += await flood(hosts, limit, 10, key);
    await pause(2);
  }
  return admitted;
}

describe.each(redisPrograms)('limits shared through $name', ({ name: program, isThere }) => {
  if (!isThere) return void test.skip(`${program} is not here`);

  let redis: TestRedis;
  let relays: Relay[] = [];
  let run = 0;
  let prefix = '';

  beforeAll(async () => {
    redis = await startRedis(program);
  });
  afterEach(async () => {
    for (const host of running.splice(0)) await host.stop();
    for (const relay of relays.splice(0)) relay.stop();
    prefix = `test${++run}`;
  });
  afterAll(() => redis?.stop());

  const startHosts = async (rules: HostOptions['rules'], more: Partial<HostOptions> = {}, count = 3): Promise<Host[]> =>
    Promise.all(
      Array.from({ length: count }, (_, at) =>
        startHost({ name: `h${at}`, rules, url: redis.url, hosts: count, prefix, ...more }),
      ),
    );
  const startRelayed = async (rules: HostOptions['rules'], patienceMs = 20_000): Promise<Host[]> => {
    relays = await Promise.all([0, 1, 2].map(() => startRelay(redis.path)));
    const more = { hosts: 3, prefix, patienceMs };
    return Promise.all(relays.map(({ url }, at) => startHost({ name: `h${at}`, rules, url, ...more })));
  };

  test('three hosts admit together what one would; without sharing, three times as much', async () => {
    const alone = await startHosts([rate(600)], { url: undefined });
    expect(await flood(alone, 'r', 700)).toBe(1800);
    const together = await startHosts([rate(600)]);
    const admitted = await flood(together, 'r', 700);
    expect(admitted).toBeLessThanOrEqual(600);
    expect(admitted).toBeGreaterThanOrEqual(590);
  });

  test('what flows back is shared as well', async () => {
    const hosts = await startHosts([rate(500, 1000, 100)]);
    const start = performance.now();
    const admitted = await floodFor(hosts, 'r', 2000);
    const allowed = 100 + (performance.now() - start) / 2;
    expect(admitted).toBeLessThanOrEqual(allowed + 1);
    expect(admitted).toBeGreaterThan(allowed * 0.85);
  });

  test('a request in the middle of a slice costs no round trip', async () => {
    const hosts = await startHosts([rate(1_000_000)]);
    await flood(hosts, 'r', 500);
    const before = Number(/total_commands_processed:(\d+)/.exec(await redis.command('INFO', 'stats'))?.[1]);
    await flood(hosts, 'r', 5000);
    const after = Number(/total_commands_processed:(\d+)/.exec(await redis.command('INFO', 'stats'))?.[1]);
    expect(after - before).toBeLessThan(15_000 / 100);
  });

  test('while the server cannot be reached, each host keeps to its part: a burst more at most', async () => {
    const hosts = await startRelayed([rate(600)]);
    const before = await flood(hosts, 'r', 100);
    expect(before).toBe(300);
    for (const relay of relays) relay.cut();
    const meanwhile = await flood(hosts, 'r', 700);
    // What was known to be left, cut in three; never a burst more.
    expect(before + meanwhile).toBeLessThanOrEqual(1200);
    expect(before + meanwhile).toBeLessThanOrEqual(600 + 150);
    expect(meanwhile).toBeGreaterThan(100);
    expect(hosts.map(({ news }) => news.at(-1))).toEqual(['away', 'away', 'away']);
  });

  test('the return brings no burst: what was admitted meanwhile is charged', async () => {
    const hosts = await startRelayed([rate(60)]);
    expect(await flood([hosts[0] as Host], 'r', 10)).toBe(10);
    for (const relay of relays) relay.cut();
    const meanwhile = await flood(hosts, 'r', 100);
    expect(meanwhile).toBeLessThanOrEqual(60);
    for (const relay of relays) relay.heal();
    await expect.poll(() => hosts.every(({ link }) => link?.away === false), { timeout: 5000 }).toBe(true);
    expect(10 + meanwhile + (await flood(hosts, 'r', 100))).toBeLessThanOrEqual(60 + 20);
    expect(hosts[0]?.news.slice(-2)).toEqual(['away', 'back']);
  });

  test('a slow server is away: nobody waits for its answer', async () => {
    const hosts = await startRelayed([rate(600)], 100);
    await flood(hosts, 'r', 10);
    // No answer comes in this test: whoever waited for it would wait for ever.
    for (const relay of relays) relay.delay(1e8);
    const allowed = await Promise.all(hosts.map((host) => host.ask('r', 'another')));
    expect(allowed).toEqual([true, true, true]);
    await expect.poll(() => hosts.every(({ link }) => link?.away), { timeout: 10_000 }).toBe(true);
  });

  test('a host that stood still for a moment reads the answer that has come before it calls the server away', async () => {
    const [host] = (await startHosts([rate(600)], { hosts: 1, patienceMs: 100 }, 1)) as [Host];
    for (let turns = 0; turns < 10; turns++) {
      const asked = host.ask('r', `k${turns}`);
      // In one of these turns the question has left and the answer is not read; then this process stands still.
      for (let turn = 0; turn < turns; turn++) await new Promise((resume) => setImmediate(resume));
      for (const end = performance.now() + 200; performance.now() < end; );
      expect(await asked).toBe(true);
    }
    expect(host.link?.away).toBe(false);
    expect(host.news).toEqual([]);
  });

  test('a server that forgot everything gives at most a burst more of a rate, and nothing of a quota', async () => {
    const hosts = await startHosts([rate(300), quota(300)]);
    const rates = await flood(hosts, 'r', 60);
    const quotas = await flood(hosts, 'q', 60);
    expect([rates, quotas]).toEqual([180, 180]);
    await redis.command('FLUSHALL');
    await redis.command('SCRIPT', 'FLUSH');
    expect(rates + (await flood(hosts, 'r', 300))).toBeLessThanOrEqual(600);
    const all = quotas + (await flood(hosts, 'q', 300));
    expect(all).toBeLessThanOrEqual(300);
    expect(all).toBeGreaterThanOrEqual(290);
  });

  test('a quota outlives hosts and server', async () => {
    const hosts = await startHosts([quota(300)]);
    const before = await flood(hosts, 'q', 50);
    const states = hosts.map(({ state }) => state);
    for (const host of running.splice(0)) await host.stop();
    await redis.restart();
    const again = await Promise.all(
      states.map((state, at) =>
        startHost({ name: `h${at}`, rules: [quota(300)], url: redis.url, hosts: 3, prefix, state }),
      ),
    );
    const all = before + (await flood(again, 'q', 300));
    expect(all).toBeLessThanOrEqual(300);
    expect(all).toBeGreaterThanOrEqual(280);
  });

  test('a quota is not exceeded while the server is away, where each host knew what the others had used', async () => {
    const hosts = await startRelayed([quota(300)]);
    const before = await flood(hosts, 'q', 20);
    for (const relay of relays) relay.cut();
    const meanwhile = await flood(hosts, 'q', 300);
    expect(before + meanwhile).toBeLessThanOrEqual(300 + 60);
    for (const relay of relays) relay.heal();
    await expect.poll(() => hosts.every(({ link }) => link?.away === false), { timeout: 5000 }).toBe(true);
    expect(await flood(hosts, 'q', 50)).toBeLessThanOrEqual(Math.max(0, 300 - before - meanwhile));
  });

  test("hosts whose clocks disagree count by the server's", async () => {
    const skewed = (byMs: number): Clock => ({
      ...systemClock,
      now: () => Date.now() + byMs,
      monotonic: () => performance.now() + Math.abs(byMs),
    });
    const day = 86_400_000;
    const hosts = await Promise.all(
      [-2 * day, 0, 3 * day].map((byMs, at) =>
        startHost({
          name: `h${at}`,
          rules: [quota(90), rate(90)],
          url: redis.url,
          hosts: 3,
          prefix,
          clock: skewed(byMs),
        }),
      ),
    );
    expect(await flood(hosts, 'q', 100)).toBeLessThanOrEqual(90);
    expect(await flood(hosts, 'r', 100)).toBeLessThanOrEqual(90);
  });

  test('a host that dies takes what it held with it, and no more', async () => {
    const hosts = await startHosts([rate(300)]);
    const before = await flood(hosts, 'r', 10);
    await hosts[0]?.stop();
    const rest = await flood(hosts.slice(1), 'r', 400);
    expect(before + rest).toBeLessThanOrEqual(300);
    expect(before + rest).toBeGreaterThan(200);
  });

  test('many keys do not stay there', async () => {
    const hosts = await startHosts([rate(10, 1000)]);
    for (let at = 0; at < 200; at++) await hosts[at % 3]?.ask('r', `user-${at}`);
    const kept = (await redis.command('KEYS', `${prefix}:rate:*`))
      .split('\r\n')
      .filter((line) => line.includes(':rate:'));
    expect(kept.length).toBeGreaterThan(100);
    expect(kept.join()).not.toContain('user-');
    const ttl = await redis.command('PTTL', kept[0] as string);
    expect(Number(ttl.slice(1))).toBeLessThanOrEqual(11_000);
  });
});

describe.each(redisPrograms)('a $name that asks for a password', ({ name: program, isThere }) => {
  test.skipIf(!isThere)('is spoken to with it, and is away without', async () => {
    const redis = await startRedis(program, '--requirepass', 'hunter2').catch(() => undefined);
    try {
      const url = (redis as TestRedis).url;
      const known = await startHost({ name: 'h', rules: [rate(5)], url, password: 'hunter2' });
      expect(known.link?.away).toBe(false);
      expect(await flood([known], 'r', 20)).toBe(5);
      const stranger = await startHost({ name: 'i', rules: [rate(5)], url });
      expect(stranger.link?.away).toBe(true);
      expect(stranger.news).toEqual(['away']);
    } finally {
      for (const host of running.splice(0)) await host.stop();
      await redis?.stop();
    }
  });
});

// Not every build of a server has TLS; Debian's has. What is tried is our side of it.
describe.each(redisPrograms.slice(0, 1))('a $name behind TLS', ({ name: program, isThere }) => {
  test.skipIf(!isThere)('must prove who it is', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'mrt-'));
    const [ca, stranger] = [mintDevelopmentCa(Date.now()), mintDevelopmentCa(Date.now())];
    const own = mintServerCertificate(ca, { hosts: ['localhost', '127.0.0.1'], nowMs: Date.now() });
    const files = { 'cert.pem': own.certificatePem, 'key.pem': own.privateKeyPem, 'ca.pem': ca.certificatePem };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const port = await freePort();
    const redis = await startRedis(
      program,
      ...['--tls-port', String(port), '--tls-auth-clients', 'no', '--tls-ca-cert-file', join(folder, 'ca.pem')],
      ...['--tls-cert-file', join(folder, 'cert.pem'), '--tls-key-file', join(folder, 'key.pem')],
    );
    try {
      const url = `rediss://localhost:${port}`;
      const known = await startHost({ name: 'h', rules: [rate(5)], url, ca: ca.certificatePem });
      expect(known.link?.away).toBe(false);
      expect(await flood([known], 'r', 20)).toBe(5);
      const deceived = await startHost({ name: 'i', rules: [rate(5)], url, ca: stranger.certificatePem });
      expect(deceived.link?.away).toBe(true);
    } finally {
      for (const host of running.splice(0)) await host.stop();
      await redis.stop();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
