import { createLocalJWKSet, decodeJwt, errors, type JWK, jwtVerify } from 'jose';
import type { Bundles } from './bundle.ts';
import { IdentityError } from './errors.ts';
import { tryParseSpiffeId } from './spiffe-id.ts';

/** A JWT-SVID that is believed. */
export interface VerifiedJwtSvid {
  readonly spiffeId: string;
  readonly audience: readonly string[];
  /** Epoch milliseconds. */
  readonly expiresAtMs: number;
  readonly claims: Readonly<Record<string, unknown>>;
}

// JWT-SVID, section 2.1.
const algorithms = ['ES256', 'ES384', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const maxTokenChars = 16 * 1024;

/**
 * Believes a JWT-SVID that names `audience` and was signed by an authority of its subject's trust domain (JWT-SVID, section 4).
 * Throws `identity.jwt-svid-refused`, `identity.foreign-trust-domain`.
 */
export async function verifyJwtSvid(
  token: string,
  audience: string,
  bundles: Bundles,
  nowMs: number,
): Promise<VerifiedJwtSvid> {
  const subject = subjectOf(token);
  const id = tryParseSpiffeId(subject);
  if (id === undefined || id.path === '') throw refused('its subject is no workload’s SPIFFE ID');
  const bundle = bundles.get(id.trustDomain);
  if (bundle === undefined)
    throw new IdentityError('identity.foreign-trust-domain', 'the token’s trust domain is not trusted here');
  const { payload, protectedHeader } = await verified(token, audience, [...bundle.jwt.values()] as JWK[], nowMs);
  if (protectedHeader.typ !== undefined && protectedHeader.typ !== 'JWT' && protectedHeader.typ !== 'JOSE')
    throw refused('its `typ` is neither `JWT` nor `JOSE`');
  return {
    spiffeId: subject,
    audience: [payload.aud ?? []].flat(),
    expiresAtMs: (payload.exp as number) * 1000,
    claims: payload,
  };
}

// The subject chooses the keys, so it is read before the signature is checked, and believed only after.
function subjectOf(token: string): string {
  if (token.length > maxTokenChars) throw refused('it is too long');
  try {
    return decodeJwt(token).sub ?? '';
  } catch {
    throw refused('it is no JSON Web Token');
  }
}

async function verified(token: string, audience: string, keys: JWK[], nowMs: number) {
  try {
    return await jwtVerify(token, createLocalJWKSet({ keys }), {
      algorithms,
      audience,
      requiredClaims: ['sub', 'aud', 'exp'],
      currentDate: new Date(nowMs),
    });
  } catch (error) {
    throw refused(error instanceof errors.JWTExpired ? 'it has expired' : 'its signature or claims are wrong', error);
  }
}

function refused(why: string, cause?: unknown): IdentityError {
  const detail = cause instanceof Error ? { detail: cause.message } : {};
  return new IdentityError('identity.jwt-svid-refused', `the JWT-SVID is refused: ${why}`, detail);
}
