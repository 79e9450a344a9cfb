import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import type { QuotaRule } from '../api/limits.ts';
import { calendarPeriod } from './calendar.ts';
import type { QuotaState, QuotaUse } from './ports.ts';
import { createQuotas } from './quotas.ts';

const rule = (count: number, period: 'day' | 'month' = 'day'): QuotaRule => ({
  kind: 'quota',
  id: 'q',
  name: 'daily',
  by: 'user',
  origin: 'routes[0].limits.daily',
  text: `${count}/${period}`,
  count,
  period,
});

function createDisk() {
  const saved = new Map<string, QuotaUse>();
  const batches: number[] = [];
  const state: QuotaState = {
    load: async () => [...saved.values()],
    save: async (uses) => {
      batches.push(uses.length);
      await new Promise((resolve) => setImmediate(resolve));
      for (const use of uses) saved.set(use.key, use);
    },
  };
  return { state, saved, batches };
}

describe('calendarPeriod', () => {
  it('starts at midnight UTC, and on the first of the month', () => {
    const at = Date.UTC(2028, 1, 29, 23, 59, 59, 999);
    expect(calendarPeriod('day', at)).toEqual({ startMs: Date.UTC(2028, 1, 29), endMs: Date.UTC(2028, 2, 1) });
    expect(calendarPeriod('month', at)).toEqual({ startMs: Date.UTC(2028, 1, 1), endMs: Date.UTC(2028, 2, 1) });
    expect(calendarPeriod('month', Date.UTC(2026, 11, 31)).endMs).toBe(Date.UTC(2027, 0, 1));
  });
});

describe('createQuotas', () => {
  it('counts to the end of the day, then anew', () => {
    const clock = new ManualClock(Date.UTC(2026, 4, 1, 23, 0));
    const quotas = createQuotas({ clock, state: createDisk().state, maxKeys: 10, rules: [rule(2)] });
    expect(quotas.take('q', 'k', 1)).toEqual({ allowed: true, remaining: 1, resetMs: 3_600_000, retryAfterMs: 0 });
    expect(quotas.take('q', 'k', 2)).toMatchObject({ allowed: false, remaining: 1, retryAfterMs: 3_600_000 });
    expect(quotas.take('q', 'k', 3).retryAfterMs).toBe(Infinity);
    expect(quotas.take('q', 'k', 1).allowed).toBe(true);
    clock.advance(3_600_000);
    expect(quotas.take('q', 'k', 2).allowed).toBe(true);
  });

  it('is not opened anew by a clock that is set back', () => {
    let nowMs = Date.UTC(2026, 4, 2);
    const clock = { ...new ManualClock(), now: () => nowMs } as unknown as ManualClock;
    const quotas = createQuotas({ clock, state: createDisk().state, maxKeys: 10, rules: [rule(1)] });
    quotas.take('q', 'k', 1);
    nowMs -= 3_600_000;
    expect(quotas.take('q', 'k', 1).allowed).toBe(false);
    nowMs += 3_600_000;
    expect(quotas.take('q', 'k', 1).allowed).toBe(false);
  });

  it('brings uses back after a restart, but not those of an ended period', async () => {
    const { state } = createDisk();
    const clock = new ManualClock();
    const before = createQuotas({ clock, state, maxKeys: 10, rules: [rule(5)] });
    before.take('q', 'k', 4);
    await before.saved();
    const after = createQuotas({ clock, state, maxKeys: 10, rules: [rule(5)] });
    await after.restore();
    expect(after.peek('q', 'k', 0).remaining).toBe(1);
    clock.advance(86_400_000);
    const nextDay = createQuotas({ clock, state, maxKeys: 10, rules: [rule(5)] });
    await nextDay.restore();
    expect(nextDay.peek('q', 'k', 0).remaining).toBe(5);
  });

  it('saves in batches: what changes during a save goes with the next', async () => {
    const { state, saved, batches } = createDisk();
    const quotas = createQuotas({ clock: new ManualClock(), state, maxKeys: 1000, rules: [rule(5)] });
    const promises = Array.from({ length: 100 }, (_, n) => {
      quotas.take('q', `k${n}`, 1);
      return quotas.saved();
    });
    await Promise.all(promises);
    expect(saved.size).toBe(100);
    expect(batches).toEqual([1, 99]);
  });

  it('tries again after a failure, and tells those who waited', async () => {
    let broken = true;
    const saved: QuotaUse[] = [];
    const state: QuotaState = {
      load: async () => [],
      save: async (uses) => {
        if (broken) throw new Error('disk full');
        saved.push(...uses);
      },
    };
    const quotas = createQuotas({ clock: new ManualClock(), state, maxKeys: 10, rules: [rule(5)] });
    quotas.take('q', 'k', 2);
    await expect(quotas.saved()).rejects.toThrow('disk full');
    broken = false;
    await quotas.saved();
    expect(saved).toMatchObject([{ key: 'k', used: 2 }]);
  });

  it('shares one count among newcomers when it is full, until periods end', () => {
    const clock = new ManualClock();
    const quotas = createQuotas({ clock, state: createDisk().state, maxKeys: 10, rules: [rule(1)] });
    for (let n = 0; n < 10; n++) expect(quotas.take('q', `k${n}`, 1).allowed).toBe(true);
    expect(quotas.take('q', 'k10', 1).allowed).toBe(true);
    expect(quotas.take('q', 'k11', 1).allowed).toBe(false);
    expect(quotas.take('q', 'k3', 1).allowed).toBe(false);
    clock.advance(86_400_000);
    expect(quotas.take('q', 'k12', 1).allowed).toBe(true);
    expect(quotas.take('q', 'k13', 1).allowed).toBe(true);
  });
});
