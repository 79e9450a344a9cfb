import type { Authenticated, AuthnSnapshot } from '../api/authn.ts';
import type { Denial } from '../api/record.ts';
import { createApiKeyVerifier, holdsApiKey, looksLikeApiKey } from './api-keys.ts';
import { createBearerVerifier } from './bearer.ts';
import { authnDefaults, readSettings } from './config.ts';
import { deny } from './errors.ts';
import { compileIssuers } from './issuers.ts';
import type { AuthnPorts, Demand, HeaderFields } from './ports.ts';
import { compileRevocations } from './revocations.ts';
import { createTokenCache, type TokenCache } from './token-cache.ts';

/** The judge of a gateway's callers, compiled from one snapshot. */
export interface Authn {
  /**
   * Who calls, or why not. Looks at `Authorization` and the header for API keys alone: a credential in a query is never
   * one, and an API key there is refused, so that whoever put it there learns of it.
   */
  authenticate(headers: HeaderFields, demand: Demand, query?: string): Authenticated | Denial;
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
  const verifyApiKey = createApiKeyVerifier(config.apiKeys, settings.realm, { clock, weaknesses });
  const judge = createJudge(config, settings.realm, { verifyBearer, verifyApiKey });
  const lenient: typeof judge = (headers, demand, query) => {
    const result = judge(headers, demand, query);
    return isDenial(result) ? anonymous : result;
  };
  return { authenticate: weaknesses.has('authn') ? lenient : judge, warnings: issuers.warnings };
}

type Verifier = (credential: string) => Authenticated | Denial;

/** Where API keys are presented unless the manifest says otherwise. */
export const defaultApiKeyHeader = { name: 'x-api-key', bearer: true } as const;

interface Verifiers {
  readonly verifyBearer: Verifier;
  readonly verifyApiKey: Verifier;
}

function createJudge(
  { apiKeyHeader = defaultApiKeyHeader }: AuthnSnapshot,
  realm: string,
  { verifyBearer, verifyApiKey }: Verifiers,
): Authn['authenticate'] {
  const { name: keyHeader, bearer } = apiKeyHeader;
  const missing = denyMissing(realm, apiKeyHeader);
  const verify = (headers: HeaderFields): Authenticated | Denial => {
    const authorization = headers.get('authorization');
    if (authorization === undefined) return verifyApiKey(headers.get(keyHeader) ?? '');
    const credential = tryReadBearer(authorization);
    if (credential === undefined) return deny(realm, 'authn.scheme', { claim: 'authorization', expected: 'Bearer' });
    if (!looksLikeApiKey(credential)) return verifyBearer(credential);
    return bearer ? verifyApiKey(credential) : denyKind(realm, 'an API key as a bearer token', `\`${keyHeader}\``);
  };
  return (headers, demand, query) => {
    if (query !== undefined && holdsApiKey(query)) return denyInQuery(realm, keyHeader);
    const count = headers.count('authorization') + (keyHeader === 'authorization' ? 0 : headers.count(keyHeader));
    if (count === 0) return demand === 'optional' ? anonymous : missing[demand];
    if (count > 1)
      return deny(realm, 'authn.ambiguous', { expected: 'one credential', actual: `${count} credentials` });
    const result = verify(headers);
    if (isDenial(result) || demand === 'required' || demand === 'optional') return result;
    const wanted = demand === 'apiKey' ? 'api-key' : 'jwt';
    return result.credential === wanted ? result : denyKind(realm, kindNames[result.credential], kindNames[wanted]);
  };
}

const kindNames = { jwt: 'an access token', 'api-key': 'an API key', none: 'none' } as const;

function denyKind(realm: string, actual: string, expected: string): Denial {
  return deny(realm, 'authn.credential-kind', { claim: 'authorization', expected, actual });
}

function denyInQuery(realm: string, keyHeader: string): Denial {
  return deny(realm, 'authn.api-key-in-query', {
    claim: 'query',
    expected: `the key in \`${keyHeader}\``,
    fixes: [`send the key in \`${keyHeader}\``, 'revoke this key: what stands in a query stands in histories and logs'],
  });
}

/** What a route says to callers without a credential. */
function denyMissing(
  realm: string,
  { name, bearer }: NonNullable<AuthnSnapshot['apiKeyHeader']>,
): Readonly<Record<Exclude<Demand, 'optional'>, Denial>> {
  const token = deny(realm, 'authn.token-missing', {
    claim: 'authorization',
    expected: 'Bearer',
    actual: 'none',
    fixes: [
      'send an access token in `Authorization`, with the scheme `Bearer`',
      'set `auth: optional` or `auth: public` on the route',
    ],
  });
  const apiKey = deny(realm, 'authn.api-key-missing', {
    claim: name,
    expected: 'an API key',
    actual: 'none',
    fixes: [`send an API key in \`${name}\`${bearer ? ', or in `Authorization` with the scheme `Bearer`' : ''}`],
  });
  return { required: token, token, apiKey };
}

const bearerPrefixLength = 'bearer '.length;

/** The credential of an `Authorization` value with the scheme `Bearer` (RFC 6750, section 2.1); schemes ignore case. */
function tryReadBearer(value: string): string | undefined {
  return value.slice(0, bearerPrefixLength).toLowerCase() === 'bearer '
    ? value.slice(bearerPrefixLength).trim()
    : undefined;
}
