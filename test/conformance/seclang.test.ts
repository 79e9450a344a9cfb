import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createText } from '../../src/waf/match/text.ts';
import { operators, unsupportedOperators } from '../../src/waf/operators/index.ts';
import type { Operator, OperatorFactory } from '../../src/waf/operators/operator.ts';
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
  return text.replace(/\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|0)/g, (_all, byte?: string, point?: string) =>
    byte === undefined
      ? toBytes(String.fromCharCode(Number.parseInt(point ?? '0', 16)))
      : String.fromCharCode(Number.parseInt(byte, 16)),
  );
}

const readings = (text: string): string[] => [...new Set([toBytes(text), escaped(toBytes(text))])];

function load(kind: string, file: string): readonly Case[] {
  return JSON.parse(readFileSync(join(folder, kind, file), 'utf8')) as readonly Case[];
}

const files = (kind: string): string[] =>
  present ? readdirSync(join(folder, kind)).filter((file) => file.endsWith('.json')) : [];

describe.skipIf(!present)('transformations', () => {
  for (const file of files('transformations')) {
    it(file, () => {
      const wrong: unknown[] = [];
      load('transformations', file).forEach((test, index) => {
        const transform = transformations.get(file.slice(0, -5).toLowerCase())!;
        const wanted = readings(test.output);
        if (readings(test.input).some((input) => wanted.includes(transform(input)))) return;
        wrong.push([index, test.input, test.output, transform(escaped(toBytes(test.input)))]);
      });
      expect(wrong).toEqual([]);
    });
  }
});

/** Where the operators' data files stand in the suite. */
function readData(name: string): string | undefined {
  const path = join(folder, 'operators/op', name);
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

const noVariables = { lookUp: () => '' };

/** A parameter that makes no sense is refused while rules load; the suite has it match nothing. */
function tryCompile(factory: OperatorFactory, parameter: string): Operator | undefined {
  try {
    return factory(parameter, { readData });
  } catch {
    return undefined;
  }
}

/** Whether the operator answers as the case wants, in some reading of its texts. */
function answers(file: string, test: Case): boolean {
  const factory = operators.get(file.slice(0, -5).toLowerCase())!;
  return readings(test.param ?? '').some((parameter) => {
    const operator = tryCompile(factory, parameter);
    if (operator === undefined) return test.ret === 0;
    return readings(test.input).some((input) => operator.matches(createText(input), noVariables) === (test.ret === 1));
  });
}

describe.skipIf(!present)('operators', () => {
  for (const file of files('operators')) {
    it.skipIf(unsupportedOperators.has(file.slice(0, -5).toLowerCase()))(file, () => {
      const wrong = load('operators', file).flatMap((test, index) =>
        answers(file, test) ? [] : [[index, test.input, test.param, test.ret]],
      );
      expect(wrong).toEqual([]);
    });
  }
});
