import { hash, randomInt } from 'node:crypto';
import type { ApiKeySnapshot } from '../api/authn.ts';
import type { EmitEvent } from '../api/record.ts';
import type { Clock } from '../core/clock.ts';
import { randomToken } from '../core/ids.ts';
import type { Store } from '../storage/index.ts';
import { oidcError } from './errors.ts';
import { decodeRecord, encodeRecord, walkEntries } from './records.ts';

/** An API key as it is listed. The secret is told once, when the key is minted, and kept as a digest. */
export interface ApiKey extends ApiKeySnapshot {
  /** What the key is for, for people. */
  readonly label: string;
  readonly createdAtMs: number;
}

/** For whom a key acts, and for how long. */
export interface ApiKeyRequest {
  readonly label: string;
  /** The client's name in decisions and policies: `ci`. */
  readonly client: string;
  readonly roles: readonly string[];
  readonly scopes: readonly string[];
  /** No key lives for ever. */
  readonly ttlSeconds: number;
}

/** Keys for machines that cannot do OAuth. To rotate one, mint the next, move over, then revoke the old. */
export interface ApiKeys {
  /** Throws `oidc.api-key`. */
  mint(request: ApiKeyRequest): Promise<{ readonly key: string; readonly record: ApiKey }>;
  /** Keys that have not expired; what the gateway must know. */
  list(): Promise<readonly ApiKey[]>;
  /** Throws `oidc.api-key` where there is no such key. */
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
const idPattern = /^[0-9a-z]{12}$/;

/** The API keys in `store`. */
export function createApiKeys({ store, clock, emit, onChange }: ApiKeysOptions): ApiKeys {
  const changed = (action: string, id: string, client: string): void => {
    emit({ actor: { kind: 'operator', id: 'operator' }, action, target: id, outcome: 'success', detail: { client } });
    onChange();
  };
  return {
    async mint(request) {
      checkRequest(request);
      const { key, record } = mintKey(request, clock.now());
      await store.write([
        { put: prefix + record.id, value: encodeRecord(record), expiresAtMs: record.expiresAtMs, if: 'absent' },
      ]);
      changed('api-key.create', record.id, request.client);
      return { key, record };
    },
    async list() {
      const keys: ApiKey[] = [];
      for await (const entry of walkEntries(store, prefix)) keys.push(decodeRecord<ApiKey>(entry));
      return keys;
    },
    async revoke(id) {
      const entry = idPattern.test(id) ? await store.get(prefix + id) : undefined;
      if (entry === undefined) throw oidcError('oidc.api-key', `there is no API key \`${id}\``);
      await store.write([{ delete: entry.key }]);
      changed('api-key.revoke', id, decodeRecord<ApiKey>(entry).principal.id);
    },
  };
}

function checkRequest({ label, client, ttlSeconds }: ApiKeyRequest): void {
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > maxTtlSeconds)
    throw oidcError('oidc.api-key', 'an API key lives from a second to a year');
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(client))
    throw oidcError('oidc.api-key', `\`${client}\` cannot be the name of a client`);
  if (label.length > 200) throw oidcError('oidc.api-key', 'a label has at most 200 characters');
}

function mintKey(
  { label, client, roles, scopes, ttlSeconds }: ApiKeyRequest,
  nowMs: number,
): { key: string; record: ApiKey } {
  const id = Array.from({ length: idLength }, () => alphabet[randomInt(alphabet.length)]).join('');
  const key = `mk_${id}_${randomToken()}`;
  const principal = { kind: 'client', id: client, roles, scopes } as const;
  const times = { createdAtMs: nowMs, expiresAtMs: nowMs + ttlSeconds * 1000 };
  return { key, record: { id, hash: hash('sha256', key, 'base64url'), principal, label, ...times } };
}
