import { SignJWT } from 'jose';
import type { Principal } from '../api/record.ts';
import { formatCertificatesPem, importPrivateKey } from '../crypto/index.ts';
import { type AuthorityState, activeOf } from './authority-state.ts';
import { backdateMs, type Lifetimes } from './config.ts';
import { IdentityError } from './errors.ts';
import { mintLeaf, readSigner, tokenId, wholeSeconds } from './mint.ts';
import { checkKeyProof, type KeyProof } from './proof.ts';
import { parseSpiffeId } from './spiffe-id.ts';

/** What a requester asks for. Whether it may have this identity is for the caller to decide before. */
export interface X509SvidRequest {
  readonly spiffeId: string;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly proof: KeyProof;
  /** 60 to 86,400; 3,600 unless told. The SVID never outlives its authority. */
  readonly ttlSeconds?: number;
  /** A moment in the past: the SVID has expired already, as an attacker's would have. The audit event says so. */
  readonly notAfterMs?: number;
  /** Who asks. Default: the control role itself. */
  readonly actor?: Principal;
}

/** An X.509-SVID without its key, which the requester holds. */
export interface X509Svid {
  readonly spiffeId: string;
  /** Leaf and intermediate, PEM, as TLS presents them. */
  readonly chain: string;
  readonly chainDer: readonly Uint8Array[];
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

export interface JwtSvidRequest {
  readonly spiffeId: string;
  /** Whom it is for; at least one. */
  readonly audience: readonly string[];
  /** 1 to 3,600; 300 unless told. */
  readonly ttlSeconds?: number;
  readonly actor?: Principal;
}

export interface JwtSvid {
  readonly spiffeId: string;
  readonly token: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

/** What issuing depends on. */
export interface IssuanceContext {
  readonly trustDomain: string;
  readonly lifetimes: Lifetimes;
  readonly nowMs: number;
}

const maxAudiences = 16;
const maxAudienceChars = 1024;

/**
 * Issues an X.509-SVID (X509-SVID, sections 2 to 4). Throws `identity.invalid-spiffe-id`, `identity.foreign-trust-domain`,
 * `identity.key-refused`, `identity.proof-refused`, `identity.invalid-lifetime`.
 */
export function issueX509Svid(state: AuthorityState, request: X509SvidRequest, context: IssuanceContext): X509Svid {
  const { spiffeId } = request;
  checkWorkloadId(spiffeId, context.trustDomain);
  const publicKey = checkKeyProof(request);
  const { issuer, certificate } = readSigner(activeOf(state.x509).intermediate);
  const { notBeforeMs, notAfterMs } = lifeOf(request, certificate.notAfterMs, context);
  const chainDer = [mintLeaf(issuer, { spiffeId, publicKey, notBeforeMs, notAfterMs }), certificate.der];
  return { spiffeId, chain: formatCertificatesPem(chainDer), chainDer, notBeforeMs, notAfterMs };
}

function checkWorkloadId(spiffeId: string, trustDomain: string): void {
  const id = parseSpiffeId(spiffeId);
  if (id.trustDomain !== trustDomain)
    throw new IdentityError(
      'identity.foreign-trust-domain',
      `\`${id.trustDomain}\` is not the trust domain of this authority`,
    );
  if (id.path === '')
    throw new IdentityError('identity.invalid-spiffe-id', 'a workload’s SPIFFE ID has a path', {
      hint: 'the bare trust domain names its authority',
    });
}

function lifeOf(request: X509SvidRequest, authorityEndMs: number, { lifetimes, nowMs }: IssuanceContext) {
  const lifeMs = lifetimeOf(request.ttlSeconds, {
    fallbackMs: lifetimes.defaultX509SvidMs,
    minMs: lifetimes.minX509SvidMs,
    maxMs: lifetimes.maxX509SvidMs,
  });
  const { notAfterMs: chosenMs } = request;
  if (chosenMs !== undefined && chosenMs > nowMs)
    throw new IdentityError('identity.invalid-lifetime', 'an end can be chosen in the past only');
  const notAfterMs = wholeSeconds(Math.min(chosenMs ?? nowMs + lifeMs, authorityEndMs));
  const beginMs = chosenMs === undefined ? nowMs : notAfterMs - lifeMs;
  return { notBeforeMs: wholeSeconds(beginMs - backdateMs), notAfterMs };
}

function lifetimeOf(
  ttlSeconds: number | undefined,
  bounds: { fallbackMs: number; minMs: number; maxMs: number },
): number {
  if (ttlSeconds === undefined) return bounds.fallbackMs;
  const lifeMs = ttlSeconds * 1000;
  if (Number.isSafeInteger(ttlSeconds) && lifeMs >= bounds.minMs && lifeMs <= bounds.maxMs) return lifeMs;
  const range = `${bounds.minMs / 1000} to ${bounds.maxMs / 1000}`;
  throw new IdentityError('identity.invalid-lifetime', `an SVID of this kind lives ${range} seconds`);
}

/**
 * Issues a JWT-SVID (JWT-SVID, sections 2 and 3), signed with ES256. Throws `identity.invalid-spiffe-id`,
 * `identity.foreign-trust-domain`, `identity.invalid-audience`, `identity.invalid-lifetime`.
 */
export async function issueJwtSvid(
  state: AuthorityState,
  request: JwtSvidRequest,
  context: IssuanceContext,
): Promise<JwtSvid> {
  const { spiffeId, audience } = request;
  checkWorkloadId(spiffeId, context.trustDomain);
  checkAudience(audience);
  const { defaultJwtSvidMs: fallbackMs, maxJwtSvidMs: maxMs } = context.lifetimes;
  const lifeMs = lifetimeOf(request.ttlSeconds, { fallbackMs, minMs: 1000, maxMs });
  const key = activeOf(state.jwt);
  const issuedAtMs = wholeSeconds(context.nowMs);
  const expiresAtMs = issuedAtMs + lifeMs;
  const claims = { sub: spiffeId, aud: [...audience], iat: issuedAtMs / 1000, exp: expiresAtMs / 1000, jti: tokenId() };
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: key.id, typ: 'JWT' })
    .sign(importPrivateKey(Buffer.from(key.privateKey, 'base64')));
  return { spiffeId, token, issuedAtMs, expiresAtMs };
}

function checkAudience(audience: readonly string[]): void {
  const isFit = (name: string): boolean => name.length > 0 && name.length <= maxAudienceChars && name.isWellFormed();
  if (audience.length < 1 || audience.length > maxAudiences || !audience.every(isFit))
    throw new IdentityError('identity.invalid-audience', `a JWT-SVID is for 1 to ${maxAudiences} named audiences`);
}
