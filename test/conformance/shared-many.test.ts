// More keys in use at once than the way to the server takes questions: all leases fall due in one sweep, as they do after a
// rush and after the server was away. They are renewed as fast as the server answers; whoever asks meanwhile does not wait
// behind them, and the server is not called away for it.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { ConcurrencyRule, RateRule } from '../../src/api/limits.ts';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import {
  connectRedis,
  createLeaseBroker,
  createSharedLink,
  createSlotBroker,
  type SharedLink,
} from '../../src/limits/control.ts';
import { redisProgram, startRedis, type TestRedis } from '../fakes/redis.ts';

const origin = { name: 'perUser', by: 'user', origin: 'routes[0].limits', text: '60/min' } as const;
const rate: RateRule = { kind: 'rate', id: 'r', ...origin, count: 60, periodMs: 60_000, burst: 60 };
const concurrency: ConcurrencyRule = { kind: 'concurrency', id: 'c', ...origin, count: 5 };

// The client's own queue ends at 20,000.
const keys = 21_000;

interface Host {
  readonly link: SharedLink;
  readonly clock: Clock;
  /** `away` and `back`, as they were told. */
  readonly news: string[];
  /** Names of keys that were asked about, in order. */
  readonly asked: string[];
  /** Most questions under way at once. */
  most(): number;
  /** So much time passes, then every sweep comes. */
  pass(ms: number): void;
}

async function startHost(redis: TestRedis, prefix: string): Promise<Host> {
  const news: string[] = [];
  const asked: string[] = [];
  const sweeps: (() => void)[] = [];
  let passedMs = 0;
  let [underWay, most] = [0, 0];
  const clock: Clock = {
    ...systemClock,
    monotonic: () => systemClock.monotonic() + passedMs,
    every: (_periodMs, task) => {
      sweeps.push(task);
      return { cancel: () => undefined };
    },
  };
  const redisCounters = await connectRedis({ url: redis.url, prefix, connectTimeoutMs: 500, onError: () => undefined });
  const counted =
    <C, A>(ask: (host: string, key: string, call: C) => Promise<A>) =>
    async (host: string, key: string, call: C): Promise<A> => {
      asked.push(key);
      most = Math.max(most, ++underWay);
      try {
        return await ask(host, key, call);
      } finally {
        underWay--;
      }
    };
  const counters = { ...redisCounters, rate: counted(redisCounters.rate), slots: counted(redisCounters.slots) };
  // What is shown must not hang on the speed of this machine: the server is away where it does not answer at all.
  const callTimeoutMs = 20_000;
  const onChange = (away: boolean, reason: string): void => void news.push(away ? `away: ${reason}` : 'back');
  const link = createSharedLink({ clock, counters, host: 'h', hosts: 2, callTimeoutMs, onChange });
  await link.started;
  return {
    ...{ link, clock, news, asked, most: () => most },
    pass: (ms) => {
      passedMs += ms;
      for (const sweep of sweeps) sweep();
    },
  };
}

describe.skipIf(redisProgram === undefined)('very many keys shared at once', () => {
  let redis: TestRedis;
  let host: Host;
  let stop: () => void = () => undefined;
  let run = 0;

  beforeAll(async () => {
    redis = await startRedis(redisProgram as string);
  });
  afterEach(async () => {
    stop();
    await host.link.stop();
  });
  afterAll(() => redis?.stop());

  /** Asks for each of the keys, some at a time, and waits for the answers. */
  async function fill(ask: (key: string, id: number) => void, answers: () => number): Promise<void> {
    for (let at = 0; at < keys; at++) {
      ask(`u${at}`, at);
      if (at % 500 === 499) await expect.poll(answers, { interval: 1, timeout: 10_000 }).toBe(at + 1);
    }
    await expect.poll(answers, { interval: 1, timeout: 10_000 }).toBe(keys);
  }

  /** All fall due in one sweep, and one more key is asked for: gives how many questions came before its own. */
  async function sweepAndAsk(ask: () => void): Promise<number> {
    const before = host.asked.length;
    host.pass(3000);
    ask();
    await expect.poll(() => new Set(host.asked.slice(before)).size, { interval: 10, timeout: 30_000 }).toBe(keys + 1);
    return host.asked.findIndex((key) => key.endsWith('newcomer')) - before;
  }

  const startLeases = async () => {
    host = await startHost(redis, `many${++run}`);
    const broker = createLeaseBroker({ clock: host.clock, rules: [rate], shared: host.link });
    stop = () => broker.stop();
    let count = 0;
    broker.join('w', (message) => void (count += message.kind === 'grant' && message.tokens > 0 ? 1 : 0));
    const ask = (key: string, id: number): void =>
      broker.receive('w', { kind: 'ask', id, limit: 'r', key, spent: 0, need: 1, want: 1 });
    return { ask, granted: () => count };
  };

  test('leases of rates that fall due at once hold nobody up', async () => {
    const { ask, granted } = await startLeases();
    await fill(ask, granted);
    expect(await sweepAndAsk(() => ask('newcomer', keys))).toBeLessThan(128);
    expect(host.news).toEqual([]);
    expect(host.most()).toBeLessThanOrEqual(128);
  });

  test('nor do leases of slots, and slots that all come free at once', async () => {
    host = await startHost(redis, `many${++run}`);
    const broker = createSlotBroker({ clock: host.clock, rules: [concurrency], shared: host.link });
    stop = () => broker.stop();
    let granted = 0;
    broker.join('w', (message) => void (granted += message.kind === 'slot-grant' ? message.slots : 0));
    const ask = (key: string, id: number): void =>
      broker.receive('w', { kind: 'slot-ask', id, limit: 'c', key, need: 1 });
    await fill(ask, () => granted);
    expect(await sweepAndAsk(() => ask('newcomer', keys))).toBeLessThan(128);
    for (let at = 0; at < keys; at++) broker.receive('w', { kind: 'slot-return', limit: 'c', key: `u${at}`, slots: 1 });
    ask('another', keys + 1);
    await expect.poll(() => broker.size, { interval: 10, timeout: 30_000 }).toBe(2);
    expect(granted).toBe(keys + 2);
    expect(host.news).toEqual([]);
    expect(host.most()).toBeLessThanOrEqual(128);
  });

  test('nor does the return of a server that was away', async () => {
    const { ask, granted } = await startLeases();
    await redis.restart();
    ask('u0', 0);
    await expect.poll(() => host.news.length, { interval: 10, timeout: 10_000 }).toBe(1);
    const grantedBefore = granted();
    await fill(ask, () => granted() - grantedBefore);
    host.asked.length = 0;
    // A sweep comes with each try to reach it.
    const tryAgain = (): string | undefined => {
      host.pass(0);
      return host.news.at(-1);
    };
    await expect.poll(tryAgain, { interval: 20, timeout: 10_000 }).toBe('back');
    const askedBefore = host.asked.length;
    ask('newcomer', keys);
    const distinct = (): number => {
      host.pass(0);
      return new Set(host.asked).size;
    };
    await expect.poll(distinct, { interval: 20, timeout: 30_000 }).toBe(keys + 1);
    expect(host.asked.findIndex((key) => key.endsWith('newcomer')) - askedBefore).toBeLessThan(128);
    expect(host.news.length).toBe(2);
    expect(host.most()).toBeLessThanOrEqual(128);
  });
});
