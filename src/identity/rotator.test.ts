import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { type Credential, createRotator, type Rotator, type Stall } from './rotator.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

interface Numbered extends Credential {
  readonly number: number;
}

/** A rotator over an issuer of one-hour credentials that can be told to fail. */
function setUp({ random = (): number => 0, hangs = false } = {}) {
  const lifeMs = hour;
  const clock = new ManualClock();
  const seen = { asked: 0, rotated: [] as Numbered[], stalls: [] as Stall[] };
  const issuer = { works: true, hangs };
  const rotator: Rotator<Numbered> = createRotator<Numbered>({
    clock,
    random,
    obtain: async () => {
      seen.asked++;
      if (issuer.hangs) return new Promise(() => undefined);
      if (!issuer.works) throw new Error('the issuer is away');
      return { number: seen.asked, notBeforeMs: clock.now(), notAfterMs: clock.now() + lifeMs };
    },
    onRotated: (credential) => seen.rotated.push(credential),
    onStalled: (stall) => seen.stalls.push(stall),
  });
  const settle = () => clock.advanceAsync(1);
  return { clock, seen, issuer, rotator, settle };
}

describe('rotator', () => {
  it('gets a credential at once, and a new one at half of its life', async () => {
    const { clock, seen, rotator, settle } = setUp();
    await settle();
    expect((await rotator.ready()).number).toBe(1);
    await clock.advanceAsync(29 * minute, minute);
    expect(seen.asked).toBe(1);
    await clock.advanceAsync(2 * minute, second);
    expect([seen.asked, rotator.current()?.number]).toEqual([2, 2]);
    rotator.stop();
  });

  it('renews between two and three fifths before the end, never all at once', async () => {
    const dues: number[] = [];
    for (let at = 0; at < 20; at++) {
      const { clock, seen, settle, rotator } = setUp({ random: () => at / 20 });
      await settle();
      while (seen.asked < 2) await clock.advanceAsync(10 * second);
      dues.push((clock.now() - (seen.rotated[0]?.notBeforeMs ?? 0)) / hour);
      rotator.stop();
    }
    expect(Math.min(...dues)).toBeGreaterThanOrEqual(0.4);
    expect(Math.max(...dues)).toBeLessThanOrEqual(0.52);
    expect(new Set(dues.map((due) => due.toFixed(2))).size).toBeGreaterThan(5);
  });

  it('keeps the one it has while renewal fails, retries, alerts at 65 %, and recovers', async () => {
    const { clock, seen, issuer, rotator, settle } = setUp();
    await settle();
    issuer.works = false;
    await clock.advanceAsync(38 * minute, 10 * second);
    expect(seen.stalls).toEqual([]);
    expect(rotator.current()?.number).toBe(1);
    await clock.advanceAsync(2 * minute, 10 * second);
    expect(seen.stalls).toHaveLength(1);
    expect(seen.stalls[0]?.elapsed).toBeGreaterThanOrEqual(0.65);
    expect(seen.stalls[0]?.elapsed).toBeLessThan(0.67);
    expect(seen.stalls[0]?.cause).toMatchObject({ message: 'the issuer is away' });
    await clock.advanceAsync(25 * minute, 10 * second);
    expect(seen.stalls.map(({ elapsed }) => elapsed >= 1)).toEqual([false, true]);
    expect(rotator.current()?.number).toBe(1);
    expect(seen.asked).toBeLessThan(40);
    issuer.works = true;
    await clock.advanceAsync(4 * minute, 10 * second);
    expect(rotator.current()?.number).toBeGreaterThan(1);
    expect(seen.stalls).toHaveLength(2);
    rotator.stop();
  });

  it('alerts where there was never one', async () => {
    const { clock, seen, rotator } = setUp({ hangs: true });
    await clock.advanceAsync(29 * second, second);
    expect(seen.stalls).toEqual([]);
    await clock.advanceAsync(2 * minute, second);
    expect(seen.stalls).toMatchObject([{ notAfterMs: undefined }]);
    rotator.stop();
  });

  it('gives up on an issuer that hangs, and asks again', async () => {
    const { clock, seen, issuer, rotator, settle } = setUp();
    await settle();
    issuer.hangs = true;
    await clock.advanceAsync(34 * minute, 10 * second);
    expect(seen.asked).toBeGreaterThan(2);
    issuer.hangs = false;
    await clock.advanceAsync(5 * minute, 10 * second);
    expect(rotator.current()?.number).toBe(seen.asked);
    expect(seen.rotated).toHaveLength(2);
    rotator.stop();
  });

  it('takes no credential that has expired already', async () => {
    const clock = new ManualClock();
    const rotator = createRotator({ clock, obtain: async () => ({ notBeforeMs: 0, notAfterMs: clock.now() - 1 }) });
    await clock.advanceAsync(minute, second);
    expect(rotator.current()).toBeUndefined();
    rotator.stop();
  });

  it('renews when told to, once for all who ask at the same time', async () => {
    const { seen, rotator, settle } = setUp();
    await settle();
    await Promise.all([rotator.renew(), rotator.renew()]);
    expect([seen.asked, rotator.current()?.number]).toEqual([2, 2]);
    rotator.stop();
    await rotator.renew();
    expect(seen.asked).toBe(2);
  });

  it('begins with a credential that is still good, and leaves the issuer alone', async () => {
    const clock = new ManualClock();
    const initial = { notBeforeMs: clock.now() - minute, notAfterMs: clock.now() + hour };
    let asked = 0;
    const obtain = async () => {
      asked++;
      return { notBeforeMs: clock.now(), notAfterMs: clock.now() + hour };
    };
    const rotator = createRotator({ clock, initial, obtain });
    await clock.advanceAsync(10 * minute, minute);
    expect([asked, rotator.current()]).toEqual([0, initial]);
    await clock.advanceAsync(25 * minute, minute);
    expect(asked).toBe(1);
    rotator.stop();
  });

  it('stops asking when stopped', async () => {
    const { clock, seen, rotator, settle } = setUp();
    await settle();
    rotator.stop();
    await clock.advanceAsync(2 * hour, minute);
    expect(seen.asked).toBe(1);
  });

  it('renews soon after the clock has jumped, whichever way', async () => {
    for (const jumpMs of [3 * hour, 400 * day, -3 * hour, -400 * day]) {
      const jumping = new JumpingClock();
      let asked = 0;
      const obtain = async () => {
        asked++;
        return { notBeforeMs: jumping.now() - minute, notAfterMs: jumping.now() + hour };
      };
      const rotator = createRotator({ clock: jumping, obtain });
      await jumping.advanceAsync(minute, second);
      expect(asked).toBe(1);
      jumping.jump(jumpMs);
      await jumping.advanceAsync(minute, second);
      expect([jumpMs, asked]).toEqual([jumpMs, 2]);
      const { notBeforeMs = 0, notAfterMs = 0 } = rotator.current() ?? {};
      expect(notBeforeMs <= jumping.now() && jumping.now() < notAfterMs).toBe(true);
      rotator.stop();
    }
  });

  it('does not pester an issuer whose clock is ahead', async () => {
    const clock = new ManualClock();
    let asked = 0;
    const obtain = async () => {
      asked++;
      return { notBeforeMs: clock.now() + 10 * minute, notAfterMs: clock.now() + 10 * minute + hour };
    };
    const rotator = createRotator({ clock, obtain });
    await clock.advanceAsync(30 * minute, 10 * second);
    expect(asked).toBe(1);
    rotator.stop();
  });

  it('has a good credential at every moment of a year, through outages of up to 25 minutes', async () => {
    const { clock, seen, issuer, rotator, settle } = setUp({ random: pseudoRandom(7) });
    await settle();
    const drawn = pseudoRandom(11);
    let outageUntilMs = 0;
    let bad = 0;
    const end = clock.now() + 365 * day;
    while (clock.now() < end) {
      if (clock.now() > outageUntilMs + 10 * minute && drawn() < 0.01)
        outageUntilMs = clock.now() + drawn() * 25 * minute;
      issuer.works = clock.now() >= outageUntilMs;
      await clock.advanceAsync(2 * minute, 2 * minute);
      const credential = rotator.current();
      if (credential === undefined || credential.notAfterMs <= clock.now()) bad++;
    }
    expect(bad).toBe(0);
    expect(seen.stalls.every(({ elapsed }) => elapsed < 1)).toBe(true);
    expect(seen.rotated.length).toBeGreaterThan(365 * 24);
    expect(seen.asked).toBeLessThan(365 * 24 * 4);
    rotator.stop();
  }, 60_000);

  it('keeps its promise for any life and any pattern of failures', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 60, max: 7200 }),
        fc.array(fc.boolean(), { maxLength: 40 }),
        async (lifeSeconds, answers) => {
          const clock = new ManualClock();
          const log: Credential[] = [];
          let at = 0;
          const obtain = async () => {
            if (answers[at++] === false) throw new Error('away');
            return { notBeforeMs: clock.now(), notAfterMs: clock.now() + lifeSeconds * second };
          };
          const rotator = createRotator({ clock, obtain, onRotated: (one) => log.push(one), random: () => 0.5 });
          await clock.advanceAsync(lifeSeconds * 4 * second + 10 * minute, second * Math.max(1, lifeSeconds / 100));
          const late = log.slice(1).filter((one, before) => one.notBeforeMs < (log[before] as Credential).notBeforeMs);
          expect(late).toEqual([]);
          expect(rotator.current()).toBe(log.at(-1));
          rotator.stop();
        },
      ),
      { numRuns: 15 },
    );
  }, 60_000);
});

/** Wall-clock time that jumps while monotonic time and timers go on. */
class JumpingClock extends ManualClock {
  #offsetMs = 0;

  jump(ms: number): void {
    this.#offsetMs += ms;
  }

  override now(): number {
    return super.now() + this.#offsetMs;
  }
}

function pseudoRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}
