import { afterEach, expect, test, vi } from 'vitest';
import { sleep, systemClock } from './clock.ts';

afterEach(() => void vi.useRealTimers());

test('runs once after the delay, and not when cancelled', async () => {
  let ran = 0;
  systemClock.after(5, () => ran++);
  systemClock.after(5, () => ran++).cancel();
  systemClock.after(-5, () => ran++);
  await new Promise((done) => setTimeout(done, 40));
  expect(ran).toBe(2);
});

test('runs each period until cancelled', async () => {
  let ran = 0;
  const timer = systemClock.every(5, () => ran++);
  await new Promise((done) => setTimeout(done, 60));
  timer.cancel();
  const before = ran;
  expect(before).toBeGreaterThan(2);
  await new Promise((done) => setTimeout(done, 20));
  expect(ran).toBe(before);
});

test('a delay longer than the system takes in one piece is not cut to nothing', () => {
  vi.useFakeTimers();
  let ran = 0;
  const yearMs = 365 * 86_400_000;
  systemClock.after(yearMs, () => ran++);
  vi.advanceTimersByTime(yearMs - 1);
  expect(ran).toBe(0);
  vi.advanceTimersByTime(1);
  expect(ran).toBe(1);
});

test('sleep takes the time of its clock', async () => {
  const startedMs = systemClock.monotonic();
  await sleep({ ...systemClock, after: (delayMs, task) => systemClock.after(delayMs / 1000, task) }, 10_000);
  expect(systemClock.monotonic() - startedMs).toBeGreaterThanOrEqual(5);
});
