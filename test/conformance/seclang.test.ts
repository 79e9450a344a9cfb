import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { transformations } from '../../src/waf/transformations/index.ts';

// The reference engines' own cases for operators and transformations (test/conformance does not copy them).

const suites = process.env.MERLON_SUITES ?? resolve(import.meta.dirname, '../../../shared/suites');
const folder = join(suites, 'seclang');
const present = existsSync(folder);
if (!present) process.stderr.write(`seclang: no suite at ${folder}, skipped\n`);

interface Case {
  readonly name: string;
  readonly input: string;
  readonly param?: string;
  readonly output: string;
  readonly ret: number;
}

const toBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

/** Some files write bytes as escapes inside the text (`\xff`, `\u0000`), some do not, and none says so. */
function escaped(text: string): string {
  return text.replace(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4}))/g, (_all, byte?: string, point?: string) =>
    byte === undefined ? toBytes(String.fromCharCode(Number.parseInt(point!, 16))) : String.fromCharCode(Number.parseInt(byte, 16)),
  );
}

const readings = (text: string): string[] => [...new Set([toBytes(text), escaped(toBytes(text))])];

function load(kind: string, file: string): readonly Case[] {
  return JSON.parse(readFileSync(join(folder, kind, file), 'utf8')) as readonly Case[];
}

const files = (kind: string): string[] => (present ? readdirSync(join(folder, kind)).filter((file) => file.endsWith('.json')) : []);

/** Cases of the suite that contradict another source; each with the reason. */
const exceptions: ReadonlyMap<string, string> = new Map([]);

describe.skipIf(!present)('transformations', () => {
  for (const file of files('transformations')) {
    it(file, () => {
      const wrong: unknown[] = [];
      load('transformations', file).forEach((test, index) => {
        const transform = transformations.get(file.slice(0, -5).toLowerCase())!;
        const wanted = readings(test.output);
        if (readings(test.input).some((input) => wanted.includes(transform(input)))) return;
        if (!exceptions.has(`${file}#${index}`)) wrong.push([index, test.input, test.output, transform(escaped(toBytes(test.input)))]);
      });
      expect(wrong).toEqual([]);
    });
  }
});
