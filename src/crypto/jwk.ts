import type { KeyObject } from 'node:crypto';
import { calculateJwkThumbprint, exportJWK, type JWK } from 'jose';
import { CryptoError } from './errors.ts';
import { exportPublicKey, generateKeyPair, importPublicKey, type KeyKind } from './keys.ts';

/** A key that signs tokens. */
export interface SigningKey {
  /** Key id: the thumbprint of the public key (RFC 7638). */
  readonly kid: string;
  readonly alg: 'ES256' | 'ES384' | 'EdDSA';
  readonly privateKey: KeyObject;
  /** With `kid` and `alg`, ready for a JWK set. */
  readonly publicJwk: JWK;
}

const algorithms = { 'P-256': 'ES256', 'P-384': 'ES384', Ed25519: 'EdDSA' } as const;

/** A fresh key that signs tokens. */
export async function generateSigningKey(kind: KeyKind): Promise<SigningKey> {
  const { privateKey, publicKey } = generateKeyPair(kind);
  return signingKey(kind, privateKey, publicKey);
}

/** A key that signs tokens, from its parts. */
export async function signingKey(kind: KeyKind, privateKey: KeyObject, publicKey: KeyObject): Promise<SigningKey> {
  const jwk = await exportJWK(publicKey);
  const [kid, alg] = [await calculateJwkThumbprint(jwk), algorithms[kind]];
  return { kid, alg, privateKey, publicJwk: { ...jwk, kid, alg } };
}

/** The public key of `spki` (SubjectPublicKeyInfo, DER) as JWK, without `kid`, `use` or `alg`. */
export function exportJwk(spki: Uint8Array): Promise<JWK> {
  return exportJWK(importPublicKey(spki));
}

/** The thumbprint of a public key (RFC 7638, SHA-256, base64url). Throws `key.unsupported`. */
export async function thumbprint(key: KeyObject | JWK): Promise<string> {
  try {
    const jwk = 'kty' in key ? key : await exportJwk(exportPublicKey(key as KeyObject));
    return await calculateJwkThumbprint(jwk as JWK);
  } catch {
    throw new CryptoError('key.unsupported', 'the key has no thumbprint');
  }
}
