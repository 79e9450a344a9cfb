import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeProtectedHeader } from 'jose';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { authorizationUrl, Browser, issuer, type Rig, startRig } from '../../test/fakes/openid-provider.ts';
import { MemoryStore } from '../../test/fakes/store.ts';
import { openSqliteStore } from '../storage/index.ts';
import { openKeyRing } from './signing-keys.ts';
import { obtainToken, refreshTokens } from './token-client.ts';

const kids = (keys: readonly { kid?: string }[]) => keys.map(({ kid }) => kid);

describe('the key ring', () => {
  const open = async (clock: ManualClock, store = new MemoryStore(clock)) => ({
    store,
    ring: await openKeyRing({ store, clock, signingSeconds: 3600, overlapSeconds: 600 }),
  });

  test('prepares a key before it signs, and keeps one while its tokens live', async () => {
    const clock = new ManualClock();
    const { ring } = await open(clock);
    const [first, second] = kids(ring.current.public);
    await ring.rotate();
    const [active, ...others] = kids(ring.current.public);
    expect(active).toBe(second);
    expect(others).toContain(first);
    expect(others).toHaveLength(2);
    clock.advance(599_000);
    expect(await ring.maintain()).toBe(false);
    clock.advance(1_000);
    expect(await ring.maintain()).toBe(true);
    expect(kids(ring.current.public)).not.toContain(first);
  });

  test('rotates by itself when the active key is old', async () => {
    const clock = new ManualClock();
    const { ring } = await open(clock);
    const [, next] = kids(ring.current.public);
    clock.advance(3_599_000);
    expect(await ring.maintain()).toBe(false);
    clock.advance(1_000);
    expect(await ring.maintain()).toBe(true);
    expect(kids(ring.current.public)[0]).toBe(next);
    expect(await ring.maintain()).toBe(false);
  });

  test('is the same after a restart, and follows another replica', async () => {
    const clock = new ManualClock();
    const { store, ring } = await open(clock);
    const other = (await open(clock, store)).ring;
    expect(other.current).toEqual(ring.current);
    await ring.rotate();
    expect(await other.maintain()).toBe(true);
    expect(other.current).toEqual(ring.current);
    await other.rotate();
    await ring.rotate();
    expect(kids((await open(clock, store)).ring.current.public)).toEqual(kids(ring.current.public));
  });

  test('two replicas that start at once agree', async () => {
    const clock = new ManualClock();
    const store = new MemoryStore(clock);
    const [a, b] = await Promise.all([open(clock, store), open(clock, store)]);
    expect(a.ring.current).toEqual(b.ring.current);
  });
});

const login = (rig: Rig, password: string) =>
  obtainToken({
    issuer,
    clientId: 'web',
    username: 'alice',
    password,
    scopes: ['openid', 'orders:read'],
    fetch: rig.fetch,
  });

test('a rotation tells its listeners and changes who signs; earlier refresh tokens stay good', async () => {
  const rig = await startRig();
  const password = rig.passwords.get('alice') ?? '';
  const before = await login(rig, password);
  const changes: (string | undefined)[][] = [];
  rig.provider.onKeysChanged(() => changes.push(kids(rig.provider.jwks())));
  const [, prepared] = kids(rig.provider.jwks());
  await rig.provider.rotateKeys();
  expect(changes).toHaveLength(1);
  expect(changes[0]).toContain(decodeProtectedHeader(before.accessToken).kid);
  const after = await refreshTokens({
    issuer,
    clientId: 'web',
    refreshToken: before.refreshToken ?? '',
    fetch: rig.fetch,
  });
  expect(decodeProtectedHeader(after.accessToken).kid).toBe(prepared);
  expect(rig.events).toContainEqual(expect.objectContaining({ action: 'key.rotate', target: prepared }));
  await rig.stop();
});

test('keys, sessions, passwords and refresh tokens survive a restart, on a real database', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'merlon-oidc-'));
  const store = openSqliteStore({ path: join(folder, 'state.db') });
  const first = await startRig({ store });
  const password = first.passwords.get('alice') ?? '';
  const tokens = await login(first, password);
  const browser = new Browser(first.fetch);
  const page = await browser.follow(await browser.visit(authorizationUrl()));
  await browser.follow(await browser.visit(page.url, { username: 'alice', password, decision: 'login' }));

  const second = await first.restart();
  expect(second.passwords.size).toBe(0);
  expect(second.clientSecrets.size).toBe(0);
  expect(kids(second.provider.jwks())).toEqual(kids(first.provider.jwks()));
  const same = new Browser(second.fetch);
  for (const [name, cookie] of browser.cookies) same.cookies.set(name, cookie);
  const again = await same.visit(authorizationUrl({ prompt: 'none' }));
  expect(again.header('location')).toContain('code=');
  await expect(
    refreshTokens({ issuer, clientId: 'web', refreshToken: tokens.refreshToken ?? '', fetch: second.fetch }),
  ).resolves.toBeDefined();
  await expect(login(second, password)).resolves.toBeDefined();
  await second.stop();
  await store.stop();
  rmSync(folder, { recursive: true });
});
