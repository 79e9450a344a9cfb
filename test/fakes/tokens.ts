import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { PublicJwk } from '../../src/api/authn.ts';

/** A key of an issuer, both halves. */
export interface TestKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: PublicJwk;
}

/** An ES256 key. */
export function ecKey(kid: string, namedCurve = 'P-256', alg = 'ES256'): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve });
  return {
    privateKey,
    publicKey,
    jwk: { ...(publicKey.export({ format: 'jwk' }) as PublicJwk), kid, alg, use: 'sig' },
  };
}

/** An RSA key, fit for RS* and PS* unless its JWK is narrowed. */
export function rsaKey(kid: string, modulusLength = 2048): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength });
  return { privateKey, publicKey, jwk: { ...(publicKey.export({ format: 'jwk' }) as PublicJwk), kid, use: 'sig' } };
}

/** Base64url of a text or of JSON. */
export const encode = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** An ES256-signed compact JWS of exactly these texts. */
export function signText(header: string, payload: string, key: TestKey): string {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${sign('sha256', Buffer.from(input), { key: key.privateKey, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`;
}

/** An ES256-signed token. */
export function signToken(claims: object, key: TestKey, header: object = {}): string {
  return signText(
    JSON.stringify({ alg: 'ES256', kid: key.jwk.kid, typ: 'at+jwt', ...header }),
    JSON.stringify(claims),
    key,
  );
}
