import { beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { MemoryStore } from '../../test/fakes/store.ts';
import type { EmitEvent } from '../api/record.ts';
import { type ApiKeyRequest, type ApiKeys, createApiKeys } from './api-keys.ts';

const request: ApiKeyRequest = {
  label: 'nightly build',
  client: 'ci',
  roles: ['deployer'],
  scopes: ['deploy'],
  ttlSeconds: 3600,
};
let clock: ManualClock;
let keys: ApiKeys;
let store: MemoryStore;
let changes: number;
let events: Parameters<EmitEvent>[0][];
beforeEach(() => {
  clock = new ManualClock();
  store = new MemoryStore(clock);
  changes = 0;
  events = [];
  keys = createApiKeys({ store, clock, emit: (event) => void events.push(event), onChange: () => changes++ });
});

test('a key is told once and kept as a digest', async () => {
  const { key, record } = await keys.mint(request);
  expect(key).toMatch(/^mk_[0-9a-z]{12}_[A-Za-z0-9_-]{43}$/);
  expect(await keys.list()).toEqual([record]);
  const secret = key.slice(-43);
  expect(JSON.stringify([await keys.list(), events])).not.toContain(secret);
  expect(Buffer.from((await store.list(''))[0]?.value ?? []).toString()).not.toContain(secret);
  expect(changes).toBe(1);
});

test('an expired or revoked key is gone', async () => {
  const { record } = await keys.mint(request);
  await keys.mint({ ...request, ttlSeconds: 7200 });
  await keys.revoke(record.id);
  expect(await keys.list()).toHaveLength(1);
  await expect(keys.revoke(record.id)).rejects.toMatchObject({ code: 'oidc.api-key' });
  clock.advance(7_200_000);
  expect(await keys.list()).toEqual([]);
  expect(events.map(({ action }) => action)).toEqual(['api-key.create', 'api-key.create', 'api-key.revoke']);
});

test('a rotation keeps the key and what it may do, and lets the former secret work on for a while', async () => {
  const minted = await keys.mint({ ...request, limit: '10/min', owner: 'team-build' });
  const { id } = minted.record;
  clock.advance(60_000);
  const rotated = await keys.rotate(id, { overlapSeconds: 600 });
  expect(rotated.key).not.toBe(minted.key);
  expect(rotated.key.slice(0, 16)).toBe(minted.key.slice(0, 16));
  expect(rotated.record).toMatchObject({ id, owner: 'team-build', limit: { count: 10 }, principal: { id: 'ci' } });
  expect(rotated.record.secrets.map(({ expiresAtMs }) => expiresAtMs - clock.now())).toEqual([3_600_000, 600_000]);
  expect(rotated.record.secrets[1]?.hash).toBe(minted.record.secrets[0]?.hash);
  const again = await keys.rotate(id, { overlapSeconds: 0 });
  expect(again.record.secrets).toHaveLength(1);
  expect(JSON.stringify(await keys.list())).not.toContain(again.key.slice(-43));
  await expect(keys.rotate('abcdefghijkl', { overlapSeconds: 0 })).rejects.toMatchObject({ code: 'oidc.api-key' });
  await expect(keys.rotate(id, { overlapSeconds: 40 * 86_400 })).rejects.toMatchObject({ code: 'oidc.api-key' });
});

test.each([
  { limit: 'many' },
  { owner: 'x'.repeat(201) },
  { ttlSeconds: 0 },
  { ttlSeconds: 400 * 86_400 },
  { ttlSeconds: 1.5 },
  { client: '../x' },
  { client: '' },
  { label: 'x'.repeat(201) },
])('%j is refused', async (changed) => {
  await expect(keys.mint({ ...request, ...changed })).rejects.toMatchObject({ code: 'oidc.api-key' });
});

test.each(['', '../user/alice', 'ABCDEFGHIJKL'])('`%s` names no key', async (id) => {
  await expect(keys.revoke(id)).rejects.toMatchObject({ code: 'oidc.api-key' });
});
