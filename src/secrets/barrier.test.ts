import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { MemoryStore } from '../../test/fakes/store.ts';
import { openSqliteStore, type Store } from '../storage/index.ts';
import { storeSuite } from '../storage/store.suite.ts';
import { type Barrier, createBarrier } from './barrier.ts';
import { fileKeyProvider } from './file-key-provider.ts';

const bytes = (text: string): Buffer => Buffer.from(text);
const text = async (store: Store, key: string) => Buffer.from((await store.get(key))?.value ?? []).toString();

let folder: string;
let clock: ManualClock;
let inner: MemoryStore;
let barrier: Barrier;
const provider = (name = 'root.key') => fileKeyProvider(join(folder, 'keys', name));

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'barrier-'));
  clock = new ManualClock();
  inner = new MemoryStore(clock);
  barrier = createBarrier({ store: inner, clock });
  await barrier.initialise(provider());
});
afterEach(() => rmSync(folder, { recursive: true }));

test('what is written is read again, also after a restart, and not while sealed', async () => {
  await barrier.store.write([{ put: 'a/b', value: bytes('one'), expiresAtMs: clock.now() + 1_000 }]);
  expect(await barrier.store.get('a/b')).toMatchObject({ key: 'a/b', version: 1, expiresAtMs: clock.now() + 1_000 });
  barrier.seal();
  await expect(barrier.store.get('a/b')).rejects.toMatchObject({ code: 'secrets.sealed' });
  await expect(barrier.store.list('')).rejects.toMatchObject({ code: 'secrets.sealed' });
  await expect(barrier.store.write([{ put: 'a/b', value: bytes('x') }])).rejects.toMatchObject({
    code: 'secrets.sealed',
  });
  const again = createBarrier({ store: inner, clock });
  expect(await again.status()).toEqual({ initialised: true, sealed: true, keys: [] });
  await again.open(provider());
  expect(await text(again.store, 'a/b')).toBe('one');
  expect((await again.store.list('')).map(({ key }) => key)).toEqual(['a/b']);
});

test('nothing of a plaintext is in the database file', async () => {
  const path = join(folder, 'db', 'store.db');
  const sqlite = openSqliteStore({ path, clock });
  const over = createBarrier({ store: sqlite, clock });
  await over.open(provider('other.key'));
  const rootKey = readFileSync(join(folder, 'keys', 'other.key'), 'utf8').trim();
  for (let turn = 0; turn < 20; turn++)
    await over.store.write([{ put: `k/${turn}`, value: bytes(`plain-${turn}-needle`) }]);
  await over.rotate();
  const files = (): Buffer[] => readdirSync(join(folder, 'db')).map((name) => readFileSync(join(folder, 'db', name)));
  for (let turn = 0; turn < 2; turn++) {
    expect(files().length).toBeGreaterThan(0);
    for (const file of files()) {
      expect(file.includes('needle')).toBe(false);
      expect(file.includes(rootKey)).toBe(false);
      expect(file.includes(Buffer.from(rootKey, 'base64url'))).toBe(false);
    }
    if (turn === 0) await sqlite.stop();
  }
  // The same search does find what is stored without a barrier.
  const bare = openSqliteStore({ path, clock });
  await bare.write([{ put: 'bare', value: bytes('needle') }]);
  await bare.stop();
  expect(files().some((file) => file.includes('needle'))).toBe(true);
});

test('an entry that was changed, or put in another’s place, is refused', async () => {
  await barrier.store.write([
    { put: 'users/eve', value: bytes('role=guest') },
    { put: 'users/root', value: bytes('role=admin') },
  ]);
  const stolen = (await inner.get('users/root'))!.value;
  await inner.write([{ put: 'users/eve', value: stolen }]);
  await expect(barrier.store.get('users/eve')).rejects.toMatchObject({ code: 'secrets.tampered' });
  // Without associated data the swap would have worked: in its own place the same bytes do decrypt.
  expect(await text(barrier.store, 'users/root')).toBe('role=admin');
  const changed = Uint8Array.from(stolen);
  changed[20]! ^= 1;
  await inner.write([{ put: 'users/root', value: changed }]);
  await expect(barrier.store.get('users/root')).rejects.toMatchObject({ code: 'secrets.tampered' });
});

test('a wrong root key opens nothing and damages nothing', async () => {
  await barrier.store.write([{ put: 'a', value: bytes('one') }]);
  const again = createBarrier({ store: inner, clock });
  await provider('wrong.key').create();
  await expect(again.unseal(provider('wrong.key'))).rejects.toMatchObject({ code: 'secrets.wrong-key' });
  await expect(again.unseal(provider('missing.key'))).rejects.toMatchObject({ code: 'secrets.key-missing' });
  expect((await again.status()).sealed).toBe(true);
  await again.unseal(provider());
  expect(await text(again.store, 'a')).toBe('one');
  await expect(again.initialise(provider())).rejects.toMatchObject({ code: 'secrets.already-initialised' });
});

test('a root key that others may read is refused, and so is a file that holds none', async () => {
  const path = join(folder, 'keys', 'root.key');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(folder, 'keys')).mode & 0o777).toBe(0o700);
  const again = createBarrier({ store: inner, clock });
  chmodSync(path, 0o640);
  await expect(again.unseal(provider())).rejects.toMatchObject({ code: 'state.permissions' });
  chmodSync(path, 0o600);
  chmodSync(join(folder, 'keys'), 0o755);
  await expect(again.unseal(provider())).rejects.toMatchObject({ code: 'state.permissions' });
  chmodSync(join(folder, 'keys'), 0o700);
  writeFileSync(path, 'rubbish\n');
  await expect(again.unseal(provider())).rejects.toMatchObject({ code: 'secrets.key-malformed' });
});

test('a key that is there already is used, never replaced', async () => {
  const { rootKey } = await provider('kept.key').create();
  expect(Buffer.from((await provider('kept.key').create()).rootKey).equals(rootKey)).toBe(true);
});

test('after rotation old entries are read, re-encrypting moves them, and the old key is gone', async () => {
  for (let turn = 0; turn < 450; turn++) await barrier.store.write([{ put: `k/${turn}`, value: bytes(`${turn}`) }]);
  const old = (await inner.get('k/0'))!.value;
  await barrier.rotate();
  await barrier.store.write([{ put: 'fresh', value: bytes('f') }]);
  expect((await barrier.status()).keys.map(({ id, active }) => [id, active])).toEqual([
    [1, false],
    [2, true],
  ]);
  expect(await text(barrier.store, 'k/449')).toBe('449');
  expect(await barrier.reencrypt()).toBe(450);
  expect((await barrier.status()).keys).toHaveLength(1);
  const again = createBarrier({ store: inner, clock });
  await again.open(provider());
  for (const turn of [0, 200, 449]) expect(await text(again.store, `k/${turn}`)).toBe(`${turn}`);
  await inner.write([{ put: 'k/0', value: old }]);
  await expect(again.store.get('k/0')).rejects.toMatchObject({ code: 'secrets.tampered' });
});

test('a new root key wraps the same data keys, and the old one opens nothing any more', async () => {
  await barrier.store.write([{ put: 'a', value: bytes('one') }]);
  await barrier.rekey(provider('new.key'));
  const again = createBarrier({ store: inner, clock });
  await expect(again.unseal(provider())).rejects.toMatchObject({ code: 'secrets.wrong-key' });
  await again.unseal(provider('new.key'));
  expect(await text(again.store, 'a')).toBe('one');
});

test('a batch is written whole or not at all, and the barrier’s own entry is out of reach', async () => {
  const conflicting = [
    { put: 'a', value: bytes('1') },
    { put: 'b', value: bytes('2'), if: 3 },
  ];
  await expect(barrier.store.write(conflicting)).rejects.toMatchObject({ code: 'storage.conflict' });
  expect(await barrier.store.get('a')).toBeUndefined();
  await expect(barrier.store.get('barrier/keyring')).rejects.toMatchObject({ code: 'secrets.bad-path' });
  await expect(barrier.store.write([{ delete: 'barrier/keyring' }])).rejects.toMatchObject({
    code: 'secrets.bad-path',
  });
});

test('the count of messages survives a crash: it is stored before it is used', async () => {
  const writes = Array.from({ length: 300 }, (_, at) => ({ put: `k/${at}`, value: bytes('v') }));
  await Promise.all(writes.map((write) => barrier.store.write([write])));
  const [key] = (await barrier.status()).keys;
  const again = createBarrier({ store: inner, clock });
  await again.open(provider());
  const [restored] = (await again.status()).keys;
  expect(restored!.messages).toBeGreaterThanOrEqual(key!.messages);
  await again.store.write(writes);
});

test('a page is full though the barrier’s own entry was left out of it', async () => {
  for (const key of ['a', 'barrier/a', 'barrier/z', 'z']) await barrier.store.write([{ put: key, value: bytes(key) }]);
  const keys = async (limit: number, after?: string) =>
    (await barrier.store.list('', { limit, ...(after !== undefined && { after }) })).map(({ key }) => key);
  expect(await keys(3)).toEqual(['a', 'barrier/a', 'barrier/z']);
  expect(await keys(1, 'barrier/a')).toEqual(['barrier/z']);
  expect(await keys(10)).toEqual(['a', 'barrier/a', 'barrier/z', 'z']);
});

describe('the store behind the barrier behaves as every store', () => {
  test.each(storeSuite)('$name', async ({ run }) => {
    await run({ store: barrier.store, now: () => clock.now(), advance: (ms) => clock.advance(ms) });
  });
});
