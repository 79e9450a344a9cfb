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
export function createTokens(parts: { readonly store: Store; readonly clock: Clock }): Tokens {
  return new StoredTokens(parts.store, parts.clock);
}

interface Found {
  readonly record: TokenRecord;
  readonly entryVersion: number;
}

class StoredTokens implements Tokens {
  readonly #store: Store;
  readonly #clock: Clock;

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async create(request: TokenRequest): Promise<IssuedToken> {
    const secret = prefix + randomToken();
    const hash = hashToken(secret);
    const record = toRecord(request, this.#clock.now());
    await this.#store.write([{ ...putRecord(hash, record), if: 'absent' }, ...putPointers(hash, record)]);
    return { ...record, hash, secret };
  }

  async use(secret: string): Promise<Token | undefined> {
    const hash = hashToken(secret);
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const found = await this.#find(hash);
      if (found === undefined) return undefined;
      const { record, entryVersion } = found;
      if (record.usesLeft === undefined) return { ...record, hash };
      const used = { ...record, usesLeft: record.usesLeft - 1 };
      // The last use ends it: the next one must not find it, even while this one runs.
      const write = used.usesLeft > 0 ? putRecord(hash, used) : { delete: tokenKey(hash) };
      if (await this.#tryWrite({ ...write, if: entryVersion })) return { ...used, hash };
    }
    return undefined;
  }

  async findByAccessor(accessor: string): Promise<Token | undefined> {
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(accessor)) return undefined;
    const entry = await this.#store.get(accessorKey(accessor));
    const hash = entry && Buffer.from(entry.value).toString();
    const found = hash === undefined ? undefined : await this.#find(hash);
    return found && { ...found.record, hash: hash as string };
  }

  async renew({ hash }: Token, incrementSeconds: number): Promise<Token> {
    const found = await this.#find(hash);
    if (found === undefined || !found.record.renewable || found.record.expiresAtMs === undefined) {
      throw new SecretsError('secrets.not-renewable', 'the token cannot be renewed');
    }
    const { record, entryVersion } = found;
    const wanted = this.#clock.now() + (incrementSeconds || record.ttlSeconds) * 1000;
    const renewed = { ...record, expiresAtMs: Math.min(wanted, record.maxExpiresAtMs ?? wanted) };
    await this.#store.write([{ ...putRecord(hash, renewed), if: entryVersion }, ...putPointers(hash, renewed)]);
    return { ...renewed, hash };
  }

  async revoke(hash: string): Promise<void> {
    const pending = [hash];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      const entry = await this.#store.get(tokenKey(next));
      const pointers = entry === undefined ? [] : pointerKeys(next, decodeJson<TokenRecord>(entry));
      // The token first: from here on it opens nothing, whatever becomes of the rest.
      await this.#store.write([tokenKey(next), ...pointers].map((key) => ({ delete: key })));
      for await (const child of this.#takeChildren(next)) pending.push(child);
    }
  }

  // Hashes of the tokens that a token made; they are its children no more.
  async *#takeChildren(parent: string): AsyncGenerator<string> {
    for (;;) {
      const children = await this.#store.list(`${root}/by-parent/${parent}/`);
      if (children.length === 0) return;
      yield* children.map(({ key }) => key.slice(key.lastIndexOf('/') + 1));
      await this.#store.write(children.map(({ key }) => ({ delete: key })));
    }
  }

  async #find(hash: string): Promise<Found | undefined> {
    const entry = await this.#store.get(tokenKey(hash));
    if (entry === undefined) return undefined;
    const record = decodeJson<TokenRecord>(entry);
    // The store forgets what has expired, but who can write to it could change its expiry and not this one.
    const expired = record.expiresAtMs !== undefined && record.expiresAtMs <= this.#clock.now();
    // Nor may a token outlive its maker that was being made while its maker was revoked.
    const orphaned = !expired && record.parent !== undefined && (await this.#find(record.parent)) === undefined;
    return expired || orphaned ? undefined : { record, entryVersion: entry.version };
  }

  async #tryWrite(write: Write): Promise<boolean> {
    try {
      await this.#store.write([write]);
      return true;
    } catch (error) {
      if (hasCode(error, 'storage.conflict')) return false;
      throw error;
    }
  }
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

// What leads to a token by another name than its hash.
function pointerKeys(hash: string, { accessor, parent }: TokenRecord): string[] {
  return [accessorKey(accessor), ...(parent === undefined ? [] : [childKey(parent, hash)])];
}

function putPointers(hash: string, record: TokenRecord): Write[] {
  const pointer = { value: Buffer.from(hash), ...expiryOf(record) };
  return pointerKeys(hash, record).map((key) => ({ put: key, ...pointer }));
}
