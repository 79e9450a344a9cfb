// The fuzzers of bench/fuzz, ten thousand inputs in all: `npm run bench -- fuzz` gives them more than a million.
import { describe, expect, test } from 'vitest';
import { feedEndlessly, places } from '../../bench/fuzz/endless.ts';
import { fuzzers } from '../../bench/fuzz/fuzzers.ts';
import { fuzz } from '../../bench/fuzz/run.ts';

const inputs = Number(process.env.MERLON_FUZZ_RUNS ?? 10_000);
const seed = Number(process.env.MERLON_FUZZ_SEED ?? Date.now() % 2 ** 31);

describe(`seed ${seed}`, () => {
  test.each(Object.entries(fuzzers))(
    '%s: no crash, no hang, no other reading than the grammar has',
    async (name, { share }) => {
      const { verdicts, heapGrowthMB } = await fuzz(name, Math.round(inputs * share), seed);
      expect(verdicts.accepted).toBeGreaterThan(0);
      expect(heapGrowthMB).toBeLessThan(32);
    },
    120_000,
  );
});

test.each(Object.keys(places))('without end: %s', (place) => {
  const { refusal, heapMB } = feedEndlessly(place);
  expect(refusal).toMatch(/^net\./);
  expect(heapMB).toBeLessThan(32);
});
