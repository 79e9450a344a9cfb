import { expect, test } from 'vitest';
import { MerlonError } from '../../core/errors.ts';
import { memoryFiles } from '../files.ts';
import type { Files, FolderItem } from '../ports.ts';
import { documentsOf, readFolder } from './documents.ts';
import type { Facts } from './facts.ts';

const emptyFacts = (): Facts => ({
  workloads: [],
  names: [],
  entrances: [],
  policies: [],
  apis: [],
  egress: [],
  findings: [],
});

function read(texts: Record<string, string>, files: Files = memoryFiles(new Map(Object.entries(texts)))) {
  const facts = emptyFacts();
  const found = readFolder('shop', files, facts);
  return { facts, found };
}

test('YAML, JSON and .env are read; hidden folders, dependencies and lockfiles are not', () => {
  const { found } = read({
    'shop/a.yaml': '',
    'shop/b.yml': '',
    'shop/c/d.JSON': '',
    'shop/.env': '',
    'shop/.git/e.yaml': '',
    'shop/node_modules/f.yaml': '',
    'shop/package-lock.json': '',
    'shop/g.txt': '',
    'else/h.yaml': '',
  });
  expect(found.map(({ file }) => file)).toEqual(['.env', 'a.yaml', 'b.yml', 'c/d.JSON']);
});

test('what cannot be read is told and passed over', () => {
  const files = memoryFiles(
    new Map([
      ['shop/a.yaml', 'x'.repeat(3 * 1024 * 1024)],
      ['shop/b.yaml', 'x'],
    ]),
  );
  const denied: Files = {
    ...files,
    list: (path) => {
      if (path === 'shop/private') throw new MerlonError({ code: 'manifest.unreadable', message: 'cannot read it' });
      return path === 'shop' ? [...(files.list(path) ?? []), { name: 'private', kind: 'folder' }] : files.list(path);
    },
  };
  const { facts, found } = read({}, denied);
  expect(found.map(({ file }) => file)).toEqual(['b.yaml']);
  expect(facts.findings.map(({ message }) => message)).toEqual([
    '`a.yaml` is passed over: `shop/a.yaml` is larger than 2097152 bytes',
    '`private` is passed over: cannot read it',
  ]);
});

test('a folder without end is read up to a bound', () => {
  const item =
    (kind: FolderItem['kind'], suffix: string) =>
    (at: number): FolderItem => ({ name: `${at}${suffix}`, kind });
  const nine = Array.from({ length: 9 }, (_, at) => at);
  const endless: Files = {
    readText: () => '',
    list: () => [...nine.map(item('file', '.yaml')), ...nine.map(item('folder', ''))],
  };
  const { facts, found } = read({}, endless);
  expect(found).toHaveLength(3000);
  expect(facts.findings.map(({ code }) => code)).toEqual(['discover.bounds']);
});

test('places are lines, of merged keys that of their parent', () => {
  const facts = emptyFacts();
  const text = 'x: &x\n  inner: 1\nservices:\n  a:\n    <<: *x\n    own: 2\n---\nkind: b\n';
  const [first, second] = documentsOf({ file: 'a.yaml', text }, facts);
  expect(first?.value).toEqual({ x: { inner: 1 }, services: { a: { own: 2, inner: 1 } } });
  expect(first?.place(['services', 'a', 'own']).line).toBe(6);
  expect(first?.place(['services', 'a', 'inner']).line).toBe(4);
  expect(second?.place(['kind']).line).toBe(8);
});

test("somebody else's files are none of our business", () => {
  const facts = emptyFacts();
  expect(documentsOf({ file: 'a.yaml', text: 'on: [push' }, facts)).toEqual([]);
  expect(documentsOf({ file: 'a.json', text: '{"data": [' }, facts)).toEqual([]);
  expect(facts.findings).toEqual([]);
});
