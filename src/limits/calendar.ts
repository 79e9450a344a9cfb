import type { QuotaRule } from '../api/limits.ts';

/** A stretch of the UTC calendar, in epoch milliseconds; the end is the next one's start. */
export interface CalendarPeriod {
  readonly startMs: number;
  readonly endMs: number;
}

const dayMs = 86_400_000;

/** The day or month (UTC) in which `nowMs` (epoch milliseconds) lies. */
export function calendarPeriod(period: QuotaRule['period'], nowMs: number): CalendarPeriod {
  if (period === 'day') {
    const startMs = Math.floor(nowMs / dayMs) * dayMs;
    return { startMs, endMs: startMs + dayMs };
  }
  const now = new Date(nowMs);
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  return { startMs: Date.UTC(year, month), endMs: Date.UTC(year, month + 1) };
}
