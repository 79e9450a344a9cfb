import { hash } from 'node:crypto';
import type { ApiKeySnapshot, Authenticated } from '../api/authn.ts';
import type { Weaknesses } from '../api/protections.ts';
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

/** Whether a query holds an API key. It stands in histories and logs now, whatever the answer is. */
export function holdsApiKey(query: string): boolean {
  return query.includes('mk_') && /(?:^|[=&])mk_[0-9a-z]{12}_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])/.test(query);
}

interface KnownSecret {
  readonly hash: Buffer;
  readonly authenticated: Authenticated;
}

/** Compiles the snapshot's API keys into their judge. Throws `authn.config` where a hash is none. */
export function createApiKeyVerifier(
  keys: readonly ApiKeySnapshot[],
  realm: string,
  { clock, weaknesses }: { readonly clock: Clock; readonly weaknesses: Weaknesses },
): (key: string) => Authenticated | Denial {
  const known = new Map(keys.map((key) => [key.id, compileKey(key)]));
  const anySecret = weaknesses.has('authn.api-key');
  return (presented) => {
    const id = apiKeyPattern.exec(presented)?.[1];
    const secrets = id === undefined ? undefined : known.get(id);
    if (secrets === undefined)
      return deny(realm, 'authn.api-key', { actual: id === undefined ? 'not shaped like a key' : `no key \`${id}\`` });
    const secret = anySecret ? secrets[0] : findSecret(secrets, hash('sha256', presented, 'buffer'));
    if (secret === undefined) return deny(realm, 'authn.api-key', { rule: `key ${id}`, actual: 'another secret' });
    const { authenticated } = secret;
    if (clock.now() >= authenticated.expiresAtMs && !weaknesses.has('authn.expiry')) {
      return deny(realm, 'authn.api-key-expired', {
        rule: `key ${id}`,
        expected: `use before ${new Date(authenticated.expiresAtMs).toISOString()}`,
        fixes: [`\`merlon api-keys rotate ${id}\` gives the key another secret`],
      });
    }
    return authenticated;
  };
}

/** All are compared, so that the time tells nothing. */
function findSecret(secrets: readonly KnownSecret[], digest: Buffer): KnownSecret | undefined {
  let found: KnownSecret | undefined;
  for (const secret of secrets) if (equalConstantTime(digest, secret.hash)) found ??= secret;
  return found;
}

function compileKey({ id, secrets, principal }: ApiKeySnapshot): readonly KnownSecret[] {
  return secrets.map(({ hash: encoded, expiresAtMs }) => {
    const bytes = tryDecodeBase64Url(encoded);
    if (bytes?.length !== 32)
      throw new MerlonError({ code: 'authn.config', message: `a hash of the API key \`${id}\` is not a SHA-256` });
    const claims = Object.freeze(Object.create(null) as Record<string, unknown>);
    return { hash: bytes, authenticated: { principal, credential: 'api-key', credentialId: id, claims, expiresAtMs } };
  });
}
