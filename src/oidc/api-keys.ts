import { hash, randomInt } from 'node:crypto';
import type { ApiKeyLimit, ApiKeySecret, ApiKeySnapshot } from '../api/authn.ts';
import type { EmitEvent } from '../api/record.ts';
import type { Clock } from '../core/clock.ts';
import { randomToken } from '../core/ids.ts';
import { tryParseRate } from '../core/quantity.ts';
import type { Store } from '../storage/index.ts';
import { oidcError } from './errors.ts';
import { decodeRecord, encodeRecord, type Stored, tryReadRecord, walkEntries } from './records.ts';

/** An API key as it is listed. The secret is told once, when the key is minted, and kept as a digest. */
export interface ApiKey extends ApiKeySnapshot {
  /** What the key is for, for people. */
  readonly label: string;
  /** Who answers for it, for people. */
  readonly owner?: string;
  /** Its own limit over all routes. */
  readonly limit?: ApiKeyLimit['limit'];
  readonly createdAtMs: number;
  /** How long each of its secrets lives. */
  readonly ttlSeconds: number;
  /** When the last of its secrets ends. */
  readonly expiresAtMs: number;
}

/** For whom a key acts, and for how long. */
export interface ApiKeyRequest {
  readonly label: string;
  readonly owner?: string | undefined;
  /** The client's name in decisions and policies: `ci`. */
  readonly client: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** No key lives for ever. */
  readonly ttlSeconds: number;
  /** As `100/min`. */
  readonly limit?: string | undefined;
}

/** How a key gets another secret. */
export interface ApiKeyRotation {
  /** How long the former secret goes on working, so that nobody is interrupted; 0: not at all. */
  readonly overlapSeconds: number;
  /** Life of the new secret. Default: as that of the first. */
  readonly ttlSeconds?: number | undefined;
}

/** A key with its secret, which is told this once. */
export interface MintedApiKey {
  readonly key: string;
  readonly record: ApiKey;
}

/** Keys for machines that cannot do OAuth. */
export interface ApiKeys {
  /** Throws `oidc.api-key`. */
  mint(request: ApiKeyRequest): Promise<MintedApiKey>;
  /** Keys that have not expired; what the gateway must know. */
  list(): Promise<readonly ApiKey[]>;
  /** Another secret for the same key: its id, its limit and what it may do stay. Throws `oidc.api-key` where there is no such key. */
  rotate(id: string, rotation: ApiKeyRotation): Promise<MintedApiKey>;
  /** All of the key's secrets, from now on. Throws `oidc.api-key` where there is no such key. */
  revoke(id: string): Promise<void>;
}

export interface ApiKeysOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  /** Called after the list changed. */
  readonly onChange: () => void;
}

const prefix = 'oidc/api-key/';
const alphabet = 'abcdefghijklmnopqrstuvwxyz0123456789';
const idLength = 12;
const maxTtlSeconds = 366 * 86_400;
const maxOverlapSeconds = 30 * 86_400;
const idPattern = /^[0-9a-z]{12}$/;

/** The API keys in `store`. */
export function createApiKeys({ store, clock, emit, onChange }: ApiKeysOptions): ApiKeys {
  const changed = (action: string, id: string, client: string): void => {
    emit({ actor: { kind: 'operator', id: 'operator' }, action, target: id, outcome: 'success', detail: { client } });
    onChange();
  };
  const known = async (id: string): Promise<Stored<ApiKey>> => {
    const stored = idPattern.test(id) ? await tryReadRecord<ApiKey>(store, prefix + id) : undefined;
    if (stored === undefined) throw oidcError('oidc.api-key', `there is no API key \`${id.slice(0, 64)}\``);
    return stored;
  };
  return {
    async mint(request) {
      const minted = mintKey(request, clock.now());
      const { record } = minted;
      await store.write([
        { put: prefix + record.id, value: encodeRecord(record), expiresAtMs: record.expiresAtMs, if: 'absent' },
      ]);
      changed('api-key.create', record.id, request.client);
      return minted;
    },
    async list() {
      const keys: ApiKey[] = [];
      for await (const entry of walkEntries(store, prefix)) keys.push(decodeRecord<ApiKey>(entry));
      return keys;
    },
    async rotate(id, rotation) {
      const { value, version } = await known(id);
      const minted = rotateKey(value, rotation, clock.now());
      const { record } = minted;
      await store.write([
        { put: prefix + id, value: encodeRecord(record), expiresAtMs: record.expiresAtMs, if: version },
      ]);
      changed('api-key.rotate', id, record.principal.id);
      return minted;
    },
    async revoke(id) {
      const { value } = await known(id);
      await store.write([{ delete: prefix + id }]);
      changed('api-key.revoke', id, value.principal.id);
    },
  };
}

function checkTtl(ttlSeconds: number): void {
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > maxTtlSeconds)
    throw oidcError('oidc.api-key', 'an API key lives from a second to a year');
}

function checkRequest({ label, owner = '', client, ttlSeconds }: ApiKeyRequest): void {
  checkTtl(ttlSeconds);
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(client))
    throw oidcError('oidc.api-key', `\`${client}\` cannot be the name of a client`);
  if (label.length > 200 || owner.length > 200)
    throw oidcError('oidc.api-key', 'a label and an owner have at most 200 characters');
}

function limitOf(text: string | undefined): ApiKey['limit'] {
  if (text === undefined) return undefined;
  const rate = tryParseRate(text);
  if (rate === undefined)
    throw oidcError('oidc.api-key', `\`${text.slice(0, 64)}\` is not a rate; write it as \`100/min\``);
  return { ...rate, text };
}

function mintKey(request: ApiKeyRequest, nowMs: number): MintedApiKey {
  checkRequest(request);
  const { label, owner, client, roles, scopes, ttlSeconds } = request;
  const limit = limitOf(request.limit);
  const id = Array.from({ length: idLength }, () => alphabet[randomInt(alphabet.length)]).join('');
  const { key, secret } = mintSecret(id, nowMs + ttlSeconds * 1000);
  const record: ApiKey = {
    id,
    secrets: [secret],
    principal: { kind: 'client', id: client, roles, scopes },
    label,
    ...(owner === undefined ? {} : { owner }),
    ...(limit === undefined ? {} : { limit }),
    createdAtMs: nowMs,
    ttlSeconds,
    expiresAtMs: secret.expiresAtMs,
  };
  return { key, record };
}

function rotateKey(former: ApiKey, rotation: ApiKeyRotation, nowMs: number): MintedApiKey {
  const { overlapSeconds, ttlSeconds = former.ttlSeconds } = rotation;
  checkTtl(ttlSeconds);
  if (!Number.isInteger(overlapSeconds) || overlapSeconds < 0 || overlapSeconds > maxOverlapSeconds)
    throw oidcError('oidc.api-key', 'the former secret of an API key works for 30 days more at most');
  const { key, secret } = mintSecret(former.id, nowMs + ttlSeconds * 1000);
  const before = former.secrets[0] as ApiKeySecret;
  const endsAtMs = Math.min(before.expiresAtMs, nowMs + overlapSeconds * 1000);
  const secrets = endsAtMs > nowMs ? [secret, { ...before, expiresAtMs: endsAtMs }] : [secret];
  const expiresAtMs = Math.max(...secrets.map((each) => each.expiresAtMs));
  return { key, record: { ...former, secrets, ttlSeconds, expiresAtMs } };
}

/** The prefix is what secret scanners look for: `mk_[0-9a-z]{12}_[A-Za-z0-9_-]{43}`. */
function mintSecret(id: string, expiresAtMs: number): { key: string; secret: ApiKeySecret } {
  const key = `mk_${id}_${randomToken()}`;
  return { key, secret: { hash: hash('sha256', key, 'base64url'), expiresAtMs } };
}
