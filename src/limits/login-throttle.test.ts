import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { createLoginThrottle, type LoginThrottleSetup } from './login-throttle.ts';
import type { LoginCounter, LoginState } from './ports.ts';

function createDisk() {
  const saved = new Map<string, LoginCounter>();
  const state: LoginState = {
    load: async () => [...saved.values()],
    save: async (counters) => {
      for (const counter of counters) {
        if (counter.failures === 0) saved.delete(counter.key);
        else saved.set(counter.key, counter);
      }
    },
  };
  return { state, saved };
}

function setUp(options: Partial<LoginThrottleSetup> = {}) {
  const clock = new ManualClock();
  const disk = createDisk();
  return { clock, ...disk, throttle: createLoginThrottle({ clock, state: disk.state, ...options }) };
}

describe('createLoginThrottle', () => {
  it('doubles the wait with each failure of an account, up to the longest', () => {
    const { clock, throttle } = setUp({ maxMs: 8000, freeFailuresPerAddress: 1000 });
    const waits: number[] = [];
    for (let n = 0; n < 11; n++) {
      const { retryAfterMs } = throttle.attempt('alice', '192.0.2.1');
      waits.push(retryAfterMs);
      if (retryAfterMs > 0) {
        clock.advance(retryAfterMs);
        expect(throttle.attempt('alice', '192.0.2.1').allowed).toBe(true);
      }
    }
    expect(waits).toEqual([0, 0, 0, 0, 0, 1000, 2000, 4000, 8000, 8000, 8000]);
  });

  it('stops a thousand guesses that come together before the first is judged', () => {
    const { throttle } = setUp();
    let letThrough = 0;
    for (let n = 0; n < 1000; n++) if (throttle.attempt('alice', `192.0.2.${n % 250}`).allowed) letThrough++;
    expect(letThrough).toBe(5);
  });

  it('stops one address that tries many accounts, and an IPv6 user who changes addresses', () => {
    const { throttle } = setUp();
    let passed = 0;
    for (let n = 0; n < 100; n++) if (throttle.attempt(`user${n}`, `2001:db8::${n.toString(16)}`).allowed) passed++;
    expect(passed).toBe(20);
    expect(throttle.attempt('user7', '2001:db8:0:1::7').allowed).toBe(true);
  });

  it('starts over after a success, also for the address', () => {
    const { throttle } = setUp();
    for (let n = 0; n < 200; n++) {
      expect(throttle.attempt('alice', '192.0.2.1').allowed).toBe(true);
      throttle.succeeded('alice', '192.0.2.1');
    }
  });

  it('does not let a stranger lock the owner out of a known place', () => {
    const { throttle } = setUp();
    throttle.attempt('alice', '192.0.2.1');
    throttle.succeeded('alice', '192.0.2.1');
    for (let n = 0; n < 50; n++) throttle.attempt('alice', `198.51.100.${n}`);
    expect(throttle.attempt('alice', '203.0.113.9').allowed).toBe(false);
    expect(throttle.attempt('alice', '192.0.2.1').allowed).toBe(true);
    throttle.succeeded('alice', '192.0.2.1');
    // The stranger's guesses still count elsewhere, and the known place has its own count.
    expect(throttle.attempt('alice', '203.0.113.9').allowed).toBe(false);
    for (let n = 0; n < 5; n++) throttle.attempt('alice', '192.0.2.1');
    expect(throttle.attempt('alice', '192.0.2.1').allowed).toBe(false);
  });

  it('remembers across a restart', async () => {
    const { clock, state, throttle } = setUp();
    for (let n = 0; n < 6; n++) throttle.attempt('alice', '192.0.2.1');
    await throttle.stop();
    const next = createLoginThrottle({ clock, state });
    await next.restore();
    expect(next.attempt('alice', '192.0.2.1').allowed).toBe(false);
  });

  it('keeps no more counters than it may, and forgets quiet ones', async () => {
    const { clock, saved, throttle } = setUp({ maxKeys: 100, freeFailuresPerAddress: 1e6 });
    for (let n = 0; n < 1000; n++) throttle.attempt(`user${n}`, '192.0.2.1');
    await clock.advanceAsync(2000, 1000);
    expect(saved.size).toBeLessThanOrEqual(100);
    for (let n = 0; n < 9; n++) throttle.attempt('alice', '192.0.2.2');
    expect(throttle.attempt('alice', '192.0.2.2').allowed).toBe(false);
    clock.advance(24 * 3_600_000);
    expect(throttle.attempt('alice', '192.0.2.2').allowed).toBe(true);
  });

  it('saves again what could not be saved', async () => {
    const failures: unknown[] = [];
    const { state, saved } = createDisk();
    let broken = true;
    const clock = new ManualClock();
    const flaky: LoginState = {
      ...state,
      save: async (c) => (broken ? Promise.reject(new Error('no')) : state.save(c)),
    };
    const throttle = createLoginThrottle({ clock, state: flaky, onSaveFailure: (error) => failures.push(error) });
    throttle.attempt('alice', '192.0.2.1');
    await clock.advanceAsync(1000);
    broken = false;
    await throttle.stop();
    expect(failures).toHaveLength(1);
    expect(saved.get('account/alice')?.failures).toBe(1);
  });
});
