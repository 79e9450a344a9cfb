import { hash } from 'node:crypto';
import type { ApiKeySnapshot, Authenticated } from '../api/authn.ts';
import type { Denial } from '../api/record.ts';
import { equalConstantTime, tryDecodeBase64Url } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import { MerlonError } from '../core/errors.ts';
import { deny } from './errors.ts';

/** What an API key looks like: `mk_`, twelve letters and digits that name it, and 43 characters of secret. */
const apiKeyPattern = /^mk_([0-9a-z]{12})_[A-Za-z0-9_-]{43}$/;

/** Whether `credential` means to be an API key, well-formed or not. */
export function looksLikeApiKey(credential: string): boolean {
  return credential.startsWith('mk_');
}

interface KnownKey {
  readonly hash: Buffer;
  readonly authenticated: Authenticated;
}

/** Compiles the snapshot's API keys into their judge. Throws `authn.config` where a hash is none. */
export function createApiKeyVerifier(
  keys: readonly ApiKeySnapshot[],
  realm: string,
  clock: Clock,
): (key: string) => Authenticated | Denial {
  const known = new Map(keys.map((key) => [key.id, compileKey(key)]));
  return (presented) => {
    const id = apiKeyPattern.exec(presented)?.[1];
    const key = id === undefined ? undefined : known.get(id);
    if (key === undefined)
      return deny(realm, 'authn.api-key', { actual: id === undefined ? 'not shaped like a key' : `no key \`${id}\`` });
    if (!equalConstantTime(hash('sha256', presented, 'buffer'), key.hash))
      return deny(realm, 'authn.api-key', { rule: `key ${id}`, actual: 'another secret' });
    if (clock.now() >= key.authenticated.expiresAtMs) {
      return deny(realm, 'authn.api-key-expired', {
        rule: `key ${id}`,
        expected: `use before ${new Date(key.authenticated.expiresAtMs).toISOString()}`,
        fixes: ['create a new key'],
      });
    }
    return key.authenticated;
  };
}

function compileKey({ id, hash: encoded, principal, expiresAtMs }: ApiKeySnapshot): KnownKey {
  const bytes = tryDecodeBase64Url(encoded);
  if (bytes?.length !== 32)
    throw new MerlonError({ code: 'authn.config', message: `the hash of the API key \`${id}\` is not a SHA-256` });
  return {
    hash: bytes,
    authenticated: { principal, credential: 'api-key', claims: Object.freeze(Object.create(null)), expiresAtMs },
  };
}
