// Data encryption keys, kept together and wrapped by a root key (envelope encryption; NIST SP 800-57 part 1, section 5.3.5:
// a key that encrypts data is changed often and cheaply, the key that wraps it seldom).

import type { KeyObject } from 'node:crypto';
import { AeadError, aeadKey, aeadKeyBytes, decryptEnvelope, encryptEnvelope, envelopeKeyId } from './aead.ts';

/** One key of a ring, without the key. */
export interface KeyStatus {
  readonly id: number;
  /** Epoch milliseconds. */
  readonly createdMs: number;
  /** How many messages it may have encrypted: never less than it has. */
  readonly messages: number;
  readonly active: boolean;
}

/** Keys of which one encrypts and all decrypt. */
export interface Keyring {
  readonly keys: readonly KeyStatus[];
  /** How many messages may be encrypted before the ring must be wrapped and stored again. */
  readonly headroom: number;
  /** Encrypts with the active key. Throws `keyring.spent` without headroom. */
  encrypt(plaintext: Uint8Array, associatedData: Uint8Array): Buffer;
  /** Decrypts with whichever key it was. Throws `aead.malformed`, `aead.rejected`, `keyring.unknown-key`. */
  decrypt(envelope: Uint8Array, associatedData: Uint8Array): Buffer;
  /** Whether `envelope` is under a key other than the active one. */
  isStale(envelope: Uint8Array): boolean;
  /** Makes a new key and encrypts with it from now on. */
  rotate(nowMs: number): void;
  /** Drops every key but the active one: what is still encrypted under them is lost. */
  forgetOld(): void;
  /**
   * The ring, encrypted under `rootKey`. It claims messages ahead, and there is headroom for them as soon as the caller
   * has stored the result and says so with `stored`: after a crash the count is thus too high, and never too low.
   */
  wrap(rootKey: KeyObject): WrappedKeyring;
}

/** A ring that can be stored. */
export interface WrappedKeyring {
  readonly bytes: Buffer;
  /** To be called once `bytes` are durable. */
  stored(): void;
}

interface DataKey {
  readonly id: number;
  readonly createdMs: number;
  readonly key: KeyObject;
  /** Messages encrypted, or claimed by an earlier process. */
  messages: number;
}

/** SP 800-38D, section 8.3: the bound for random 96-bit nonces, at which two alike are less likely than 2^-32. */
export const maxMessagesPerKey = 2 ** 32;
const claim = 2 ** 16;
const rootKeyId = 0;
const wrapPurpose = Buffer.from('merlon keyring 1');

/** A ring with one new key. */
export function createKeyring(nowMs: number): Keyring {
  return new DataKeyring([{ id: 1, createdMs: nowMs, key: aeadKey(), messages: 0 }]);
}

/** Inverse of `wrap`. Throws `keyring.rejected` where `rootKey` is not the one. */
export function unwrapKeyring(bytes: Uint8Array, rootKey: KeyObject): Keyring {
  try {
    const text = decryptEnvelope({ id: rootKeyId, key: rootKey }, bytes, wrapPurpose).toString('utf8');
    return new DataKeyring(parseKeys(JSON.parse(text)));
  } catch {
    throw new AeadError('keyring.rejected', 'the root key does not open the keyring');
  }
}

function parseKeys(value: unknown): DataKey[] {
  const { keys } = value as { readonly keys: readonly Record<string, unknown>[] };
  const parsed = keys.map(({ id, createdMs, key, messages }) => {
    const numbers = [id, createdMs, messages].every((number) => Number.isSafeInteger(number) && Number(number) >= 0);
    const bytes = Buffer.from(String(key), 'base64');
    if (!numbers || bytes.length !== aeadKeyBytes) throw new TypeError('not a key');
    return { id: Number(id), createdMs: Number(createdMs), key: aeadKey(bytes), messages: Number(messages) };
  });
  if (parsed.length === 0) throw new TypeError('no keys');
  return parsed;
}

function formatKeys(keys: readonly DataKey[], active: DataKey): Buffer {
  const members = keys.map(({ id, createdMs, key, messages }) => ({
    id,
    createdMs,
    key: key.export().toString('base64'),
    messages: id === active.id ? Math.min(messages + claim, maxMessagesPerKey) : messages,
  }));
  return Buffer.from(JSON.stringify({ keys: members }));
}

// The last key is the active one.
class DataKeyring implements Keyring {
  readonly #keys: Map<number, DataKey>;
  #active: DataKey;
  #claimed: number;

  constructor(keys: readonly DataKey[]) {
    this.#keys = new Map(keys.map((key) => [key.id, key]));
    this.#active = keys.at(-1) as DataKey;
    this.#claimed = this.#active.messages;
  }

  get keys(): readonly KeyStatus[] {
    return [...this.#keys.values()].map(({ id, createdMs, messages }) => ({
      id,
      createdMs,
      messages,
      active: id === this.#active.id,
    }));
  }

  get headroom(): number {
    return this.#claimed - this.#active.messages;
  }

  encrypt(plaintext: Uint8Array, associatedData: Uint8Array): Buffer {
    if (this.headroom <= 0) throw new AeadError('keyring.spent', 'the encryption key must be stored or rotated');
    this.#active.messages += 1;
    return encryptEnvelope(this.#active, plaintext, associatedData);
  }

  decrypt(envelope: Uint8Array, associatedData: Uint8Array): Buffer {
    const key = this.#keys.get(envelopeKeyId(envelope));
    if (key === undefined) throw new AeadError('keyring.unknown-key', 'the data is encrypted under a key that is gone');
    return decryptEnvelope(key, envelope, associatedData);
  }

  isStale(envelope: Uint8Array): boolean {
    return envelopeKeyId(envelope) !== this.#active.id;
  }

  rotate(nowMs: number): void {
    this.#active = { id: this.#active.id + 1, createdMs: nowMs, key: aeadKey(), messages: 0 };
    this.#keys.set(this.#active.id, this.#active);
    this.#claimed = 0;
  }

  forgetOld(): void {
    for (const id of this.#keys.keys()) if (id !== this.#active.id) this.#keys.delete(id);
  }

  wrap(rootKey: KeyObject): WrappedKeyring {
    const { id, messages } = this.#active;
    const upTo = Math.min(messages + claim, maxMessagesPerKey);
    const text = formatKeys([...this.#keys.values()], this.#active);
    const bytes = encryptEnvelope({ id: rootKeyId, key: rootKey }, text, wrapPurpose);
    const stored = (): void => {
      if (this.#active.id === id) this.#claimed = Math.max(this.#claimed, upTo);
    };
    return { bytes, stored };
  }
}
