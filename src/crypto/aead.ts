// AES-256-GCM in a versioned envelope (NIST SP 800-38D).
//
//   byte  0       version, 1
//   bytes 1..4    key id, big-endian: which key of a keyring it was
//   bytes 5..16   nonce, 96 random bits (section 8.2.2 of the standard)
//   then          ciphertext, and 16 bytes of tag
//
// Version and key id are authenticated along with the associated data.

import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { MerlonError } from '../core/errors.ts';

/** Codes of authenticated encryption and of keyrings. */
export const aeadErrorCodes = [
  /** Not an envelope, or of an unknown version. */
  'aead.malformed',
  /** Another key, other associated data, or changed bytes: which of them cannot be told. */
  'aead.rejected',
  /** A key that is not 32 bytes. */
  'aead.bad-key',
  /** The keyring has no key of that id. */
  'keyring.unknown-key',
  /** The active key has encrypted as many messages as are stored as allowed. */
  'keyring.spent',
  /** A keyring that cannot be unwrapped with this root key, or that is malformed. */
  'keyring.rejected',
] as const;

export type AeadErrorCode = (typeof aeadErrorCodes)[number];

/** A failure of authenticated encryption. */
export class AeadError extends MerlonError {
  declare readonly code: AeadErrorCode;

  constructor(code: AeadErrorCode, message: string) {
    super({ code, message });
  }
}

export const aeadKeyBytes = 32;
const version = 1;
const headerBytes = 5;
const nonceBytes = 12;
const tagBytes = 16;
/** How much longer an envelope is than what it holds. */
export const envelopeOverheadBytes = headerBytes + nonceBytes + tagBytes;

/** 32 random or given bytes as a key that does not print. Throws `aead.bad-key`. */
export function aeadKey(bytes: Uint8Array = randomBytes(aeadKeyBytes)): KeyObject {
  if (bytes.byteLength !== aeadKeyBytes) throw new AeadError('aead.bad-key', 'the key is not 32 bytes long');
  return createSecretKey(bytes);
}

/** The bare cipher: `nonce` must be used once with `key`. Ciphertext, then tag. */
export function encryptGcm(
  key: KeyObject,
  nonce: Uint8Array,
  plaintext: Uint8Array,
  associatedData: Uint8Array,
): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(associatedData);
  return Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** Inverse of `encryptGcm`. Throws `aead.rejected`. */
export function decryptGcm(key: KeyObject, nonce: Uint8Array, sealed: Uint8Array, associatedData: Uint8Array): Buffer {
  const end = sealed.byteLength - tagBytes;
  if (end < 0) throw rejected();
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
  decipher.setAAD(associatedData);
  decipher.setAuthTag(sealed.subarray(end));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()]);
  } catch {
    throw rejected();
  }
}

function rejected(): AeadError {
  return new AeadError('aead.rejected', 'the data was encrypted with another key or for another place, or was changed');
}

/** A key and the number by which envelopes name it (0 to 2^32 - 1). */
export interface NumberedKey {
  readonly id: number;
  readonly key: KeyObject;
}

/**
 * Encrypts under a fresh random nonce. `associatedData` is not stored: decryption must be given the same. At most 2^32
 * messages may be encrypted under one key (SP 800-38D, section 8.3); a keyring counts them.
 */
export function encryptEnvelope({ id, key }: NumberedKey, plaintext: Uint8Array, associatedData: Uint8Array): Buffer {
  const header = Buffer.alloc(headerBytes);
  header.writeUInt8(version);
  header.writeUInt32BE(id, 1);
  const nonce = randomBytes(nonceBytes);
  const sealed = encryptGcm(key, nonce, plaintext, Buffer.concat([header, associatedData]));
  return Buffer.concat([header, nonce, sealed]);
}

/** The id of the key under which `envelope` was encrypted. Throws `aead.malformed`. */
export function envelopeKeyId(envelope: Uint8Array): number {
  if (envelope.byteLength < envelopeOverheadBytes || envelope[0] !== version) {
    throw new AeadError('aead.malformed', 'the data is not an envelope of this version');
  }
  return Buffer.from(envelope.buffer, envelope.byteOffset, headerBytes).readUInt32BE(1);
}

/** What `envelope` holds. Throws `aead.malformed`, `aead.rejected`. */
export function decryptEnvelope({ id, key }: NumberedKey, envelope: Uint8Array, associatedData: Uint8Array): Buffer {
  if (envelopeKeyId(envelope) !== id) throw rejected();
  const header = envelope.subarray(0, headerBytes);
  const nonce = envelope.subarray(headerBytes, headerBytes + nonceBytes);
  const sealed = envelope.subarray(headerBytes + nonceBytes);
  return decryptGcm(key, nonce, sealed, Buffer.concat([header, associatedData]));
}
