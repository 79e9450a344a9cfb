import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { manifestJsonSchema } from './json-schema.ts';
import { manifestReference } from './reference.ts';
import { manifestSchema } from './schema.ts';

const docs = `${import.meta.dirname}/../../docs`;
const hint = 'run `node tools/generate-schema.ts`';

test('docs/manifest.schema.json is what the schema says', () => {
  expect(JSON.parse(readFileSync(`${docs}/manifest.schema.json`, 'utf8')), hint).toEqual(
    JSON.parse(JSON.stringify(manifestJsonSchema())),
  );
});

test('docs/manifest.md is what the schema says', () => {
  expect(readFileSync(`${docs}/manifest.md`, 'utf8'), hint).toBe(manifestReference());
});

test('every key is described', () => {
  const rows = manifestReference().match(/^\| `[^`]+` \|.*$/gm) ?? [];
  expect(rows.length).toBeGreaterThan(100);
  expect(rows.filter((row) => /\|\s*\|$/.test(row))).toEqual([]);
});

test('editors are given a valid JSON Schema, which takes the example of the reference, as does the loader', () => {
  const [, example = ''] = manifestReference().match(/A small one:\n\n```yaml\n([\s\S]*?)```/) ?? [];
  const validate = new Ajv2020({ strict: false, formats: { email: true } }).compile(manifestJsonSchema());
  expect(validate(parse(example)), JSON.stringify(validate.errors)).toBe(true);
  expect(validate({ ...parse(example), unknown: 1 })).toBe(false);
  expect(manifestSchema.safeParse(parse(example)).success).toBe(true);
});
