import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const folder = join(import.meta.dirname, 'builtin', 'cases');

/** Values that are attacks, one of each kind at least: those that the built-in rules are tested with. */
export function attackCorpus(): readonly string[] {
  const lines = readdirSync(folder)
    .sort()
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').split('\n'));
  return [...new Set(lines.filter((line) => line.startsWith('+ arg ')).map((line) => line.slice('+ arg '.length)))];
}
