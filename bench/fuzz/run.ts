// Runs a fuzzer over so many inputs and counts.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { fuzzers } from './fuzzers.ts';
import { createRandom } from './inputs.ts';

export interface Fuzzed {
  readonly inputs: number;
  readonly perSecond: number;
  /** The most processor time that one input took. */
  readonly slowestMs: number;
  /** Growth of the heap from the first tenth to the end. */
  readonly heapGrowthMB: number;
  /** Resident memory at the end. */
  readonly residentMB: number;
  readonly verdicts: Readonly<Record<string, number>>;
}

/** No input may take longer: far more than a pause of the collector, far less than a hang. */
const mostMs = 2000;

/** Fuzzes one parser. Throws what must never be: another reading, another error than the parser's own, a hang. */
export async function fuzz(name: string, inputs: number, seed: number): Promise<Fuzzed> {
  const fuzzer = fuzzers[name]?.create();
  if (fuzzer === undefined) throw new Error(`there is no fuzzer \`${name}\``);
  const random = createRandom(seed);
  const verdicts = new Map<string, number>();
  let slowestMs = 0;
  let heapBefore = 0;
  const begun = performance.now();
  for (let done = 0; done < inputs; done++) {
    const read = fuzzer(random);
    const from = process.cpuUsage();
    const verdict = read();
    const { user, system } = process.cpuUsage(from);
    const tookMs = (user + system) / 1000;
    slowestMs = Math.max(slowestMs, tookMs);
    if (tookMs > mostMs) throw new Error(`input ${done} of ${name} (seed ${seed}) took ${tookMs} ms`);
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    // What replies schedule for the end of the turn.
    if (done % 1000 === 999) await new Promise((resume) => setImmediate(resume));
    if (done === Math.floor(inputs / 10)) heapBefore = heap();
  }
  const seconds = (performance.now() - begun) / 1000;
  return {
    inputs,
    perSecond: inputs / seconds,
    slowestMs,
    heapGrowthMB: (heap() - heapBefore) / 1e6,
    residentMB: process.memoryUsage.rss() / 1e6,
    verdicts: Object.fromEntries([...verdicts].toSorted((a, b) => b[1] - a[1])),
  };
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** Bytes of the heap that are in use. */
function heap(): number {
  collect();
  return process.memoryUsage().heapUsed;
}
