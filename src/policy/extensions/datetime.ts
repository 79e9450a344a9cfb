import { fail } from '../evaluation-error.ts';
import { add, floorTo, type Long, modulo, subtract, tryLong } from '../longs.ts';
import type { Extension } from '../values.ts';

const dayMs = 86_400_000;
const dateShape = /^(\d{4})-(\d{2})-(\d{2})(?:T(\d{2}):(\d{2}):(\d{2})(?:\.(\d{3}))?(?:Z|([+-])(\d{2})(\d{2})))?$/;
const durationShape = /^(-?)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?(?:(\d+)ms)?$/;
const durationUnits = [86_400_000n, 3_600_000n, 60_000n, 1000n, 1n] as const;

/** A span of time, of either sign. */
export class Duration implements Extension {
  readonly extension = 'duration';
  readonly ms: Long;

  constructor(ms: Long) {
    this.ms = ms;
  }

  equals(other: Extension): boolean {
    return other instanceof Duration && other.ms === this.ms;
  }

  toString(): string {
    return `${this.ms}ms`;
  }
}

/** An instant. */
export class DateTime implements Extension {
  readonly extension = 'datetime';
  /** Since the Unix epoch. */
  readonly ms: Long;

  constructor(ms: Long) {
    this.ms = ms;
  }

  equals(other: Extension): boolean {
    return other instanceof DateTime && other.ms === this.ms;
  }

  offset(duration: Duration): DateTime {
    return new DateTime(add(this.ms, duration.ms));
  }

  durationSince(other: DateTime): Duration {
    return new Duration(subtract(this.ms, other.ms));
  }

  toDate(): DateTime {
    return new DateTime(floorTo(this.ms, dayMs));
  }

  toTime(): Duration {
    return new Duration(modulo(this.ms, dayMs));
  }

  toString(): string {
    const date = new Date(Number(this.ms));
    return Number.isNaN(date.getTime()) ? `${this.ms} ms` : date.toISOString();
  }
}

/** `datetime("2026-01-31T08:00:00Z")`. Throws `EvaluationError`. */
export function parseDateTime(text: string): DateTime {
  const parts = dateShape.exec(text) ?? fail(`\`${text}\` is no datetime`);
  const field = (at: number): number => Number(parts[at] ?? 0);
  const [year, month, day] = [field(1), field(2), field(3)];
  if (month < 1 || month > 12 || day < 1 || day > daysIn(year, month)) fail(`\`${text}\` is no date`);
  if (field(4) > 23 || field(5) > 59 || field(6) > 59) fail(`\`${text}\` is no time of day`);
  if (field(9) > 23 || field(10) > 59) fail(`\`${text}\` has no valid offset`);
  const offsetMs = (field(9) * 60 + field(10)) * 60_000 * (parts[8] === '-' ? -1 : 1);
  const timeMs = ((field(4) * 60 + field(5)) * 60 + field(6)) * 1000 + field(7);
  return new DateTime(startOfDay(year, month, day) + timeMs - offsetMs);
}

/** `duration("-1d2h3m4s5ms")`. Throws `EvaluationError`. */
export function parseDuration(text: string): Duration {
  const parts = durationShape.exec(text);
  if (parts === null || !/\d/.test(text)) fail(`\`${text}\` is no duration`);
  const sign = parts[1] === '-' ? -1n : 1n;
  const total = durationUnits.reduce((sum, unit, at) => sum + BigInt(parts[at + 2] ?? 0) * unit, 0n);
  return new Duration(tryLong(sign * total) ?? fail(`\`${text}\` is too long for a duration`));
}

// Date.UTC takes the years 0 to 99 for 1900 to 1999; a leap cycle of 400 years avoids it.
const cycleMs = 146_097 * dayMs;

function startOfDay(year: number, month: number, day: number): number {
  return Date.UTC(year + 400, month - 1, day) - cycleMs;
}

function daysIn(year: number, month: number): number {
  return new Date(Date.UTC(year + 400, month, 0)).getUTCDate();
}
