// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the syntax of compose files
import { expect, test } from 'vitest';
import { interpolate, isComposeFile, parseEnvFile, parsePortMapping } from './compose.ts';

const variables = new Map([
  ['SET', 'value'],
  ['EMPTY', ''],
]);

test.each([
  ['$SET/${SET}', 'value/value'],
  ['${UNSET}', ''],
  ['${UNSET:-default}', 'default'],
  ['${EMPTY:-default}', 'default'],
  ['${EMPTY-default}', ''],
  ['${SET:+other}', 'other'],
  ['${UNSET:+other}', ''],
  ['${SET:?must be set}', 'value'],
  ['$$SET', '$SET'],
  ['cost: 5$', 'cost: 5$'],
])('%s becomes %s', (text, expected) => {
  expect(interpolate(text, variables)).toBe(expected);
});

test.each([
  ['8080:80', 80, 8080],
  ['127.0.0.1:8080:80/tcp', 80, 8080],
  ['80', 80, undefined],
  [80, 80, undefined],
  ['8080-8081:80-81', 80, 8080],
  [{ target: 80, published: '8080' }, 80, 8080],
])('port %j', (value, target, published) => {
  expect(parsePortMapping(value)).toEqual({ target, published });
});

test.each(['', 'x', '8080:x', '0', '70000', {}, null])('no port: %j', (value) => {
  expect(parsePortMapping(value)).toBeUndefined();
});

test('variables of an .env file', () => {
  const text = '# comment\nA=1\n export B = "two words"\r\nC=\'x\'\nnot a line\nD=';
  expect([...parseEnvFile(text)]).toEqual([
    ['A', '1'],
    ['B', 'two words'],
    ['C', 'x'],
    ['D', ''],
  ]);
});

test('compose files by their names', () => {
  for (const file of ['compose.yaml', 'x/docker-compose.yml', 'docker-compose.prod.yml', 'compose.override.yaml'])
    expect(isComposeFile(file), file).toBe(true);
  for (const file of ['compose.json', 'decompose.yaml', 'compose/x.yaml'])
    expect(isComposeFile(file), file).toBe(false);
});
