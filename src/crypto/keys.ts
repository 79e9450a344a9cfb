import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { DerReader, readBitString } from './der-read.ts';
import { tags } from './der-tags.ts';
import { CryptoError } from './errors.ts';
import { type SignatureAlgorithm, signatureAlgorithms } from './oids.ts';

/** The kinds of key that this program makes. */
export type KeyKind = 'P-256' | 'P-384' | 'Ed25519';

/** A private key with its public half. */
export interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

/** A fresh key pair. */
export function generateKeyPair(kind: KeyKind): KeyPair {
  return kind === 'Ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: kind });
}

/** PKCS#8, DER. What it returns is secret. */
export function exportPrivateKey(key: KeyObject): Buffer {
  return key.export({ type: 'pkcs8', format: 'der' });
}

/** SubjectPublicKeyInfo, DER. */
export function exportPublicKey(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

/** Reads PKCS#8, DER. Throws `key.unsupported`. */
export function importPrivateKey(der: Uint8Array): KeyObject {
  return importing(() => createPrivateKey({ key: Buffer.from(der), type: 'pkcs8', format: 'der' }));
}

/** Reads SubjectPublicKeyInfo, DER. Throws `key.unsupported`. */
export function importPublicKey(spki: Uint8Array): KeyObject {
  return importing(() => createPublicKey({ key: Buffer.from(spki), type: 'spki', format: 'der' }));
}

function importing(read: () => KeyObject): KeyObject {
  try {
    return read();
  } catch {
    // OpenSSL's own words may hold parts of the key, so they are not passed on.
    throw new CryptoError('key.unsupported', 'the key cannot be read');
  }
}

const strongCurves: ReadonlySet<string> = new Set(['prime256v1', 'secp384r1', 'secp521r1']);
const minRsaBits = 2048;
// Larger moduli only serve to make a verifier work.
const maxRsaBits = 8192;

/** Whether a public key is strong enough to be believed: P-256, P-384, P-521, Ed25519, or RSA of 2,048 to 8,192 bits. */
export function isStrongKey(key: KeyObject): boolean {
  const { namedCurve = '', modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'ec') return strongCurves.has(namedCurve);
  if (key.asymmetricKeyType === 'rsa')
    return modulusLength >= minRsaBits && modulusLength <= maxRsaBits && publicExponent >= 65_537n;
  return key.asymmetricKeyType === 'ed25519';
}

/** The signature that `key` makes, where it is of a kind that this program signs with: EC or Ed25519. Throws `key.unsupported`. */
export function signatureAlgorithmOf(key: KeyObject): SignatureAlgorithm {
  const digest = key.asymmetricKeyDetails?.namedCurve === 'secp384r1' ? 'sha384' : 'sha256';
  const found = signatureAlgorithms.find(
    (row) => row.keyType === key.asymmetricKeyType && (row.digest === null || row.digest === digest),
  );
  if (found === undefined) throw new CryptoError('key.unsupported', 'keys of this kind do not sign certificates here');
  return found;
}

/** The key identifier of RFC 7093, section 2, method 1: the leftmost 160 bits of the SHA-256 of the public key's bits. */
export function keyIdentifier(spki: Uint8Array): Buffer {
  const reader = new DerReader(spki).enter(tags.sequence);
  reader.read(tags.sequence);
  const bits = readBitString(reader.read(tags.bitString));
  return createHash('sha256').update(bits).digest().subarray(0, 20);
}
