// Can whoever sends from very many names get a bucket back before its time, by having it forgotten? And what does a
// million names cost?
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import type { RateRule, ToBroker } from '../api/limits.ts';
import { createLeaseBroker } from './lease-broker.ts';
import { createLeasedLimiter } from './leased-limiter.ts';
import { rateSpecOf } from './limit-state.ts';
import { createLimiter } from './limiter.ts';
import { createLoginThrottle } from './login-throttle.ts';

const hourly: RateRule = {
  kind: 'rate',
  id: 'r',
  name: 'perIp',
  by: 'ip',
  origin: 'gateway.limits.perIp',
  text: '60/h',
  count: 60,
  periodMs: 3_600_000,
};

/** What is usually built: a map of counters that forgets the one used least recently. */
function createNaiveLimiter(maxKeys: number): (key: string, nowMs: number) => boolean {
  const { intervalMs, burst } = rateSpecOf(hourly);
  const times = new Map<string, number>();
  return (key, nowMs) => {
    const next = Math.max(times.get(key) ?? 0, nowMs) + intervalMs;
    const allowed = next - nowMs <= burst * intervalMs;
    times.delete(key);
    times.set(key, allowed ? next : next - intervalMs);
    if (times.size > maxKeys) times.delete(times.keys().next().value as string);
    return allowed;
  };
}

/** Uses a key up, sends once from each of `others` names, and counts what the key gets then. */
function attack(take: (key: string, nowMs: number) => boolean, others: number): number {
  for (let at = 0; at < 100; at++) take('attacker', 0);
  expect(take('attacker', 0)).toBe(false);
  for (let at = 0; at < others; at++) take(`other-${at}`, at / 1000);
  let regained = 0;
  for (let at = 0; at < 100; at++) if (take('attacker', others / 1000)) regained++;
  return regained;
}

describe('a flood of other names', () => {
  test('gives the bucket back where the least recently used is forgotten, and not here', () => {
    expect(attack(createNaiveLimiter(1000), 20_000)).toBe(60);
    const limiter = createLimiter({ maxKeys: 1000, specs: [rateSpecOf(hourly)] });
    expect(attack((key, nowMs) => limiter.take('r', key, 1, nowMs).allowed, 20_000)).toBe(0);
  });

  test('of a million names does not either, in 27 bytes each', () => {
    const limiter = createLimiter({ maxKeys: 100_000, specs: [rateSpecOf(hourly)] });
    expect(attack((key, nowMs) => limiter.take('r', key, 1, nowMs).allowed, 1_000_000)).toBe(0);
    expect(limiter.stats().bytes).toBeLessThan(2_800_000);
    expect(limiter.stats().forgotten).toBeGreaterThan(800_000);
  });

  test('at a broker and its workers does not either; nor are the others refused for it', async () => {
    const clock = new ManualClock();
    const maxKeys = 2000;
    const broker = createLeaseBroker({ clock, rules: [hourly], maxKeys });
    const send = (message: ToBroker): void => broker.receive('w', message);
    const worker = createLeasedLimiter({ clock, workers: 1, rules: [hourly], send });
    broker.join('w', (message) => worker.receive(message));
    const ask = async (key: string): Promise<boolean> =>
      (worker.take('r', key, 1, clock.monotonic()) ?? (await worker.wait('r', key, 1, clock.monotonic()))).allowed;
    for (let at = 0; at < 60; at++) expect(await ask('attacker')).toBe(true);
    expect(await ask('attacker')).toBe(false);
    let refused = 0;
    for (let at = 0; at < 10_000; at++) {
      if (!(await ask(`other-${at}`))) refused++;
      if (at % 20 === 0) await clock.advanceAsync(100, 100);
    }
    expect(refused).toBe(0);
    // In the fifty seconds that this took, not one token has flowed back: that takes a minute.
    expect(await ask('attacker')).toBe(false);
    expect(broker.stats().accounts).toBeLessThanOrEqual(maxKeys);
    expect(broker.stats().parkedBytes).toBeLessThan(60_000);
    expect(await ask('attacker')).toBe(false);
    await clock.advanceAsync(60_000, 1000);
    expect(await ask('attacker')).toBe(true);
  });
});

describe('a flood of other accounts', () => {
  test('does not make the throttle forget the one that is guessed at, nor where its owner is known', () => {
    const clock = new ManualClock();
    const throttle = createLoginThrottle({
      clock,
      maxKeys: 1000,
      state: { load: async () => [], save: async () => undefined },
    });
    throttle.attempt('mia', '192.0.2.1');
    throttle.succeeded('mia', '192.0.2.1');
    for (let at = 0; at < 10; at++) throttle.attempt('mia', '198.51.100.1');
    expect(throttle.attempt('mia', '198.51.100.1').allowed).toBe(false);
    for (let at = 0; at < 5000; at++) throttle.attempt(`other-${at}`, `203.0.${at >> 8}.${at & 255}`);
    expect(throttle.attempt('mia', '198.51.100.2').allowed).toBe(false);
    expect(throttle.attempt('mia', '192.0.2.1').allowed).toBe(true);
  });

  test('an attempt that came to nothing does not count', () => {
    const clock = new ManualClock();
    const throttle = createLoginThrottle({ clock, state: { load: async () => [], save: async () => undefined } });
    for (let at = 0; at < 50; at++) {
      expect(throttle.attempt('mia', '192.0.2.1').allowed).toBe(true);
      throttle.undone('mia', '192.0.2.1');
    }
  });
});
