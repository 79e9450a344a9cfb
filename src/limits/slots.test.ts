import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import type { ConcurrencyRule, ToSlotBroker } from '../api/limits.ts';
import { concurrencyShare, createConcurrencyLimiter } from './concurrency.ts';
import { createSlotBroker, type SlotBroker } from './slot-broker.ts';
import { createSlotLimiter, type SlotLimiter } from './slot-limiter.ts';

const rule = (count: number): ConcurrencyRule => ({
  ...{ kind: 'concurrency', id: 'c', name: 'concurrency', by: 'user', origin: 'routes[0].limits.concurrency' },
  ...{ text: String(count), count },
});

/** A broker and workers in one process, with pipes between them that take `delayMs`. */
function createHost(workerCount: number, count: number, delayMs = 1) {
  const clock = new ManualClock();
  let broker: SlotBroker = createSlotBroker({ clock, rules: [rule(count)] });
  const cut = new Set<number>();
  const lives = Array.from({ length: workerCount }, () => 0);
  const running = Array.from({ length: workerCount }, () => 0);
  let messages = 0;
  let refused = 0;
  let most = 0;
  const deliver = (worker: number, task: () => void): void => {
    messages++;
    const life = lives[worker];
    // What was on its way when a connection ended is lost with it.
    const guarded = (): void => (cut.has(worker) || lives[worker] !== life ? undefined : task());
    if (delayMs === 0) guarded();
    else clock.after(delayMs, guarded);
  };
  const idOf = (worker: number): string => `w${worker}/${lives[worker]}`;
  const join = (worker: number): void =>
    broker.join(idOf(worker), (message) => deliver(worker, () => workers[worker]?.receive(structuredClone(message))));
  const open = (worker: number): SlotLimiter => {
    const send = (message: ToSlotBroker): void =>
      deliver(worker, () => broker.receive(idOf(worker), structuredClone(message)));
    return createSlotLimiter({ clock, send, share: (max) => concurrencyShare(max, workerCount, worker) });
  };
  const workers = Array.from({ length: workerCount }, (_, worker) => open(worker));
  for (const worker of workers.keys()) join(worker);
  const note = (worker: number, mayRun: boolean): boolean => {
    if (mayRun) running[worker] = (running[worker] as number) + 1;
    else refused++;
    most = Math.max(most, total());
    return mayRun;
  };
  const total = (): number => running.reduce((sum, each) => sum + each, 0);
  return {
    clock,
    workers,
    total,
    runningAt: (worker: number) => running[worker] as number,
    messages: () => messages,
    refused: () => refused,
    most: () => most,
    brokerKeys: () => broker.size,
    begin: (worker: number): Promise<boolean> => {
      const begun = (workers[worker] as SlotLimiter).acquire('c', 'k', count);
      // What is known at once counts at once: the next step may be that it ends.
      if (typeof begun === 'boolean') return Promise.resolve(note(worker, begun));
      return begun.then((mayRun) => note(worker, mayRun));
    },
    finish: (worker: number): void => {
      if (running[worker] === 0) return;
      running[worker] = (running[worker] as number) - 1;
      workers[worker]?.release('c', 'k');
    },
    /** The process is gone, and another comes in its place. */
    crash: (worker: number): void => {
      broker.leave(idOf(worker));
      workers[worker]?.stop();
      running[worker] = 0;
      lives[worker] = (lives[worker] as number) + 1;
      workers[worker] = open(worker);
      join(worker);
    },
    mute: (worker: number): void => void cut.add(worker),
    heal: (worker: number): void => void cut.delete(worker),
    restartBroker: (): void => {
      for (const worker of workers.keys()) lives[worker] = (lives[worker] as number) + 1;
      broker = createSlotBroker({ clock, rules: [rule(count)] });
      for (const [worker, limiter] of workers.entries()) {
        join(worker);
        limiter.rejoin();
      }
    },
    settle: async (ms = 20) => clock.advanceAsync(ms, 1),
  };
}

/** All ways to take `length` steps out of `choices`. */
function sequences<T>(choices: readonly T[], length: number): T[][] {
  return length === 0
    ? [[]]
    : sequences(choices, length - 1).flatMap((rest) => choices.map((choice) => [...rest, choice]));
}

type Step = readonly ['begin' | 'finish', worker: number];

describe('slots of a concurrency limit', () => {
  it('agree with a single counter, whichever workers the requests meet, in every order', async () => {
    const steps: Step[] = [0, 1].flatMap((worker): Step[] => [
      ['begin', worker],
      ['finish', worker],
    ]);
    for (const count of [1, 2]) {
      for (const sequence of sequences(steps, 5)) {
        const host = createHost(2, count);
        const counter = createConcurrencyLimiter();
        const found: unknown[] = [];
        const expected: unknown[] = [];
        for (const [kind, worker] of sequence) {
          if (kind === 'finish') {
            if (host.runningAt(worker) > 0) counter.release('c', 'k');
            host.finish(worker);
          } else {
            expected.push(counter.acquire('c', 'k', count));
            const begun = host.begin(worker);
            await host.settle();
            found.push(await begun);
          }
          await host.settle();
        }
        expect([sequence.join(' '), found]).toEqual([sequence.join(' '), expected]);
      }
    }
  }, 60_000);

  it('are never exceeded, and none is lost, whatever happens at once', async () => {
    const step = fc.record({ kind: fc.constantFrom('begin', 'begin', 'finish', 'wait'), worker: fc.nat(3) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 0, max: 3 }),
        async (taken, count, delayMs) => {
          const host = createHost(4, count, delayMs);
          const begun: Promise<boolean>[] = [];
          for (const { kind, worker } of taken) {
            if (kind === 'begin') begun.push(host.begin(worker));
            else if (kind === 'finish') host.finish(worker);
            else await host.settle(2);
          }
          await host.settle(50);
          await Promise.all(begun);
          expect(host.most()).toBeLessThanOrEqual(count);
          if (host.refused() > 0) expect(host.most()).toBe(count);
          // All of them can be used by one worker in the end.
          for (const worker of host.workers.keys()) while (host.runningAt(worker) > 0) host.finish(worker);
          const last = Array.from({ length: count + 1 }, () => host.begin(2));
          await host.settle(20);
          expect((await Promise.all(last)).filter(Boolean).length).toBe(count);
          for (let n = 0; n < count; n++) host.finish(2);
          await host.settle(3000);
          expect([host.brokerKeys(), ...host.workers.map(({ size }) => size)]).toEqual([0, 0, 0, 0, 0]);
        },
      ),
      { numRuns: 150 },
    );
  }, 60_000);

  it('would be refused to a caller whose connections all lie with one worker, were they split', async () => {
    const host = createHost(4, 8);
    const begun = Array.from({ length: 9 }, () => host.begin(3));
    await host.settle();
    expect((await Promise.all(begun)).filter(Boolean).length).toBe(8);
    expect(concurrencyShare(8, 4, 3)).toBe(2);
  });

  it('hold where the limit is smaller than the workers are many', async () => {
    const host = createHost(4, 1);
    const begun = [0, 1, 2, 3].map((worker) => host.begin(worker));
    await host.settle();
    expect((await Promise.all(begun)).filter(Boolean).length).toBe(1);
  });

  it('cost no message while a worker uses again what it has', async () => {
    const host = createHost(2, 4);
    const first = host.begin(0);
    await host.settle();
    await first;
    const before = host.messages();
    for (let n = 0; n < 1000; n++) {
      host.finish(0);
      expect(await host.begin(0)).toBe(true);
    }
    expect(host.messages()).toBe(before);
  });

  it('come back at once from a worker that dies', async () => {
    const host = createHost(2, 3);
    const begun = Array.from({ length: 3 }, () => host.begin(0));
    await host.settle();
    expect(await Promise.all(begun)).toEqual([true, true, true]);
    host.crash(0);
    const after = Array.from({ length: 4 }, () => host.begin(1));
    await host.settle();
    expect((await Promise.all(after)).filter(Boolean).length).toBe(3);
    expect(host.total()).toBe(3);
  });

  it('stay counted when the broker restarts: workers tell what they run', async () => {
    const host = createHost(3, 4);
    const begun = [host.begin(0), host.begin(0), host.begin(1)];
    await host.settle();
    await Promise.all(begun);
    host.restartBroker();
    const after = Array.from({ length: 3 }, () => host.begin(2));
    await host.settle();
    expect((await Promise.all(after)).filter(Boolean).length).toBe(1);
    expect(host.most()).toBe(4);
  });

  it('are judged by the own share of a worker while the broker is silent', async () => {
    const host = createHost(4, 8);
    for (let worker = 0; worker < 4; worker++) host.mute(worker);
    const begun = Array.from({ length: 40 }, (_, n) => host.begin(n % 4));
    await host.settle(600);
    expect((await Promise.all(begun)).filter(Boolean).length).toBe(8);
    // Nobody else waits for it meanwhile.
    expect(host.workers[0]?.acquire('c', 'other', 8)).toBe(true);
    for (let worker = 0; worker < 4; worker++) host.heal(worker);
    await host.settle(3000);
    for (const worker of host.workers.keys()) while (host.runningAt(worker) > 0) host.finish(worker);
    const late = Array.from({ length: 8 }, () => host.begin(1));
    await host.settle();
    expect((await Promise.all(late)).every(Boolean)).toBe(true);
  });

  it('do not wait for a worker that hangs with slots in its hands for longer than a moment', async () => {
    const host = createHost(2, 1);
    const first = host.begin(0);
    await host.settle();
    await first;
    host.mute(0);
    const second = host.begin(1);
    await host.settle(150);
    expect(await second).toBe(false);
  });

  it('follow the manifest: fewer, more, none', async () => {
    const clock = new ManualClock();
    const broker = createSlotBroker({ clock, rules: [rule(2)] });
    const worker = createSlotLimiter({ clock, share: () => 1, send: (message) => broker.receive('w', message) });
    broker.join('w', (message) => worker.receive(message));
    expect([await worker.acquire('c', 'k', 2), await worker.acquire('c', 'k', 2)]).toEqual([true, true]);
    broker.configure([rule(3)]);
    expect(await worker.acquire('c', 'k', 3)).toBe(true);
    broker.configure([rule(1)]);
    worker.release('c', 'k');
    worker.release('c', 'k');
    expect(await worker.acquire('c', 'k', 1)).toBe(false);
    worker.release('c', 'k');
    expect(await worker.acquire('c', 'k', 1)).toBe(true);
    broker.configure([]);
    expect(broker.size).toBe(0);
    // Of a limit that the broker does not know a worker decides by its share.
    expect([await worker.acquire('c', 'new', 5), await worker.acquire('c', 'new', 5)]).toEqual([true, false]);
  });

  it('come down to a lowered limit although no worker is ever idle', async () => {
    const clock = new ManualClock();
    const broker = createSlotBroker({ clock, rules: [rule(6)] });
    const workers = ['a', 'b'].map((name) => {
      const worker = createSlotLimiter({ clock, share: () => 1, send: (message) => broker.receive(name, message) });
      broker.join(name, (message) => worker.receive(message));
      return worker;
    });
    const running = workers.map(() => 0);
    const begin = async (at: number, max: number): Promise<void> => {
      if ((await workers[at]?.acquire('c', 'k', max)) === true) running[at] = (running[at] as number) + 1;
    };
    for (let n = 0; n < 6; n++) await begin(n % 2, 6);
    expect(running).toEqual([3, 3]);
    broker.configure([rule(2)]);
    for (let n = 0; n < 40; n++) {
      const at = n % 2;
      if (running[at] === 0) continue;
      workers[at]?.release('c', 'k');
      running[at] = (running[at] as number) - 1;
      await begin(at, 2);
      clock.advance(10);
    }
    expect((running[0] as number) + (running[1] as number)).toBeLessThanOrEqual(2);
    expect((running[0] as number) + (running[1] as number)).toBeGreaterThan(0);
  });

  it('give a worker that lies no more than others lose, and what is no message is dropped', () => {
    const clock = new ManualClock();
    const granted: number[] = [];
    const broker = createSlotBroker({ clock, rules: [rule(2)], maxKeys: 1 });
    broker.join('a', (message) => message.kind === 'slot-grant' && granted.push(message.slots));
    const about = { limit: 'c', key: 'k' };
    for (const lie of [
      { kind: 'slot-return', ...about, slots: 1000 },
      { kind: 'slot-return', ...about, slots: -1000 },
      { kind: 'slot-hold', ...about, slots: -3 },
      { kind: 'slot-ask', id: 1, ...about, need: -5 },
      { kind: 'slot-ask', id: 1, limit: 'c', key: 'x'.repeat(1e6), need: 1 },
      'nonsense',
      null,
    ])
      broker.receive('a', lie);
    broker.receive('a', { kind: 'slot-ask', id: 2, ...about, need: 9 });
    broker.receive('a', { kind: 'slot-ask', id: 3, limit: 'c', key: 'one too many', need: 1 });
    expect(granted).toEqual([2]);
  });
});
