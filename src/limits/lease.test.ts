import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import type { QuotaRule, RateRule, ToBroker } from '../api/limits.ts';
import { createLeaseBroker, type LeaseBrokerOptions } from './lease-broker.ts';
import { createLeasedLimiter, type LeasedLimiter } from './leased-limiter.ts';
import { createLimiter } from './limiter.ts';
import type { QuotaState, QuotaUse } from './ports.ts';
import { createQuotas } from './quotas.ts';

const rate = (count: number, periodMs: number, burst = count): RateRule => ({
  kind: 'rate',
  id: 'r',
  name: 'perUser',
  by: 'user',
  origin: 'routes[0].limits.perUser',
  text: `${count}/${periodMs}ms`,
  count,
  periodMs,
  burst,
});

const quota = (count: number): QuotaRule => ({
  kind: 'quota',
  id: 'q',
  name: 'daily',
  by: 'user',
  origin: 'routes[0].limits.daily',
  text: `${count}/day`,
  count,
  period: 'day',
});

/** A broker and workers in one process, with pipes between them that take `delayMs`. */
function createHost(workerCount: number, options: Omit<LeaseBrokerOptions, 'clock'>, delayMs = 1) {
  const clock = new ManualClock();
  const broker = createLeaseBroker({ clock, ...options });
  const cut = new Set<number>();
  let messages = 0;
  let admitted = 0;
  const startMs = clock.now();
  const deliver = (worker: number, task: () => void): void => {
    messages++;
    const guarded = (): void => (cut.has(worker) ? undefined : task());
    if (delayMs === 0) guarded();
    else clock.after(delayMs, guarded);
  };
  const workers = Array.from({ length: workerCount }, (_, worker): LeasedLimiter => {
    const send = (message: ToBroker): void =>
      deliver(worker, () => broker.receive(`w${worker}`, structuredClone(message)));
    const limiter = createLeasedLimiter({ clock, workers: workerCount, send, rules: options.rules ?? [] });
    broker.join(`w${worker}`, (message) => deliver(worker, () => limiter.receive(structuredClone(message))));
    return limiter;
  });
  const request = (worker: number, limit: string, key = 'k', cost = 1): void => {
    const count = (state: { allowed: boolean }): void => void (admitted += state.allowed ? cost : 0);
    const limiter = workers[worker] as LeasedLimiter;
    const state = limiter.take(limit, key, cost, clock.monotonic());
    if (state === undefined) void limiter.wait(limit, key, cost, clock.monotonic()).then(count);
    else count(state);
  };
  return {
    clock,
    broker,
    workers,
    request,
    kill: (worker: number): void => {
      cut.add(worker);
      broker.leave(`w${worker}`);
    },
    mute: (worker: number): void => void cut.add(worker),
    heal: (worker: number): void => void cut.delete(worker),
    admitted: () => admitted,
    messages: () => messages,
    elapsedMs: () => clock.now() - startMs,
    settle: async (ms: number) => clock.advanceAsync(ms, 1),
  };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('leases', () => {
  it('admit, over a million requests at four workers, what the limit says to within one', async () => {
    const rule = rate(400_000, 86_400_000);
    const host = createHost(4, { rules: [rule] });
    let random = 12345;
    for (let n = 0; n < 1_000_000; n++) {
      random = (Math.imul(random, 1103515245) + 12345) >>> 0;
      // In turn: evenly, one worker alone, two of them, evenly.
      const phase = Math.floor(n / 250_000);
      const spread = phase === 1 ? 1 : phase === 2 ? 2 : 4;
      host.request((random >>> 16) % spread, 'r');
      if (n % 20 === 0) host.clock.advance(1);
      if (n % 200 === 0) await turn();
    }
    await host.settle(20);
    const expected = rule.count + (host.elapsedMs() * rule.count) / rule.periodMs;
    console.info(
      `admitted ${host.admitted()} of ${expected.toFixed(1)}, ${host.messages()} messages for 1000000 requests`,
    );
    expect(host.admitted()).toBeLessThanOrEqual(expected);
    // What came back in the last 20 ms has not been asked for.
    expect(host.admitted()).toBeGreaterThanOrEqual(Math.floor(expected) - 1);
    expect(host.messages()).toBeLessThan(100_000);
  });

  it('admit as many costly requests as fit, whichever workers they meet', async () => {
    const sequences = (length: number): number[][] =>
      length === 0 ? [[]] : sequences(length - 1).flatMap((rest) => [0, 1, 2].map((worker) => [...rest, worker]));
    for (const cost of [2, 3, 4]) {
      for (const workers of sequences(5)) {
        const host = createHost(3, { rules: [rate(10, 3_600_000)] });
        for (const worker of workers) {
          host.request(worker, 'r', 'k', cost);
          await host.settle(20);
        }
        expect([workers.join(''), host.admitted()]).toEqual([workers.join(''), 10 - (10 % cost)]);
      }
    }
  });

  it('agree with one limiter in one process while a key is over its limit for long', async () => {
    const rule = rate(100, 1000, 50);
    const host = createHost(4, { rules: [rule] });
    for (let ms = 0; ms < 30_000; ms++) {
      host.request(ms % 4, 'r');
      host.clock.advance(1);
      await Promise.resolve();
      const most = 50 + host.elapsedMs() / 10;
      expect(host.admitted()).toBeLessThanOrEqual(most);
    }
    await host.settle(10);
    expect(host.admitted()).toBeGreaterThanOrEqual(3049);
  });

  it('refuse what an unshared limiter in each worker would let through', async () => {
    const rule = rate(100, 3_600_000);
    const host = createHost(4, { rules: [rule] });
    const separate = host.workers.map(() =>
      createLimiter({ maxKeys: 10, specs: [{ id: 'r', intervalMs: 36_000, burst: 100 }] }),
    );
    let unshared = 0;
    for (let n = 0; n < 1000; n++) {
      host.request(n % 4, 'r');
      if (separate[n % 4]?.take('r', 'k', 1, n).allowed) unshared++;
      await host.settle(1);
    }
    await host.settle(300);
    expect(unshared).toBe(400);
    expect(host.admitted()).toBe(100);
  });

  it('bring unspent tokens to the worker that needs them', async () => {
    const host = createHost(2, { rules: [rate(20, 3_600_000)] });
    host.request(0, 'r');
    await host.settle(5);
    for (let n = 0; n < 30; n++) {
      host.request(1, 'r');
      await host.settle(5);
    }
    expect(host.admitted()).toBe(20);
  });

  it("take a dead worker's slice for spent, and let it refill", async () => {
    const host = createHost(2, { rules: [rate(100, 10_000)], leaseMs: 2000 });
    host.request(0, 'r');
    await host.settle(5);
    host.kill(0);
    for (let n = 0; n < 200; n++) {
      host.request(1, 'r');
      if (n % 10 === 0) await host.settle(1);
    }
    await host.settle(300);
    const early = host.admitted();
    expect(early).toBeGreaterThan(80);
    expect(early).toBeLessThanOrEqual(100 + host.elapsedMs() / 100);
    await host.settle(13_000);
    for (let n = 0; n < 200; n++) host.request(1, 'r');
    await host.settle(300);
    expect(host.admitted() - early).toBeGreaterThanOrEqual(100);
    expect(host.admitted()).toBeLessThanOrEqual(100 + host.elapsedMs() / 100);
  });

  it('never admit too much though tokens were held while the bucket would have refilled', async () => {
    // A burst of 40 that refills in 40 ms, leases of 2 s: hoarded slices would double the burst.
    const host = createHost(4, { rules: [rate(1000, 1000, 40)] });
    for (let worker = 0; worker < 4; worker++) host.request(worker, 'r');
    await host.settle(500);
    const before = host.admitted();
    for (let n = 0; n < 400; n++) host.request(n % 4, 'r');
    await host.settle(2);
    expect(host.admitted() - before).toBeLessThanOrEqual(42);
  });

  it('answer costs of several tokens, and say never where one is too great', async () => {
    const host = createHost(2, { rules: [rate(10, 3_600_000)] });
    const [worker] = host.workers as [LeasedLimiter, LeasedLimiter];
    const first = worker.wait('r', 'k', 8, host.clock.monotonic());
    await host.settle(5);
    expect((await first).allowed).toBe(true);
    const second = worker.wait('r', 'k', 3, host.clock.monotonic());
    await host.settle(5);
    expect((await second).allowed).toBe(false);
    host.request(0, 'r');
    await host.settle(5);
    expect(host.admitted()).toBe(1);
    const third = worker.wait('r', 'other', 11, host.clock.monotonic());
    await host.settle(5);
    expect(await third).toMatchObject({ allowed: false, retryAfterMs: Infinity });
  });

  it("fall back to the worker's own share while the broker is silent", async () => {
    const host = createHost(4, { rules: [rate(100, 3_600_000)] });
    for (let worker = 0; worker < 4; worker++) host.mute(worker);
    for (let n = 0; n < 400; n++) host.request(n % 4, 'r');
    await host.settle(550);
    expect(host.admitted()).toBe(100);
  });

  it('do not let every request wait for a silent broker, and come back to it', async () => {
    const host = createHost(2, { rules: [rate(1000, 3_600_000)] });
    const [worker] = host.workers as [LeasedLimiter, LeasedLimiter];
    host.mute(0);
    const first = worker.wait('r', 'a', 1, host.clock.monotonic());
    await host.settle(550);
    expect((await first).allowed).toBe(true);
    const messages = host.messages();
    expect((await worker.wait('r', 'b', 1, host.clock.monotonic())).remaining).toBe(499);
    expect(host.messages()).toBe(messages);
    host.heal(0);
    await host.settle(2000);
    const late = worker.wait('r', 'c', 1, host.clock.monotonic());
    await host.settle(5);
    expect((await late).remaining).toBe(999);
  });

  it('fall back at once where the broker does not know the limit', async () => {
    const host = createHost(2, { rules: [rate(10, 3_600_000)] });
    host.broker.configure([]);
    const state = (host.workers[0] as LeasedLimiter).wait('r', 'k', 1, host.clock.monotonic());
    await host.settle(5);
    expect(await state).toMatchObject({ allowed: true, remaining: 4 });
  });

  it('hold with a broker in the same process, whose answers come at once', async () => {
    const host = createHost(2, { rules: [rate(50, 3_600_000)] }, 0);
    for (let n = 0; n < 200; n++) {
      host.request(n % 2, 'r', 'k');
      await turn();
    }
    expect(host.admitted()).toBe(50);
  });

  it('share few counts among newcomers when the broker is full, and forget keys that are whole', async () => {
    const host = createHost(1, { rules: [rate(10, 1000)], maxKeys: 100 });
    for (let n = 0; n < 1000; n++) host.request(0, 'r', `k${n}`);
    await host.settle(300);
    expect(host.admitted()).toBeLessThan(500);
    await host.settle(6000);
    const before = host.admitted();
    for (let n = 0; n < 90; n++) host.request(0, 'r', `l${n}`);
    await host.settle(300);
    expect(host.admitted() - before).toBe(90);
  });

  it('forget quiet keys at the worker, also where a message was lost', async () => {
    const host = createHost(1, { rules: [rate(1000, 1000)] });
    for (let n = 0; n < 100; n++) host.request(0, 'r', `k${n}`);
    await host.settle(10);
    host.mute(0);
    for (let n = 0; n < 100; n++) for (let more = 0; more < 10; more++) host.request(0, 'r', `k${n}`);
    expect(host.workers[0]?.size).toBe(100);
    await host.settle(5000);
    expect(host.workers[0]?.size).toBe(0);
  });

  it('give a worker that lies about its tokens no more than others lose', async () => {
    const host = createHost(2, { rules: [rate(10, 3_600_000)] });
    const lies = [
      { kind: 'return', limit: 'r', key: 'k', spent: 0, unspent: 1000 },
      { kind: 'return', limit: 'r', key: 'k', spent: -1000, unspent: 0 },
      { kind: 'ask', id: 1, limit: 'r', key: 'k', need: -5, want: -5, spent: -5 },
      { kind: 'ask', id: 1, limit: 'r', key: 'x'.repeat(1e6), need: 1, want: 1, spent: 0 },
      'nonsense',
      null,
    ];
    for (const lie of lies) host.broker.receive('w0', lie);
    for (let n = 0; n < 30; n++) {
      host.request(1, 'r');
      await host.settle(3);
    }
    expect(host.admitted()).toBe(10);
  });

  it('let go of a limit that a new snapshot no longer has', async () => {
    const host = createHost(1, { rules: [rate(10, 1000)] });
    host.request(0, 'r');
    await host.settle(5);
    host.broker.configure([]);
    host.workers[0]?.configure([]);
    expect(() => host.workers[0]?.take('r', 'k', 1, host.clock.monotonic())).toThrow('there is no limit `r`');
  });
});

/** A quota store that survives the process that uses it. */
function createDisk() {
  const saved = new Map<string, QuotaUse>();
  const state: QuotaState = {
    load: async () => [...saved.values()],
    save: async (uses) => {
      await turn();
      for (const use of uses) saved.set(`${use.quota} ${use.key}`, use);
    },
  };
  return { state, saved };
}

describe('quotas over leases', () => {
  it('give nothing away twice when the broker is killed and comes back', async () => {
    const { state } = createDisk();
    let admitted = 0;
    for (let life = 0; life < 5; life++) {
      const clock = new ManualClock();
      const quotas = createQuotas({ clock, state, maxKeys: 100 });
      await quotas.restore();
      const host = createHost(2, { rules: [quota(100)], quotas });
      for (let n = 0; n < 30; n++) {
        host.request(n % 2, 'q');
        await host.settle(3);
      }
      admitted += host.admitted();
    }
    expect(admitted).toBeLessThanOrEqual(100);
    expect(admitted).toBeGreaterThan(60);
  });

  it('admit exactly the quota without a crash', async () => {
    const { state } = createDisk();
    const quotas = createQuotas({ clock: new ManualClock(), state, maxKeys: 100 });
    const host = createHost(4, { rules: [quota(100)], quotas });
    for (let n = 0; n < 400; n++) {
      host.request(n % 4, 'q');
      await host.settle(3);
    }
    expect(host.admitted()).toBe(100);
  });

  it('withhold a slice that could not be saved', async () => {
    const failures: unknown[] = [];
    const state: QuotaState = { load: async () => [], save: async () => Promise.reject(new Error('disk full')) };
    const quotas = createQuotas({ clock: new ManualClock(), state, maxKeys: 100 });
    const host = createHost(1, { rules: [quota(100)], quotas, onSaveFailure: (error) => failures.push(error) });
    host.request(0, 'q');
    await host.settle(5);
    expect(failures).toHaveLength(1);
    // The request itself is judged by the worker's own share.
    expect(host.admitted()).toBe(1);
  });
});
