import type { Authenticated, AuthnSnapshot } from '../api/authn.ts';
import type { Denial } from '../api/record.ts';
import { createApiKeyVerifier, looksLikeApiKey } from './api-keys.ts';
import { createBearerVerifier } from './bearer.ts';
import { authnDefaults, readSettings } from './config.ts';
import { deny } from './errors.ts';
import { compileIssuers } from './issuers.ts';
import type { AuthnPorts, Demand, HeaderFields } from './ports.ts';
import { compileRevocations } from './revocations.ts';
import { createTokenCache, type TokenCache } from './token-cache.ts';

/** The judge of a gateway's callers, compiled from one snapshot. */
export interface Authn {
  /** Who calls, or why not. Looks at `Authorization` and `X-API-Key` alone: a credential in a query is never one. */
  authenticate(headers: HeaderFields, demand: Demand): Authenticated | Denial;
  /** Keys of trusted issuers that cannot serve, each as a sentence for the log. */
  readonly warnings: readonly string[];
}

/** What compiling needs; `cache` carries verified tokens from one snapshot to the next, which still-valid ones survive. */
export interface CompileAuthnOptions extends AuthnPorts {
  readonly cache?: TokenCache;
}

/** Nobody in particular. */
export const anonymous: Authenticated = Object.freeze({
  principal: Object.freeze({ kind: 'anonymous', id: 'anonymous' }),
  credential: 'none',
  claims: Object.freeze(Object.create(null)),
  expiresAtMs: Number.POSITIVE_INFINITY,
});

/** Whether a caller was refused. */
export function isDenial(result: Authenticated | Denial): result is Denial {
  return 'reason' in result;
}

/** Compiles the snapshot's section on credentials. Throws `authn.config`. */
export function compileAuthn(config: AuthnSnapshot, options: CompileAuthnOptions): Authn {
  const { clock, weaknesses, cache = createTokenCache(authnDefaults.cachedTokens) } = options;
  const settings = readSettings(config);
  const issuers = compileIssuers(config);
  const isRevoked = compileRevocations(config);
  const verifyBearer = createBearerVerifier({ settings, issuers, isRevoked, cache, clock, weaknesses });
  const verifyApiKey = createApiKeyVerifier(config.apiKeys, settings.realm, clock);
  const judge = createJudge(settings.realm, verifyBearer, verifyApiKey);
  const lenient: typeof judge = (headers, demand) => {
    const result = judge(headers, demand);
    return isDenial(result) ? anonymous : result;
  };
  return { authenticate: weaknesses.has('authn') ? lenient : judge, warnings: issuers.warnings };
}

type Verifier = (credential: string) => Authenticated | Denial;

function createJudge(realm: string, verifyBearer: Verifier, verifyApiKey: Verifier): Authn['authenticate'] {
  const missing = deny(realm, 'authn.token-missing', {
    claim: 'authorization',
    expected: 'Bearer',
    actual: 'none',
    fixes: [
      'send an access token in `Authorization`, with the scheme `Bearer`',
      'set `auth: optional` or `auth: public` on the route',
    ],
  });
  return (headers, demand) => {
    const count = headers.count('authorization') + headers.count('x-api-key');
    if (count === 0) return demand === 'required' ? missing : anonymous;
    if (count > 1)
      return deny(realm, 'authn.ambiguous', { expected: 'one credential', actual: `${count} credentials` });
    const authorization = headers.get('authorization');
    if (authorization === undefined) return verifyApiKey(headers.get('x-api-key') ?? '');
    const credential = tryReadBearer(authorization);
    if (credential === undefined) return deny(realm, 'authn.scheme', { claim: 'authorization', expected: 'Bearer' });
    return looksLikeApiKey(credential) ? verifyApiKey(credential) : verifyBearer(credential);
  };
}

const bearerPrefixLength = 'bearer '.length;

/** The credential of an `Authorization` value with the scheme `Bearer` (RFC 6750, section 2.1); schemes ignore case. */
function tryReadBearer(value: string): string | undefined {
  return value.slice(0, bearerPrefixLength).toLowerCase() === 'bearer '
    ? value.slice(bearerPrefixLength).trim()
    : undefined;
}
