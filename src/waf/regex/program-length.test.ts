import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseRegex } from './parse.ts';
import { compileProgram } from './program.ts';
import { programLength } from './program-length.ts';
import { compileRegex } from './regex.ts';
import { hasReference } from './syntax.ts';

const builtIn = join(import.meta.dirname, '..', 'builtin');
const sources = readdirSync(builtIn)
  .filter((name) => name.endsWith('.conf'))
  .flatMap((name) => [...readFileSync(join(builtIn, name), 'utf8').matchAll(/"@rx ((?:[^"\\]|\\.)+)"/gs)])
  .map(([, source]) => (source as string).replaceAll('\\"', '"'));

const shapes = [
  '',
  'a',
  'a|b|',
  '(a(b|c))?',
  'a{3}',
  'a{2,5}?',
  '(?:ab){2,}',
  '^\\ba*$',
  '(?=a{2,4}(b))(?<!c)d',
  '[^a]{0,200}',
];

test('the length of a program is known before it is made', () => {
  expect(sources.length).toBeGreaterThan(30);
  for (const source of [...sources, ...shapes]) {
    const { node, groups } = parseRegex(source);
    if (!hasReference(node))
      expect([source, programLength(node)]).toEqual([source, compileProgram(node, groups).op.length]);
  }
});

test.each(['(?:a{200}){200}', 'a(?=(?:b{200}){200})', 'a(?:b(?<!(?:c{200}){200})|d)'])(
  'an expression that is too large is refused when it is compiled, not when a text comes: %s',
  (source) => expect(() => compileRegex(source)).toThrow(/too large/),
);
