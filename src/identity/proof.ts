import { createHash, type KeyObject, sign, verify } from 'node:crypto';
import { importPublicKey } from '../crypto/index.ts';
import { IdentityError } from './errors.ts';

// A certificate is issued only to who holds its key. The requester signs the nonce that it was given together with
// the identity that it wants and the key itself, so that a proof made for one request is worth nothing for another.

/** Possession of a private key, shown. */
export interface KeyProof {
  /** What the issuer had given to this requester, and to no other. */
  readonly nonce: string;
  /** SHA-256 with ECDSA (DER) or RSASSA-PKCS1-v1_5. */
  readonly signature: Uint8Array;
}

const purpose = 'merlon svid proof v1';
// 128 random bits in base64url; a shorter nonce could be foreseen.
const minNonceChars = 22;
const maxNonceChars = 256;

function message(nonce: string, spiffeId: string, spki: Uint8Array): Buffer {
  const keyHash = createHash('sha256').update(spki).digest('hex');
  return Buffer.from([purpose, nonce, spiffeId, keyHash].join('\0'));
}

/** Signs `nonce`, to get an SVID of `spiffeId` for the key `publicKey` (SubjectPublicKeyInfo, DER). */
export function proveKey(key: KeyObject, request: { nonce: string; spiffeId: string; publicKey: Uint8Array }): Buffer {
  return sign('sha256', message(request.nonce, request.spiffeId, request.publicKey), key);
}

const acceptedCurves: ReadonlySet<string | undefined> = new Set(['prime256v1', 'secp384r1']);
const minRsaBits = 2048;
const maxRsaBits = 4096;

function isAcceptedKey({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean {
  const { namedCurve, modulusLength = 0, publicExponent = 0n } = asymmetricKeyDetails ?? {};
  if (asymmetricKeyType === 'ec') return acceptedCurves.has(namedCurve);
  return (
    asymmetricKeyType === 'rsa' &&
    modulusLength >= minRsaBits &&
    modulusLength <= maxRsaBits &&
    publicExponent === 65_537n
  );
}

/**
 * Checks that `publicKey` may stand in an SVID (ECDSA P-256 or P-384, or RSA of 2,048 to 4,096 bits) and that `proof` was
 * made with its private half for this identity. Gives the key as its canonical DER. Throws `identity.key-refused`,
 * `identity.proof-refused`.
 */
export function checkKeyProof(request: { spiffeId: string; publicKey: Uint8Array; proof: KeyProof }): Buffer {
  const { proof, publicKey, spiffeId } = request;
  const key = readKey(publicKey);
  if (!isAcceptedKey(key))
    throw new IdentityError('identity.key-refused', 'the key is of no kind that an SVID takes', {
      hint: 'use ECDSA P-256 or P-384, or RSA of at least 2048 bits',
    });
  const { length } = proof.nonce;
  const isFitNonce = length >= minNonceChars && length <= maxNonceChars;
  if (!isFitNonce || !verify('sha256', message(proof.nonce, spiffeId, publicKey), key, proof.signature))
    throw new IdentityError('identity.proof-refused', 'the requester did not prove that it holds the private key');
  return key.export({ type: 'spki', format: 'der' });
}

function readKey(spki: Uint8Array): KeyObject {
  try {
    return importPublicKey(spki);
  } catch {
    throw new IdentityError('identity.key-refused', 'the public key cannot be read');
  }
}
