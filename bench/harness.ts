// What every benchmark shares: rounds that take turns, medians with their spread, ratios against targets, a table for
// people and a file for machines.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';

export interface Settings {
  /** Tiny: to see that it runs. */
  readonly quick: boolean;
  /** Parts of the question to answer; all where none is named. */
  readonly parts: readonly string[];
}

/** Measures, prints, and keeps the result. */
export type Question = (settings: Settings) => Promise<void>;

/** Whether a part was asked for. */
export function wants({ parts }: Settings, part: string): boolean {
  return parts.length === 0 || parts.includes(part);
}

/** Several measurements of one thing. */
export interface Sample {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly values: readonly number[];
}

export function sampleOf(values: readonly number[]): Sample {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (place: number): number => sorted[place] ?? Number.NaN;
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2;
  return { median, min: at(0), max: at(sorted.length - 1), values };
}

/** One that is measured beside others. */
export interface Contender<T> {
  readonly name: string;
  measure(): Promise<T> | T;
}

/**
 * Measures each contender once per round. They take turns, and each round begins with another of them, so that
 * whatever drifts on the machine (heat, caches, neighbours) meets all alike.
 */
export async function takeTurns<T>(
  contenders: readonly Contender<T>[],
  rounds: number,
  heard: (name: string, round: number, value: T) => void = () => undefined,
): Promise<Map<string, T[]>> {
  const results = new Map<string, T[]>(contenders.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const { name, measure } = contenders[(turn + round) % contenders.length] as Contender<T>;
      const value = await measure();
      results.get(name)?.push(value);
      heard(name, round, value);
    }
  }
  return results;
}

/** Calls of `work` per second. `work` runs `batch` of them; the first tenth of the time warms up. */
export function perSecond(work: (times: number) => void, forMs: number, batch = 1000): number {
  const warm = performance.now() + forMs / 10;
  while (performance.now() < warm) work(batch);
  const start = performance.now();
  let done = 0;
  let now = start;
  while (now - start < forMs) {
    work(batch);
    done += batch;
    now = performance.now();
  }
  return (done * 1000) / (now - start);
}

/** What was hoped for, and what was found. */
export interface Target {
  readonly what: string;
  readonly wanted: number;
  readonly bound: 'at least' | 'at most';
  readonly found: number;
  readonly unit?: string;
}

function isMet({ wanted, bound, found }: Target): boolean {
  return bound === 'at least' ? found >= wanted : found <= wanted;
}

/** `met by 12 %`, `missed by 3 %`, `not measured`. */
export function verdictOf(target: Target): string {
  if (!Number.isFinite(target.found)) return 'not measured';
  const apart = Math.abs(target.found / target.wanted - 1) * 100;
  return `${isMet(target) ? 'met' : 'MISSED'} by ${apart.toFixed(apart < 10 ? 1 : 0)} %`;
}

export function printTargets(targets: readonly Target[]): void {
  if (targets.length === 0) return;
  const rows = targets.map((target) => [
    target.what,
    `${target.bound} ${formatNumber(target.wanted)}${target.unit ?? ''}`,
    `${formatNumber(target.found)}${target.unit ?? ''}`,
    verdictOf(target),
  ]);
  printTable('Targets', ['target', 'wanted', 'found', ''], rows);
}

/** Three or four digits that mean something. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return '-';
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(Math.abs(value) >= 100 ? 0 : Math.abs(value) >= 10 ? 1 : 2);
}

/** `median (min to max)`. */
export function formatSample({ median, min, max }: Sample): string {
  return `${formatNumber(median)} (${formatNumber(min)} to ${formatNumber(max)})`;
}

export function printTable(title: string, head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((cell, column) => Math.max(cell.length, ...rows.map((row) => (row[column] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  process.stdout.write(`\n${title}\n${[line(head), rule, ...rows.map(line)].join('\n')}\n`);
}

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  /** Load average of the last minute, as the run began: above 0.5 the figures are worth little. */
  readonly load: number;
  readonly date: string;
}

export function describeMachine(): Machine {
  const [first] = cpus();
  return {
    cpu: first?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    load: Number(readFileSync('/proc/loadavg', 'utf8').split(' ')[0]),
    date: new Date().toISOString(),
  };
}

/** Keeps the result in bench/results, or, of a quick run, in the folder for temporary files. Gives the file. */
export function writeResult(question: string, { quick }: Settings, machine: Machine, result: object): string {
  const folder = quick ? join(tmpdir(), 'merlon-bench') : join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, `${question}.json`);
  writeFileSync(file, `${JSON.stringify({ question, quick, machine, ...result }, rounded, 2)}\n`);
  process.stdout.write(`\n${file}\n`);
  return file;
}

function rounded(_: string, value: unknown): unknown {
  return typeof value === 'number' ? Number(value.toPrecision(6)) : value;
}
