import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { MemoryStore } from '../../test/fakes/store.ts';
import { createKv, type Kv } from './kv.ts';

let clock: ManualClock;
let store: MemoryStore;
let kv: Kv;
beforeEach(() => {
  clock = new ManualClock(1_000);
  store = new MemoryStore(clock);
  kv = createKv({ store, clock, mount: 'secret' });
});

test('each write adds a version, and every kept version is read', async () => {
  expect(await kv.read('a/b')).toBeUndefined();
  expect(await kv.write('a/b', { x: '1' })).toMatchObject({ version: 1, createdMs: 1_000 });
  clock.advance(5);
  expect((await kv.write('a/b', { x: { deep: [1] } })).version).toBe(2);
  expect(await kv.read('a/b')).toEqual({ version: 2, createdMs: 1_005, fields: { x: { deep: [1] } } });
  expect((await kv.read('a/b', 1))?.fields).toEqual({ x: '1' });
  expect(await kv.read('a/b', 3)).toBeUndefined();
});

test('a write that names the version it follows is refused behind another one', async () => {
  await kv.write('s', { x: 1 }, 0);
  await expect(kv.write('s', { x: 2 }, 0)).rejects.toMatchObject({ code: 'secrets.cas-mismatch' });
  await kv.write('s', { x: 2 }, 1);
  await kv.writeMetadata('s', { casRequired: true });
  await expect(kv.write('s', { x: 3 })).rejects.toMatchObject({ code: 'secrets.cas-required' });
});

test('of writers at once each gets a version of its own, and of those with the same check one wins', async () => {
  const versions = await Promise.all(Array.from({ length: 10 }, (_, at) => kv.write('s', { at })));
  expect(versions.map(({ version }) => version).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const checked = await Promise.allSettled([1, 2, 3].map((at) => kv.write('s', { at }, 10)));
  expect(checked.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
});

test('only so many versions are kept, and the data of the others is gone', async () => {
  await kv.writeMetadata('s', { maxVersions: 2 });
  for (let turn = 1; turn <= 5; turn++) await kv.write('s', { turn });
  expect(Object.keys((await kv.readMetadata('s'))!.versions)).toEqual(['4', '5']);
  expect(await kv.read('s', 3)).toBeUndefined();
  expect(await store.list('secrets/kv/secret/data/')).toHaveLength(2);
});

test('what is deleted can be undeleted, and what is destroyed is gone', async () => {
  await kv.write('s', { x: 1 });
  await kv.write('s', { x: 2 });
  await kv.delete('s', 'newest');
  expect(await kv.read('s')).toMatchObject({ version: 2, fields: null, deletedMs: 1_000 });
  expect((await kv.read('s', 1))?.fields).toEqual({ x: 1 });
  await kv.undelete('s', [2]);
  expect((await kv.read('s'))?.fields).toEqual({ x: 2 });
  await kv.destroy('s', [2, 7]);
  await kv.undelete('s', [2]);
  expect(await kv.read('s')).toMatchObject({ fields: null, destroyed: true });
  expect(await kv.deleteMetadata('s')).toBe(true);
  expect(await kv.deleteMetadata('s')).toBe(false);
  expect(await store.list('')).toEqual([]);
});

test('a patch changes fields and leaves the others', async () => {
  await expect(kv.patch('s', { a: 1 })).rejects.toMatchObject({ code: 'secrets.not-found' });
  await kv.write('s', { a: 1, b: { c: 2, d: 3 } });
  await kv.patch('s', { a: null, b: { c: 4 }, e: 5 });
  expect((await kv.read('s'))?.fields).toEqual({ b: { c: 4, d: 3 }, e: 5 });
});

test('a folder lists names and folders, each once, however many are below', async () => {
  for (const path of ['b', 'a/x', 'a/y/z', 'a', 'a-b/c', 'c/0000']) await kv.write(path, { v: 1 });
  for (let turn = 0; turn < 1_200; turn++) await kv.write(`big/${String(turn).padStart(4, '0')}`, { v: 1 });
  expect(await kv.list('')).toEqual(['a', 'a-b/', 'a/', 'b', 'big/', 'c/']);
  expect(await kv.list('a')).toEqual(['x', 'y/']);
  expect(await kv.list('a/y/')).toEqual(['z']);
  expect(await kv.list('none')).toEqual([]);
  await kv.delete('a/x', 'newest');
  expect(await kv.paths('a')).toEqual(['a/y/z']);
  expect(await kv.paths('')).toHaveLength(1_205);
});

describe('a path that could be spelt two ways, or leave its mount, is refused', () => {
  test.each([
    '',
    '/',
    'a//b',
    'a/',
    '/a',
    '.',
    '..',
    'a/../b',
    './a',
    'a\\b',
    'a\0',
    'a%2fb',
    'a*',
    'é',
    'x'.repeat(600),
  ])('%j', async (path) => {
    await expect(kv.read(path)).rejects.toMatchObject({ code: 'secrets.bad-path' });
    await expect(kv.write(path, {})).rejects.toMatchObject({ code: 'secrets.bad-path' });
  });
});

test('a secret named like another one’s version is another secret', async () => {
  await kv.write('a', { from: 'a' });
  await kv.write('000000001/a', { from: 'b' });
  expect((await kv.read('a'))?.fields).toEqual({ from: 'a' });
});

test('a secret that is too large is refused, and prototype names are only names', async () => {
  await expect(kv.write('s', { x: 'x'.repeat(600_000) })).rejects.toMatchObject({ code: 'secrets.too-large' });
  await kv.write('s', JSON.parse('{"__proto__":"p","constructor":"c"}') as Record<string, unknown>);
  await kv.patch('s', JSON.parse('{"__proto__":{"polluted":true}}') as Record<string, unknown>);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  expect(Object.keys((await kv.read('s'))!.fields!)).toContain('__proto__');
});
