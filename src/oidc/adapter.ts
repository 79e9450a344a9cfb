import { errors } from 'oidc-provider';
import type { Clock } from '../core/clock.ts';
import { hasCode } from '../core/errors.ts';
import type { Store, Write } from '../storage/index.ts';
import { clientMetadata } from './client-metadata.ts';
import { tryReadClient } from './clients.ts';
import type { Adapter, AdapterPayload } from './provider-types.ts';
import { decodeRecord, encodeRecord, keyPart, tryReadRecord, walkEntries } from './records.ts';

const root = 'oidc/state/';
const maxDeletesPerBatch = 1000;

/** Where the provider's state lies. Ids are secrets (codes, refresh tokens, cookies) and come from outside, so keys hold their digests. */
const stateKey = (model: string, id: string): string => `${root}${model}/${keyPart(id)}`;
const grantPrefix = (grantId: string): string => `${root}by-grant/${keyPart(grantId)}/`;
const accountPrefix = (accountId: string): string => `${root}by-account/${keyPart(accountId)}/`;
const sessionKey = (uid: string): string => `${root}by-session/${keyPart(uid)}`;

// What a grant pulls down with it when it is revoked.
const grantable = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken']);

/** The adapter of oidc-provider over a `Store`, for its models of that name. */
export function createAdapter(model: string, store: Store, clock: Clock): Adapter {
  if (model === 'Client') return createClientAdapter(store);
  const find = async (id: string): Promise<AdapterPayload | undefined> =>
    (await tryReadRecord<AdapterPayload>(store, stateKey(model, id)))?.value;
  return {
    find,
    async upsert(id, payload, expiresInSeconds) {
      await store.write(upserts(model, id, payload, expiryOf(clock, expiresInSeconds)));
    },
    consume: (id) => consume(store, clock, model, id),
    async destroy(id) {
      await store.write([{ delete: stateKey(model, id) }]);
    },
    revokeByGrantId: (grantId) => revokeGrant(store, grantId),
    async findByUid(uid) {
      const index = await tryReadRecord<{ id: string }>(store, sessionKey(uid));
      return index && find(index.value.id);
    },
    findByUserCode: async () => undefined,
  };
}

/** Clients are read from where they are kept, and never written by the provider. */
function createClientAdapter(store: Store): Adapter {
  const refuse = async (): Promise<never> => {
    throw new TypeError('clients are not kept through the adapter');
  };
  return {
    async find(id) {
      const client = await tryReadClient(store, id);
      return client && clientMetadata(client.value);
    },
    upsert: refuse,
    consume: refuse,
    destroy: refuse,
    revokeByGrantId: refuse,
    findByUid: async () => undefined,
    findByUserCode: async () => undefined,
  };
}

const expiryOf = (clock: Clock, seconds: number | undefined): { expiresAtMs?: number } =>
  seconds === undefined ? {} : { expiresAtMs: clock.now() + Math.ceil(seconds * 1000) };

/** The record and its indexes, which expire with it. */
function upserts(model: string, id: string, payload: AdapterPayload, expiry: { expiresAtMs?: number }): Write[] {
  const key = stateKey(model, id);
  const writes: Write[] = [{ put: key, value: encodeRecord(payload), ...expiry }];
  if (grantable.has(model) && payload.grantId !== undefined) {
    writes.push({ put: grantPrefix(payload.grantId) + keyPart(key), value: encodeRecord({ key }), ...expiry });
  }
  if (payload.accountId !== undefined) {
    writes.push({ put: accountPrefix(payload.accountId) + keyPart(key), value: encodeRecord({ key }), ...expiry });
  }
  if (model === 'Session' && payload.uid !== undefined) {
    writes.push({ put: sessionKey(payload.uid), value: encodeRecord({ id }), ...expiry });
  }
  return writes;
}

/**
 * Marks a code or refresh token as used, once. Of two requests that race with the same one, the second finds the
 * record changed: that is a replay (RFC 6749, section 4.1.2), so the whole grant goes.
 */
async function consume(store: Store, clock: Clock, model: string, id: string): Promise<void> {
  const key = stateKey(model, id);
  const entry = await store.get(key);
  if (entry === undefined) throw new errors.InvalidGrant('the grant is gone');
  const payload = decodeRecord<AdapterPayload>(entry);
  const expiry = entry.expiresAtMs === undefined ? {} : { expiresAtMs: entry.expiresAtMs };
  const used = { ...payload, consumed: Math.floor(clock.now() / 1000) };
  try {
    if (payload.consumed === undefined)
      return await store.write([{ put: key, value: encodeRecord(used), if: entry.version, ...expiry }]);
  } catch (error) {
    if (!hasCode(error, 'storage.conflict')) throw error;
  }
  if (payload.grantId !== undefined) {
    await revokeGrant(store, payload.grantId);
    await store.write([{ delete: stateKey('Grant', payload.grantId) }]);
  }
  throw new errors.InvalidGrant('it was used already');
}

/** Removes every code and token of a grant. */
function revokeGrant(store: Store, grantId: string): Promise<void> {
  return removeIndexed(store, grantPrefix(grantId));
}

/** Removes everything that an account holds: sessions, grants, codes and tokens. */
export function revokeAccount(store: Store, accountId: string): Promise<void> {
  return removeIndexed(store, accountPrefix(accountId));
}

/** Removes the entries of an index and the records that they point at. */
async function removeIndexed(store: Store, prefix: string): Promise<void> {
  let writes: Write[] = [];
  for await (const entry of walkEntries(store, prefix)) {
    writes.push({ delete: entry.key }, { delete: decodeRecord<{ key: string }>(entry).key });
    if (writes.length < maxDeletesPerBatch) continue;
    await store.write(writes);
    writes = [];
  }
  if (writes.length > 0) await store.write(writes);
}
