import { expect, test } from 'vitest';
import { tryParseDuration, tryParseRate, tryParseSize } from './quantity.ts';

test.each([
  ['0ms', 0],
  ['250ms', 250],
  ['30s', 30_000],
  ['5m', 300_000],
  ['24h', 86_400_000],
  ['7d', 604_800_000],
  ['', undefined],
  ['30', undefined],
  ['s', undefined],
  ['-1s', undefined],
  ['1.5s', undefined],
  [' 1s', undefined],
  ['1s\n', undefined],
  ['1 s', undefined],
  ['1S', undefined],
  ['1month', undefined],
  ['٣s', undefined],
  ['999999999999999d', undefined],
  ['1__proto__', undefined],
])('the duration `%s` is %s ms', (text, expected) => expect(tryParseDuration(text)).toBe(expected));

test.each([
  ['512B', 512],
  ['64KiB', 65_536],
  ['1MiB', 1_048_576],
  ['2GiB', 2_147_483_648],
  ['1KB', 1000],
  ['1MB', 1_000_000],
  ['1GB', 1_000_000_000],
  ['1kib', undefined],
  ['1', undefined],
  ['1TB', undefined],
  ['999999999999GiB', undefined],
])('the size `%s` is %s bytes', (text, expected) => expect(tryParseSize(text)).toBe(expected));

test.each([
  ['10/s', { count: 10, periodMs: 1000 }],
  ['600/min', { count: 600, periodMs: 60_000 }],
  ['5/hour', { count: 5, periodMs: 3_600_000 }],
  ['10000/day', { count: 10_000, periodMs: 86_400_000 }],
  ['1/month', { count: 1, periodMs: 2_592_000_000 }],
  ['0/s', undefined],
  ['10/', undefined],
  ['/s', undefined],
  ['10/week', undefined],
  ['10 / s', undefined],
  ['10000000000/s', undefined],
  ['1/constructor', undefined],
  ['1/valueOf', undefined],
])('the rate `%s` is %o', (text, expected) => expect(tryParseRate(text)).toEqual(expected));

test('no text, however long, takes long', () => {
  const startedMs = performance.now();
  for (const parse of [tryParseDuration, tryParseSize, tryParseRate]) expect(parse('1'.repeat(1e6))).toBeUndefined();
  expect(performance.now() - startedMs).toBeLessThan(500);
});
