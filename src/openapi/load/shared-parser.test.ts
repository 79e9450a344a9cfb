import { expect, test } from 'vitest';
import { loadOpenApi } from './load.ts';
import { createSharedParser } from './shared-parser.ts';

const text = 'openapi: 3.1.0\ninfo: { title: A, version: "1" }\npaths: {}\n';

test('a text is parsed once, and each file of that text keeps its own name', () => {
  const { parse, read } = createSharedParser();
  const value = read(text);
  expect(value).toMatchObject({ info: { title: 'A' } });
  const [one, two] = [parse('a.yaml', text), parse('b.yaml', text)];
  expect([one, two]).toMatchObject([{ path: 'a.yaml' }, { path: 'b.yaml' }]);
  expect('root' in one && one.root).toBe(value);
  expect(loadOpenApi('a.yaml', () => text, { parse })).toEqual(loadOpenApi('a.yaml', () => text));
});

test('what cannot be parsed has no value, and its faults are told as ever', () => {
  const { parse, read } = createSharedParser();
  expect(read('a: [')).toBeUndefined();
  const fault = (options: object): unknown => {
    try {
      return loadOpenApi('a.yaml', () => 'a: [', options);
    } catch (error) {
      return error;
    }
  };
  expect(fault({ parse })).toEqual(fault({}));
});
