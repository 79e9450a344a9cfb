// Several hosts, each with a slot broker and two workers, share concurrency limits through a real Redis or Valkey server.
// The wire between a host and the server can be cut; the server can forget everything; a host can die with slots taken.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ConcurrencyRule } from '../../src/api/limits.ts';
import { systemClock } from '../../src/core/clock.ts';
import { connectRedis, createSharedLink, createSlotBroker, type SharedLink } from '../../src/limits/control.ts';
import { concurrencyShare, createSlotLimiter } from '../../src/limits/index.ts';
import { type Relay, redisPrograms, startRedis, startRelay, type TestRedis } from '../fakes/redis.ts';

const rule = (count: number): ConcurrencyRule => ({
  ...{ kind: 'concurrency', id: 'c', name: 'concurrency', by: 'user', origin: 'routes[0].limits.concurrency' },
  ...{ text: String(count), count },
});
const pause = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms));

interface Host {
  readonly link: SharedLink | undefined;
  /** One request; whether it may run. */
  begin(): Promise<boolean>;
  /** One of those that run ends. */
  finish(): void;
  readonly running: number;
  stop(): Promise<void>;
}

interface HostOptions {
  readonly name: string;
  readonly count: number;
  /** Undefined: it shares with nobody. */
  readonly url: string | undefined;
  readonly prefix: string;
  readonly hosts?: number;
  readonly leaseMs?: number;
  /** Exactness is shown where the server is never called away: a test on a busy machine must not be judged by its speed. */
  readonly patienceMs?: number;
  readonly username?: string;
  readonly password?: string;
}

const started: Host[] = [];

async function startHost({
  name,
  count,
  url,
  prefix,
  hosts = 3,
  leaseMs = 10_000,
  ...options
}: HostOptions): Promise<Host> {
  const { patienceMs = 20_000 } = options;
  const clock = systemClock;
  let link: SharedLink | undefined;
  if (url !== undefined) {
    const { username, password } = options;
    const more = { username, password, connectTimeoutMs: 1000, onError: () => undefined };
    const counters = await connectRedis({ url, prefix, ...more });
    link = createSharedLink({ clock, counters, host: name, hosts, helloMs: 200, callTimeoutMs: patienceMs, leaseMs });
    await link.started;
  }
  const recallMs = Math.min(patienceMs, 1000);
  const broker = createSlotBroker({
    clock,
    rules: [rule(count)],
    recallMs,
    ...(link === undefined ? {} : { shared: link }),
  });
  const workers = [0, 1].map((at) => {
    const limiter = createSlotLimiter({
      ...{ clock, askTimeoutMs: 3 * patienceMs, minRetryMs: 0, share: (max: number) => concurrencyShare(max, 2, at) },
      send: (message) => void setImmediate(() => broker.receive(`w${at}`, message)),
    });
    broker.join(`w${at}`, (message) => void setImmediate(() => limiter.receive(message)));
    return limiter;
  });
  const running: number[] = [];
  let turn = 0;
  const host: Host = {
    link,
    begin: async () => {
      const at = turn++ % 2;
      const mayRun = (await workers[at]?.acquire('c', 'k', count)) === true;
      if (mayRun) running.push(at);
      return mayRun;
    },
    finish: () => {
      const at = running.shift();
      if (at !== undefined) workers[at]?.release('c', 'k');
    },
    get running() {
      return running.length;
    },
    stop: async () => {
      for (const worker of workers) worker.stop();
      broker.stop();
      await link?.stop();
    },
  };
  started.push(host);
  return host;
}

const totalOf = (hosts: readonly Host[]): number => hosts.reduce((sum, { running }) => sum + running, 0);

/** All hosts begin `times` requests each at once; gives how many may run. */
async function beginAll(hosts: readonly Host[], times: number): Promise<number> {
  const begun = hosts.flatMap((host) => Array.from({ length: times }, () => host.begin()));
  return (await Promise.all(begun)).filter(Boolean).length;
}

describe.each(redisPrograms)('concurrency limits shared through $name', ({ name: program, isThere }) => {
  if (!isThere) return void test.skip(`${program} is not here`);

  let redis: TestRedis;
  let relays: Relay[] = [];
  let run = 0;
  let prefix = '';

  beforeAll(async () => {
    redis = await startRedis(program);
  });
  afterEach(async () => {
    for (const host of started.splice(0)) await host.stop();
    for (const relay of relays.splice(0)) relay.stop();
    prefix = `test${++run}`;
  });
  afterAll(() => redis?.stop());

  const startHosts = (count: number, more: Partial<HostOptions> = {}): Promise<Host[]> =>
    Promise.all([0, 1, 2].map((at) => startHost({ name: `h${at}`, count, url: redis.url, prefix, ...more })));
  const startRelayed = async (count: number): Promise<Host[]> => {
    relays = await Promise.all([0, 1, 2].map(() => startRelay(redis.path)));
    return Promise.all(
      relays.map(({ url }, at) => startHost({ name: `h${at}`, count, url, prefix, patienceMs: 2000 })),
    );
  };

  test('three hosts run together what one would; without sharing, three times as much', async () => {
    expect(await beginAll(await startHosts(6, { url: undefined }), 10)).toBe(18);
    expect(await beginAll(await startHosts(6), 10)).toBe(6);
  });

  test('all slots can be used by one host, and then by another at once', async () => {
    const [first, second] = (await startHosts(6)) as [Host, Host];
    expect(await beginAll([first], 8)).toBe(6);
    expect(await beginAll([second], 2)).toBe(0);
    while (first.running > 0) first.finish();
    expect(await beginAll([second], 8)).toBe(6);
  });

  test('whoever comes to another host each time is never refused while nothing runs', async () => {
    const hosts = await startHosts(1);
    for (let at = 0; at < 60; at++) {
      const host = hosts[at % 3] as Host;
      expect([at, await host.begin()]).toEqual([at, true]);
      expect(await hosts[(at + 1) % 3]?.begin()).toBe(false);
      host.finish();
      await pause(30);
    }
  });

  test('never more run than the limit says, whatever happens at once', async () => {
    const hosts = await startHosts(5);
    let seed = 42;
    const draw = (below: number): number => (seed = (seed * 48_271) % 0x7fffffff) % below;
    let admitted = 0;
    for (let at = 0; at < 400; at++) {
      const host = hosts[draw(3)] as Host;
      if (draw(2) === 0) host.finish();
      else if (draw(3) > 0) admitted += (await host.begin()) ? 1 : 0;
      else void host.begin();
      expect(totalOf(hosts)).toBeLessThanOrEqual(5);
    }
    expect(admitted).toBeGreaterThan(30);
  });

  test('what a host that died had taken is free when its lease is over, and not before', async () => {
    const [dead, alive] = (await startHosts(4, { leaseMs: 2000 })) as [Host, Host];
    expect(await beginAll([dead], 4)).toBe(4);
    await dead.stop();
    expect(await beginAll([alive], 1)).toBe(0);
    await expect.poll(() => beginAll([alive], 1), { timeout: 10_000 }).toBe(1);
    expect(await beginAll([alive], 5)).toBe(3);
  });

  test('a lease is kept for as long as something runs', async () => {
    const [first, second] = (await startHosts(2, { leaseMs: 600 })) as [Host, Host];
    expect(await beginAll([first], 2)).toBe(2);
    for (let at = 0; at < 12; at++) {
      await pause(150);
      expect(await beginAll([second], 1)).toBe(0);
    }
  });

  test('while the server cannot be reached, each host runs what it had or its part: at most a limit more', async () => {
    const hosts = await startRelayed(6);
    expect(await beginAll([hosts[0] as Host], 6)).toBe(6);
    for (const relay of relays) relay.cut();
    await expect.poll(() => hosts.every(({ link }) => link?.away), { timeout: 10_000 }).toBe(true);
    const meanwhile = await beginAll(hosts, 10);
    expect(meanwhile).toBe(4);
    expect(totalOf(hosts)).toBeLessThanOrEqual(12);
    for (const relay of relays) relay.heal();
    await expect.poll(() => hosts.every(({ link }) => link?.away === false), { timeout: 10_000 }).toBe(true);
    // Nothing new runs before enough of what does has ended.
    await expect.poll(() => beginAll(hosts, 1), { timeout: 10_000 }).toBe(0);
    for (let at = 0; at < 5; at++) hosts[0]?.finish();
    while ((hosts[1] as Host).running > 0) hosts[1]?.finish();
    await pause(100);
    expect(totalOf(hosts)).toBe(3);
    expect(await beginAll(hosts, 10)).toBe(3);
    expect(totalOf(hosts)).toBe(6);
  });

  test('a server that forgot everything is told what runs: at most a limit more, for a moment', async () => {
    const [first, second] = (await startHosts(4, { leaseMs: 1000 })) as [Host, Host];
    expect(await beginAll([first], 4)).toBe(4);
    await redis.command('FLUSHALL');
    await redis.command('SCRIPT', 'FLUSH');
    await expect.poll(async () => (await redis.command('KEYS', `${prefix}:slots:*`)).includes(':slots:')).toBe(true);
    expect(await beginAll([second], 4)).toBe(0);
  });

  test('where messages are not allowed, slots that nobody uses come back by themselves', async () => {
    await redis.command('ACL', 'SETUSER', 'quiet', 'on', '>hunter2', '~*', '+@all', 'resetchannels');
    const login = { username: 'quiet', password: 'hunter2' };
    const [first, second] = (await startHosts(1, login)) as [Host, Host];
    expect(await first.begin()).toBe(true);
    first.finish();
    expect(await second.begin()).toBe(false);
    await expect.poll(() => second.begin(), { timeout: 10_000 }).toBe(true);
  });

  test('nothing of it stays there', async () => {
    const hosts = await startHosts(3);
    await beginAll(hosts, 2);
    const kept = (await redis.command('KEYS', `${prefix}:slots:*`))
      .split('\r\n')
      .filter((line) => line.includes(':slots:'));
    expect(kept.length).toBe(1);
    expect(Number((await redis.command('PTTL', kept[0] as string)).slice(1))).toBeLessThanOrEqual(11_000);
    for (const host of hosts) while (host.running > 0) host.finish();
    await expect
      .poll(async () => (await redis.command('HLEN', kept[0] as string)).slice(1), { timeout: 10_000 })
      .toMatch(/^[01]$/);
  });
});
