import { hash } from 'node:crypto';
import type { Authenticated } from '../api/authn.ts';
import type { Weaknesses } from '../api/protections.ts';
import type { Denial, Principal } from '../api/record.ts';
import type { Clock } from '../core/clock.ts';
import { readDateMs, readFirstText, readNames, readTexts } from './claims.ts';
import type { AuthnSettings } from './config.ts';
import { type AuthnCode, type DenialFacts, deny, show } from './errors.ts';
import type { IssuerKey, TrustedIssuer, TrustedIssuers } from './issuers.ts';
import { member } from './json.ts';
import { type CompactJws, tryParseCompactJws } from './jws.ts';
import { type IsRevoked, revocationKey } from './revocations.ts';
import type { TokenCache, VerifiedToken } from './token-cache.ts';

/** What verifying a token rests on. */
export interface BearerContext {
  readonly settings: AuthnSettings;
  readonly issuers: TrustedIssuers;
  readonly isRevoked: IsRevoked;
  readonly cache: TokenCache;
  readonly clock: Clock;
  readonly weaknesses: Weaknesses;
}

type Refusal = { readonly refused: AuthnCode; readonly facts: DenialFacts };

const refuse = (refused: AuthnCode, facts: DenialFacts = {}): Refusal => ({ refused, facts });

/** Judges bearer tokens (RFC 6750) that are JWTs. Synchronous; a token seen before costs one digest. */
export function createBearerVerifier(context: BearerContext): (token: string) => Authenticated | Denial {
  const { settings, issuers, cache, weaknesses } = context;
  const reject = ({ refused, facts }: Refusal): Denial => deny(settings.realm, refused, facts);
  return (token) => {
    if (token.length > settings.maxTokenBytes) {
      return reject(
        refuse('authn.token-size', {
          expected: `at most ${settings.maxTokenBytes} bytes`,
          actual: `${token.length} bytes`,
        }),
      );
    }
    const digest = hash('sha256', token, 'base64');
    const known = cache.get(digest);
    if (known !== undefined && issuers.fingerprints.has(known.fingerprint)) {
      const refusal = checkNow(known, context);
      return refusal === undefined ? known.authenticated : reject(refusal);
    }
    const verified = verifyToken(token, context);
    if ('refused' in verified) return reject(verified);
    if (weaknesses.size === 0) cache.set(digest, verified);
    const refusal = checkNow(verified, context);
    return refusal === undefined ? verified.authenticated : reject(refusal);
  };
}

/** What no time changes: form, issuer, algorithm, key, signature, kind of token, audience, claims. In that order. */
function verifyToken(token: string, context: BearerContext): VerifiedToken | Refusal {
  const { weaknesses } = context;
  const jws = tryParseCompactJws(token);
  if (jws === undefined) return refuse('authn.token-malformed');
  if (jws.critical) return refuse('authn.critical', { claim: 'crit' });
  const issuer = findIssuer(jws, context);
  if ('refused' in issuer) return issuer;
  const key = findKey(jws, issuer, context);
  if ('refused' in key) return key;
  return (
    checkSignature(jws, key, weaknesses) ??
    checkType(jws, issuer, weaknesses) ??
    checkAudience(jws, issuer, weaknesses) ??
    checkClaims(jws, issuer) ??
    describe(jws, issuer, key)
  );
}

function findIssuer({ claims, keyId }: CompactJws, { issuers, weaknesses }: BearerContext): TrustedIssuer | Refusal {
  const name = member(claims, 'iss');
  const issuer = typeof name === 'string' ? issuers.byName.get(name) : undefined;
  if (issuer !== undefined) return issuer;
  const anyWithKey =
    weaknesses.has('authn.issuer') && [...issuers.byName.values()].find(({ keys }) => keys.has(keyId ?? ''));
  if (anyWithKey) return anyWithKey;
  return refuse('authn.issuer', {
    claim: 'iss',
    expected: [...issuers.byName.keys()].join(' or '),
    actual: show(name),
    fixes: ['get the token from a trusted issuer', 'add the issuer to `issuers` in the manifest'],
  });
}

function findKey(
  { algorithm, keyId }: CompactJws,
  issuer: TrustedIssuer,
  { weaknesses }: BearerContext,
): IssuerKey | Refusal {
  const unsecured = algorithm === 'none' && weaknesses.has('authn.algorithm');
  if (!unsecured && !(issuer.row.algorithms as readonly string[]).includes(algorithm)) {
    return refuse('authn.algorithm', {
      claim: 'alg',
      expected: issuer.row.algorithms.join(' or '),
      actual: show(algorithm),
    });
  }
  const key = unsecured ? issuer.keys.values().next().value : issuer.keys.get(keyId ?? '');
  if (key === undefined) {
    return refuse('authn.key-unknown', {
      claim: 'kid',
      expected: `a key of \`${issuer.name}\``,
      actual: show(keyId),
      fixes: ['get a new token', 'if the issuer rotated its keys just now, wait until they have been fetched'],
    });
  }
  if (!unsecured && !key.verifiers.has(algorithm)) {
    const expected = [...key.verifiers.keys()].join(' or ');
    return refuse('authn.algorithm', {
      claim: 'alg',
      expected: `${expected}, as key \`${key.kid}\` demands`,
      actual: algorithm,
    });
  }
  return key;
}

function checkSignature(
  { algorithm, input, signature }: CompactJws,
  key: IssuerKey,
  weaknesses: Weaknesses,
): Refusal | undefined {
  const unsecured = algorithm === 'none' && weaknesses.has('authn.algorithm');
  if (unsecured || weaknesses.has('authn.signature') || key.verifiers.get(algorithm)?.(input, signature))
    return undefined;
  return refuse('authn.signature', { detail: `it does not verify under key \`${key.kid}\` with ${algorithm}` });
}

function checkType({ type, claims }: CompactJws, { row }: TrustedIssuer, weaknesses: Weaknesses): Refusal | undefined {
  if (weaknesses.has('authn.type')) return undefined;
  const fixes = ['send the access token, not the ID token or refresh token'];
  if (!row.types.includes(type)) {
    return refuse('authn.type', {
      claim: 'typ',
      expected: row.types.map((name) => name || 'none').join(' or '),
      actual: show(type || 'none'),
      fixes,
    });
  }
  const foreign = row.forbidden.find((name) => member(claims, name) !== undefined);
  if (foreign !== undefined)
    return refuse('authn.type', { claim: foreign, expected: 'no such claim', actual: 'present', fixes });
  const differing = Object.entries(row.required).find(([name, value]) => member(claims, name) !== value);
  if (differing === undefined) return undefined;
  const [claim, expected] = differing;
  return refuse('authn.type', { claim, expected, actual: show(member(claims, claim)), fixes });
}

function checkAudience(
  { claims }: CompactJws,
  { row, audience }: TrustedIssuer,
  weaknesses: Weaknesses,
): Refusal | undefined {
  const named = row.audience.flatMap((path) => readTexts(claims, path));
  if (weaknesses.has('authn.audience') || named.some((name) => audience.has(name))) return undefined;
  return refuse('authn.audience', {
    claim: row.audience.join(' or '),
    expected: [...audience].join(' or '),
    actual: show(named.join(' ') || 'none'),
    fixes: [
      'request the token for this audience',
      "add the token's audience to the issuer in the manifest, if it is yours",
    ],
  });
}

/** `sub` names the caller; a token that is bound to a key (`cnf`, RFC 7800) is worth nothing without the proof. */
function checkClaims({ claims }: CompactJws, { name }: TrustedIssuer): Refusal | undefined {
  const subject = member(claims, 'sub');
  if (typeof subject !== 'string' || subject === '' || subject.length > 255) {
    return refuse('authn.claim', {
      claim: 'sub',
      expected: 'a text of 1 to 255 characters',
      actual: show(subject),
      rule: name,
    });
  }
  for (const claim of ['exp', 'nbf', 'iat']) {
    if (Number.isNaN(readDateMs(claims, claim))) {
      return refuse('authn.claim', { claim, expected: 'seconds since 1970', actual: show(member(claims, claim)) });
    }
  }
  if (member(claims, 'exp') === undefined)
    return refuse('authn.claim', { claim: 'exp', expected: 'an end', actual: 'none' });
  if (member(claims, 'cnf') === undefined) return undefined;
  return refuse('authn.binding', { claim: 'cnf', expected: 'an unbound token', actual: show(member(claims, 'cnf')) });
}

function describe({ claims }: CompactJws, issuer: TrustedIssuer, key: IssuerKey): VerifiedToken {
  const subject = member(claims, 'sub') as string;
  const tokenId = member(claims, 'jti');
  const issuedAtMs = readDateMs(claims, 'iat');
  const expiresAtMs = readDateMs(claims, 'exp') as number;
  return {
    fingerprint: key.fingerprint,
    authenticated: {
      principal: readPrincipal(claims, subject, issuer),
      credential: 'jwt',
      // Without a prototype, so that whoever reads a claim by a name from outside finds the token's own alone.
      claims: Object.freeze(Object.assign(Object.create(null), claims)),
      expiresAtMs,
    },
    notBeforeMs: Math.max(readDateMs(claims, 'nbf') ?? 0, issuedAtMs ?? 0),
    expiresAtMs,
    issuedAtMs,
    issuer: issuer.name,
    subjectKey: revocationKey(issuer.name, subject),
    tokenKey: typeof tokenId === 'string' ? revocationKey(issuer.name, tokenId) : undefined,
  };
}

function readPrincipal(claims: CompactJws['claims'], subject: string, { name, row }: TrustedIssuer): Principal {
  const client = readFirstText(claims, row.client);
  const actsForItself = client !== undefined && subject === `${client}${row.clientSubjectSuffix}`;
  return {
    kind: actsForItself ? 'client' : 'user',
    id: subject,
    issuer: name,
    ...(client !== undefined && { client }),
    roles: readNames(claims, row.roles),
    scopes: readNames(claims, row.scopes),
  };
}

/** What time does change, asked at each request: the token's life, and whether it was revoked. */
function checkNow(
  token: VerifiedToken,
  { clock, settings, isRevoked, weaknesses }: BearerContext,
): Refusal | undefined {
  if (!weaknesses.has('authn.expiry')) {
    const now = clock.now();
    if (now >= token.expiresAtMs + settings.skewMs) {
      return refuse('authn.token-expired', {
        claim: 'exp',
        ...spanFacts(now, token.expiresAtMs),
        fixes: ['refresh the token, or log in again'],
      });
    }
    if (now < token.notBeforeMs - settings.skewMs) {
      return refuse('authn.token-early', {
        claim: 'nbf or iat',
        ...spanFacts(now, token.notBeforeMs),
        fixes: ["compare this machine's clock with the issuer's"],
      });
    }
  }
  if (isRevoked(token)) return refuse('authn.token-revoked', { claim: 'jti or iat', fixes: ['log in again'] });
  return undefined;
}

function spanFacts(nowMs: number, boundMs: number): DenialFacts {
  return { expected: new Date(boundMs).toISOString(), actual: new Date(nowMs).toISOString() };
}
