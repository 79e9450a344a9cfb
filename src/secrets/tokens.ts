import { hash } from 'node:crypto';
import type { Principal } from '../api/record.ts';
import type { Clock } from '../core/clock.ts';
import { hasCode } from '../core/errors.ts';
import { randomToken } from '../core/ids.ts';
import type { Store, Write } from '../storage/index.ts';
import { secretsConfig } from './config.ts';
import { SecretsError } from './errors.ts';
import { decodeJson, encodeJson } from './kv-record.ts';

/** What is stored of a token. The token itself is not: only its hash, as the name of the entry. */
export interface TokenRecord {
  /** Names the token where it must not be shown: in lists, for revocation. */
  readonly accessor: string;
  readonly principal: Principal;
  readonly displayName: string;
  /** Where it was made: `auth/svid/login`. */
  readonly path: string;
  readonly policies: readonly string[];
  /** The workload whose manifest decides what it may read. */
  readonly role?: string;
  readonly createdMs: number;
  /** Undefined: never. */
  readonly expiresAtMs?: number;
  /** It cannot be renewed beyond this. */
  readonly maxExpiresAtMs?: number;
  readonly ttlSeconds: number;
  readonly renewable: boolean;
  /** How many uses are left; undefined: any number. */
  readonly usesLeft?: number;
  readonly meta?: Readonly<Record<string, string>>;
  /** Hash of the token that made it, and with which it is revoked. */
  readonly parent?: string;
}

/** A token that exists. */
export interface Token extends TokenRecord {
  /** Hash of the token. */
  readonly hash: string;
}

/** What a token shall be. */
export interface TokenRequest
  extends Pick<TokenRecord, 'principal' | 'displayName' | 'path' | 'policies' | 'role' | 'meta' | 'parent'> {
  /** 0: it does not expire, which only a token of the policy `root` may. */
  readonly ttlSeconds: number;
  readonly maxTtlSeconds?: number;
  readonly renewable: boolean;
  /** 0: any number. */
  readonly uses?: number;
}

/** A token that was made. `secret` is shown this once. */
export interface IssuedToken extends Token {
  readonly secret: string;
}

/** Client tokens. */
export interface Tokens {
  create(request: TokenRequest): Promise<IssuedToken>;
  /** The token of `secret`, one use of it taken; undefined where there is none, or none any more. */
  use(secret: string): Promise<Token | undefined>;
  findByAccessor(accessor: string): Promise<Token | undefined>;
  /** Prolongs it by `incrementSeconds` (its own life where 0) from now, up to its bound. Error: `secrets.not-renewable`. */
  renew(token: Token, incrementSeconds: number): Promise<Token>;
  /** Ends it, and every token that it made. */
  revoke(hash: string): Promise<void>;
}

const root = 'secrets/token';
const tokenKey = (hash: string): string => `${root}/by-hash/${hash}`;
const accessorKey = (accessor: string): string => `${root}/by-accessor/${accessor}`;
const childKey = (parent: string, child: string): string => `${root}/by-parent/${parent}/${child}`;
const prefix = 'mlt_';
const maxAttempts = 20;

/** The name under which a token is stored. */
export function hashToken(secret: string): string {
  return hash('sha256', secret, 'hex');
}

/** Tokens in a store behind the barrier. */
export function createTokens({ store, clock }: { readonly store: Store; readonly clock: Clock }): Tokens {
  const find = async (hash: string): Promise<(Token & { readonly entryVersion: number }) | undefined> => {
    const entry = await store.get(tokenKey(hash));
    if (entry === undefined) return undefined;
    const record = decodeJson<TokenRecord>(entry);
    // The store forgets what has expired, but who can write to it could change its expiry and not this one.
    if (record.expiresAtMs !== undefined && record.expiresAtMs <= clock.now()) return undefined;
    return { ...record, hash, entryVersion: entry.version };
  };

  const replace = async (hash: string, record: TokenRecord, entryVersion: number): Promise<boolean> => {
    try {
      await store.write([{ ...putRecord(hash, record), if: entryVersion }]);
      return true;
    } catch (error) {
      if (hasCode(error, 'storage.conflict')) return false;
      throw error;
    }
  };

  const revoke = async (hash: string): Promise<void> => {
    const pending = [hash];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const record = await find(next);
      // The token first: from here on it opens nothing, whatever becomes of the rest.
      await store.write([
        { delete: tokenKey(next) },
        ...(record === undefined ? [] : [{ delete: accessorKey(record.accessor) }]),
        ...(record?.parent === undefined ? [] : [{ delete: childKey(record.parent, next) }]),
      ]);
      const children = await store.list(`${root}/by-parent/${next}/`, { limit: 10_000 });
      pending.push(...children.map(({ key }) => key.slice(key.lastIndexOf('/') + 1)));
      if (children.length > 0) await store.write(children.map(({ key }): Write => ({ delete: key })));
    }
  };

  return {
    async create(request) {
      const secret = prefix + randomToken();
      const hash = hashToken(secret);
      const record = toRecord(request, clock.now());
      const pointer = { value: Buffer.from(hash), ...expiryOf(record) };
      await store.write([
        { ...putRecord(hash, record), if: 'absent' },
        { put: accessorKey(record.accessor), ...pointer },
        ...(record.parent === undefined ? [] : [{ put: childKey(record.parent, hash), ...pointer }]),
      ]);
      return { ...record, hash, secret };
    },
    async use(secret) {
      const hash = hashToken(secret);
      for (let attempt = 0; attempt < maxAttempts; attempt++) {
        const found = await find(hash);
        if (found?.usesLeft === undefined) return found;
        const { entryVersion, ...token } = found;
        // The last use ends it: the next one must not find it, even while this one runs.
        if (found.usesLeft > 1) {
          const { hash: _, ...record } = token;
          if (await replace(hash, { ...record, usesLeft: found.usesLeft - 1 }, entryVersion)) {
            return { ...token, usesLeft: found.usesLeft - 1 };
          }
        } else if (await tryDelete(store, hash, entryVersion)) {
          return { ...token, usesLeft: 0 };
        }
      }
      return undefined;
    },
    async findByAccessor(accessor) {
      if (!/^[A-Za-z0-9_-]{1,64}$/.test(accessor)) return undefined;
      const entry = await store.get(accessorKey(accessor));
      return entry && find(Buffer.from(entry.value).toString());
    },
    async renew(token, incrementSeconds) {
      const found = await find(token.hash);
      if (found === undefined || !found.renewable || found.expiresAtMs === undefined) {
        throw new SecretsError('secrets.not-renewable', 'the token cannot be renewed');
      }
      const { hash, entryVersion, ...record } = found;
      const wanted = clock.now() + (incrementSeconds || found.ttlSeconds) * 1000;
      const renewed = { ...record, expiresAtMs: Math.min(wanted, found.maxExpiresAtMs ?? wanted) };
      const pointer = { value: Buffer.from(hash), expiresAtMs: renewed.expiresAtMs };
      await store.write([
        { ...putRecord(hash, renewed), if: entryVersion },
        { put: accessorKey(record.accessor), ...pointer },
        ...(record.parent === undefined ? [] : [{ put: childKey(record.parent, hash), ...pointer }]),
      ]);
      return { ...renewed, hash };
    },
    revoke,
  };
}

function toRecord(request: TokenRequest, nowMs: number): TokenRecord {
  const { ttlSeconds, maxTtlSeconds = secretsConfig.maxTtlSeconds, renewable, uses = 0, ...named } = request;
  const bounded = Math.min(ttlSeconds, maxTtlSeconds);
  const expiry =
    ttlSeconds === 0 ? {} : { expiresAtMs: nowMs + bounded * 1000, maxExpiresAtMs: nowMs + maxTtlSeconds * 1000 };
  return {
    ...named,
    ...expiry,
    accessor: randomToken(18),
    createdMs: nowMs,
    ttlSeconds: ttlSeconds === 0 ? 0 : bounded,
    renewable: renewable && ttlSeconds > 0,
    ...(uses > 0 && { usesLeft: uses }),
  };
}

function expiryOf({ expiresAtMs }: TokenRecord): { readonly expiresAtMs?: number } {
  return expiresAtMs === undefined ? {} : { expiresAtMs };
}

function putRecord(hash: string, record: TokenRecord) {
  return { put: tokenKey(hash), value: encodeJson(record), ...expiryOf(record) };
}

async function tryDelete(store: Store, hash: string, entryVersion: number): Promise<boolean> {
  try {
    await store.write([{ delete: tokenKey(hash), if: entryVersion }]);
    return true;
  } catch (error) {
    if (hasCode(error, 'storage.conflict')) return false;
    throw error;
  }
}
