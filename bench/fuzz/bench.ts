// A million inputs for the parsers: bytes of a corpus changed, and messages of a grammar, each at one piece and in several.
import { describeMachine, formatNumber, printTable, type Question, wants, writeResult } from '../harness.ts';
import { type Endless, feedEndlessly, places } from './endless.ts';
import { fuzzers } from './fuzzers.ts';
import { type Fuzzed, fuzz } from './run.ts';

export const question: Question = async (settings) => {
  const machine = describeMachine();
  const inputs = Number(process.env.MERLON_FUZZ_RUNS ?? (settings.quick ? 20_000 : 1_200_000));
  const seed = Number(process.env.MERLON_FUZZ_SEED ?? Date.now() % 2 ** 31);
  process.stdout.write(`seed ${seed}: MERLON_FUZZ_SEED=${seed} gives the same inputs\n`);
  const results: Record<string, Fuzzed> = {};
  for (const [name, { share }] of Object.entries(fuzzers)) {
    if (!wants(settings, name)) continue;
    const result = await fuzz(name, Math.round(inputs * share), seed);
    results[name] = result;
    printTable(
      `${name}: ${formatNumber(result.inputs)} inputs, ${formatNumber(result.perSecond)} a second, slowest ${formatNumber(result.slowestMs)} ms, heap ${formatNumber(result.heapGrowthMB)} MB more`,
      ['verdict', 'inputs'],
      Object.entries(result.verdicts).map(([verdict, count]) => [verdict, String(count)]),
    );
  }
  const endless: Record<string, Endless> = {};
  if (wants(settings, 'endless')) {
    for (const place of Object.keys(places)) endless[place] = feedEndlessly(place);
    const rows = Object.entries(endless).map(([place, { bytes, refusal, heapMB }]) => [
      place,
      formatNumber(bytes),
      refusal ?? '',
      formatNumber(heapMB),
    ]);
    printTable('Messages without end', ['place', 'bytes fed', 'refusal', 'heap MB'], rows);
  }
  writeResult('fuzz', settings, machine, { seed, results, endless });
};
