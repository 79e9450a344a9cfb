// The quantities that people write in the manifest: `30s`, `1MiB`, `600/min`.

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const sizeUnits: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};
const periodUnits: Readonly<Record<string, number>> = {
  s: 1000,
  sec: 1000,
  min: 60_000,
  h: 3_600_000,
  hour: 3_600_000,
  d: 86_400_000,
  day: 86_400_000,
  month: 30 * 86_400_000,
};

const quantity = /^(\d{1,15})([A-Za-z]{1,5})$/;
const rate = /^(\d{1,9})\/([a-z]{1,5})$/;

function tryScaled(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const [, count, unit] = quantity.exec(text) ?? [];
  if (count === undefined || unit === undefined || !Object.hasOwn(units, unit)) return undefined;
  const value = Number(count) * (units[unit] as number);
  return Number.isSafeInteger(value) ? value : undefined;
}

/** `250ms`, `30s`, `5m`, `24h`, `7d` in milliseconds; undefined where it is not that. */
export function tryParseDuration(text: string): number | undefined {
  return tryScaled(text, durationUnits);
}

/** `512B`, `64KiB`, `1MB` in bytes; undefined where it is not that. */
export function tryParseSize(text: string): number | undefined {
  return tryScaled(text, sizeUnits);
}

/** So many events in each period. */
export interface Rate {
  readonly count: number;
  readonly periodMs: number;
}

/** `600/min`, `10/s`, `10000/day`; undefined where it is not that, or where it is none. A month is 30 days. */
export function tryParseRate(text: string): Rate | undefined {
  const [, count, unit] = rate.exec(text) ?? [];
  if (count === undefined || unit === undefined || !Object.hasOwn(periodUnits, unit) || Number(count) === 0)
    return undefined;
  return { count: Number(count), periodMs: periodUnits[unit] as number };
}
