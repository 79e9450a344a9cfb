import { createHash, generateKeyPairSync } from 'node:crypto';
import type { PublicJwk } from '../api/authn.ts';
import type { Clock } from '../core/clock.ts';
import { hasCode } from '../core/errors.ts';
import { randomToken } from '../core/ids.ts';
import type { Store } from '../storage/index.ts';
import { encodeRecord, tryReadRecord } from './records.ts';

/** A private signing key as a JWK. */
export interface PrivateJwk extends PublicJwk {
  readonly kid: string;
  readonly d: string;
}

interface StoredKey {
  readonly jwk: PrivateJwk;
  readonly createdAtMs: number;
  /** When it began to sign; missing while it is prepared. */
  readonly activatedAtMs?: number;
  /** When it ceased to sign; missing before. */
  readonly retiredAtMs?: number;
}

interface KeyRecord {
  /** In the order in which they sign: retired ones, the active one, the prepared one. */
  readonly signing: readonly StoredKey[];
  /** Secrets that authenticate cookies, newest first. */
  readonly cookies: readonly string[];
}

/** The keys of the provider at one moment. */
export interface ProviderKeys {
  /** The active key first, so that it is the one to sign with. */
  readonly signing: readonly PrivateJwk[];
  readonly cookies: readonly string[];
  readonly public: readonly PublicJwk[];
  /** When the active key is due to be followed by the prepared one, epoch milliseconds. */
  readonly rotateAtMs: number;
}

/** The provider's keys, kept in the store. */
export interface KeyRing {
  readonly current: ProviderKeys;
  /** The prepared key begins to sign, another is prepared, and the old one stays published while its tokens live. */
  rotate(): Promise<ProviderKeys>;
  /** Drops keys whose last token has expired, and rotates when that is due. True where anything changed. */
  maintain(): Promise<boolean>;
}

export interface KeyRingOptions {
  readonly store: Store;
  readonly clock: Clock;
  /** How long a key signs. */
  readonly signingSeconds: number;
  /** How long a retired key stays published: the longest life of a token that it signed, and some skew. */
  readonly overlapSeconds: number;
}

const storeKey = 'oidc/keys';
const keptCookieSecrets = 3;

/**
 * Opens the ring, and makes its first keys where there are none. A key is always published one rotation before it
 * signs, so that verifiers know it by then and a rotation never makes them refuse a good token.
 */
export async function openKeyRing(options: KeyRingOptions): Promise<KeyRing> {
  const { store, clock } = options;
  let { record, version } = await readOrCreate(store, clock);
  let current = describe(record, options);
  const adopt = (next: VersionedRecord): void => {
    ({ record, version } = next);
    current = describe(record, options);
  };
  const replace = async (next: KeyRecord): Promise<void> => {
    await store.write([{ put: storeKey, value: encodeRecord(next), if: version }]);
    adopt({ record: next, version: version + 1 });
  };
  /** Another replica may have rotated since. */
  const reload = async (): Promise<boolean> => {
    const stored = await readOrCreate(store, clock);
    if (stored.version === version) return false;
    adopt(stored);
    return true;
  };
  return {
    get current() {
      return current;
    },
    async rotate() {
      await reload();
      await replace(rotated(withoutExpired(record, options), clock.now()));
      return current;
    },
    async maintain() {
      const reloaded = await reload();
      const kept = withoutExpired(record, options);
      const isDue = clock.now() >= current.rotateAtMs;
      if (!isDue && kept.signing.length === record.signing.length) return reloaded;
      try {
        await replace(isDue ? rotated(kept, clock.now()) : kept);
      } catch (error) {
        // Another replica did the same in this moment.
        if (!hasCode(error, 'storage.conflict')) throw error;
        await reload();
      }
      return true;
    },
  };
}

interface VersionedRecord {
  readonly record: KeyRecord;
  readonly version: number;
}

async function readOrCreate(store: Store, clock: Clock): Promise<VersionedRecord> {
  const stored = await tryReadRecord<KeyRecord>(store, storeKey);
  if (stored !== undefined) return { record: stored.value, version: stored.version };
  const now = clock.now();
  const record = { signing: [{ ...mintKey(now), activatedAtMs: now }, mintKey(now)], cookies: [randomToken()] };
  try {
    await store.write([{ put: storeKey, value: encodeRecord(record), if: 'absent' }]);
    return { record, version: 1 };
  } catch (error) {
    // Another replica was faster; its keys are ours.
    if (hasCode(error, 'storage.conflict')) return readOrCreate(store, clock);
    throw error;
  }
}

function mintKey(nowMs: number): StoredKey {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { kty, crv, x, y, d } = privateKey.export({ format: 'jwk' });
  // The thumbprint of RFC 7638: its members in this very order.
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x, y })).digest('base64url');
  const jwk = { kty, crv, x, y, d, kid, alg: 'ES256', use: 'sig' } as PrivateJwk;
  return { jwk, createdAtMs: nowMs };
}

const isPrepared = (key: StoredKey): boolean => key.activatedAtMs === undefined;
const isActive = (key: StoredKey): boolean => key.activatedAtMs !== undefined && key.retiredAtMs === undefined;

function rotated({ signing, cookies }: KeyRecord, nowMs: number): KeyRecord {
  const moved = signing.map((key) => {
    if (isActive(key)) return { ...key, retiredAtMs: nowMs };
    return isPrepared(key) ? { ...key, activatedAtMs: nowMs } : key;
  });
  return { signing: [...moved, mintKey(nowMs)], cookies: [randomToken(), ...cookies].slice(0, keptCookieSecrets) };
}

function withoutExpired(record: KeyRecord, { clock, overlapSeconds }: KeyRingOptions): KeyRecord {
  const lives = ({ retiredAtMs }: StoredKey): boolean =>
    retiredAtMs === undefined || clock.now() < retiredAtMs + overlapSeconds * 1000;
  return { ...record, signing: record.signing.filter(lives) };
}

function describe({ signing, cookies }: KeyRecord, { signingSeconds }: KeyRingOptions): ProviderKeys {
  const ordered = [...signing.filter(isActive), ...signing.filter((key) => !isActive(key))].map(({ jwk }) => jwk);
  const activatedAtMs = signing.find(isActive)?.activatedAtMs ?? 0;
  return {
    signing: ordered,
    cookies,
    public: ordered.map(({ d: _, ...jwk }) => jwk),
    rotateAtMs: activatedAtMs + signingSeconds * 1000,
  };
}
