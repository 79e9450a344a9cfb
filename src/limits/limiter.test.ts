import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createKeyedHash } from './keyed-hash.ts';
import { createLimiter } from './limiter.ts';

const perMinute = (count: number, burst = count, id = 'a') => ({ id, intervalMs: 60_000 / count, burst });

describe('createLimiter', () => {
  it('lets a burst through, then one request for each interval', () => {
    const limiter = createLimiter({ maxKeys: 100, specs: [perMinute(60, 3)] });
    const verdicts = [0, 0, 0, 0, 999, 1000, 1000].map((at) => limiter.take('a', 'k', 1, at).allowed);
    expect(verdicts).toEqual([true, true, true, false, false, true, false]);
  });

  it('tells what is left, when it is whole, and when to come back', () => {
    const limiter = createLimiter({ maxKeys: 100, specs: [perMinute(60, 10)] });
    expect(limiter.take('a', 'k', 4, 5000)).toEqual({ allowed: true, remaining: 6, resetMs: 4000, retryAfterMs: 0 });
    expect(limiter.take('a', 'k', 8, 5000)).toEqual({
      allowed: false,
      remaining: 6,
      resetMs: 4000,
      retryAfterMs: 2000,
    });
    expect(limiter.take('a', 'k', 11, 5000).retryAfterMs).toBe(Infinity);
  });

  it('keeps keys and limits apart', () => {
    const limiter = createLimiter({ maxKeys: 100, specs: [perMinute(1), perMinute(1, 1, 'b')] });
    expect(limiter.take('a', 'k', 1, 0).allowed).toBe(true);
    expect(limiter.take('a', 'l', 1, 0).allowed).toBe(true);
    expect(limiter.take('b', 'k', 1, 0).allowed).toBe(true);
    expect(limiter.take('a', 'k', 1, 0).allowed).toBe(false);
    expect(() => limiter.take('c', 'k', 1, 0)).toThrow('there is no limit `c`');
  });

  it('gives back what was refunded, and keeps counts when it is configured anew', () => {
    const limiter = createLimiter({ maxKeys: 100, specs: [perMinute(2)] });
    limiter.take('a', 'k', 2, 0);
    limiter.refund('a', 'k', 1, 0);
    limiter.configure([perMinute(2), perMinute(9, 9, 'b')]);
    expect(limiter.take('a', 'k', 1, 0).allowed).toBe(true);
    expect(limiter.take('a', 'k', 1, 0).allowed).toBe(false);
  });

  it('is not frozen by a limit that was narrowed, nor opened by a clock that goes back', () => {
    const limiter = createLimiter({ maxKeys: 100, specs: [perMinute(1, 1000)] });
    limiter.take('a', 'k', 1000, 50_000);
    limiter.configure([perMinute(60, 1)]);
    expect(limiter.take('a', 'k', 1, 0).allowed).toBe(false);
    expect(limiter.take('a', 'k', 1, 51_000).allowed).toBe(true);
  });

  it('admits what a token bucket admits, for any arrivals', () => {
    const arrival = fc.record({ afterMs: fc.integer({ min: 0, max: 3000 }), cost: fc.integer({ min: 1, max: 4 }) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 8 }), fc.array(arrival, { maxLength: 60 }), (burst, arrivals) => {
        const limiter = createLimiter({ maxKeys: 10, specs: [perMinute(60, burst)] });
        let tokensMilli = burst * 1000;
        let now = 0;
        for (const { afterMs, cost } of arrivals) {
          now += afterMs;
          tokensMilli = Math.min(burst * 1000, tokensMilli + afterMs);
          const expected = tokensMilli >= cost * 1000;
          if (expected) tokensMilli -= cost * 1000;
          expect(limiter.take('a', 'k', cost, now).allowed).toBe(expected);
        }
      }),
    );
  });

  it('tells a million keys apart within its bound, and forgets none', () => {
    const maxKeys = 1_000_000;
    const limiter = createLimiter({ maxKeys, specs: [perMinute(1)] });
    let admitted = 0;
    for (let key = 0; key < maxKeys; key++) if (limiter.take('a', `k${key}`, 1, 0).allowed) admitted++;
    // Newcomers that had to share a cell may be refused; no key is admitted twice.
    const { bytes, forgotten, shared } = limiter.stats();
    expect(admitted).toBeGreaterThanOrEqual(maxKeys - shared);
    expect(shared).toBeLessThan(maxKeys / 1000);
    expect(forgotten).toBe(0);
    for (let key = 0; key < maxKeys; key++) if (limiter.take('a', `k${key}`, 1, 0).allowed) admitted++;
    expect(admitted).toBeLessThanOrEqual(maxKeys);
    expect(bytes).toBeLessThan(28e6);
  });

  it('never forgets a limited key, whatever flood of others comes', () => {
    const limiter = createLimiter({ maxKeys: 1000, specs: [perMinute(10)] });
    for (let request = 0; request < 10; request++) limiter.take('a', 'attacker', 1, 0);
    expect(limiter.take('a', 'attacker', 1, 0).allowed).toBe(false);
    for (let key = 0; key < 100_000; key++) limiter.take('a', `flood${key}`, 1, 1);
    expect(limiter.take('a', 'attacker', 1, 2).allowed).toBe(false);
    expect(limiter.stats().forgotten).toBeGreaterThan(0);
  });

  it('shares a cell among newcomers where only limited keys are left', () => {
    const limiter = createLimiter({ maxKeys: 100, specs: [perMinute(1)] });
    let admitted = 0;
    for (let key = 0; key < 10_000; key++) if (limiter.take('a', `k${key}`, 1, 0).allowed) admitted++;
    expect(admitted).toBeLessThan(300);
    expect(limiter.take('a', 'later', 1, 60_001).allowed).toBe(true);
  });
});

describe('createKeyedHash', () => {
  const both = (hasher: ReturnType<typeof createKeyedHash>, seed: number, text: string): string => {
    hasher.hash(seed, text);
    return `${hasher.low}/${hasher.high}`;
  };

  it('depends on the key, the seed, and each character', () => {
    const one = createKeyedHash(new Uint32Array([1, 2]));
    const other = createKeyedHash(new Uint32Array([1, 3]));
    const seen = [
      both(one, 0, 'abc'),
      both(other, 0, 'abc'),
      both(one, 1, 'abc'),
      both(one, 0, 'abd'),
      both(one, 0, 'abc\0'),
      both(one, 0, ''),
    ];
    expect(new Set(seen).size).toBe(seen.length);
    expect(both(one, 0, 'abc')).toBe(seen[0]);
  });

  it('does not collide on half a million neighbours', () => {
    const hasher = createKeyedHash();
    const seen = new Set<string>();
    for (let n = 0; n < 500_000; n++) seen.add(both(hasher, 0, `2001:db8:0:${n.toString(16)}`));
    expect(seen.size).toBe(500_000);
  });
});
