import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aeadKey, decryptEnvelope, decryptGcm, encryptEnvelope, encryptGcm, envelopeKeyId } from './aead.ts';
import { createKeyring, maxMessagesPerKey, unwrapKeyring } from './keyring.ts';

const bytes = (text: string): Buffer => Buffer.from(text);
const root = aeadKey();

function ready() {
  const ring = createKeyring(1);
  ring.wrap(root).stored();
  return ring;
}

describe('an envelope', () => {
  const numbered = { id: 7, key: aeadKey() };

  test('holds any bytes, for any place', () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (plaintext, place) => {
        const envelope = encryptEnvelope(numbered, plaintext, place);
        expect(envelopeKeyId(envelope)).toBe(7);
        return decryptEnvelope(numbered, envelope, place).equals(plaintext);
      }),
    );
  });

  test('is refused with any bit changed, cut short, for another place, or by another key', () => {
    const envelope = encryptEnvelope(numbered, bytes('secret'), bytes('a'));
    for (let bit = 0; bit < envelope.length * 8; bit++) {
      const changed = Buffer.from(envelope);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => decryptEnvelope(numbered, changed, bytes('a')), `bit ${bit}`).toThrow();
    }
    for (let length = 0; length < envelope.length; length++) {
      expect(() => decryptEnvelope(numbered, envelope.subarray(0, length), bytes('a'))).toThrow();
    }
    expect(() => decryptEnvelope(numbered, envelope, bytes('b'))).toThrow('another place');
    expect(() => decryptEnvelope({ id: 7, key: aeadKey() }, envelope, bytes('a'))).toThrow('another key');
  });

  test('has a nonce of its own each time', () => {
    const nonces = Array.from({ length: 1_000 }, () =>
      encryptEnvelope(numbered, bytes(''), bytes('')).subarray(5, 17).toString('hex'),
    );
    expect(new Set(nonces).size).toBe(1_000);
  });

  test('takes keys of 32 bytes only', () => expect(() => aeadKey(Buffer.alloc(16))).toThrow('32 bytes'));
});

describe('a keyring', () => {
  test('comes back from its wrapped form with the same keys, and only with the root key', () => {
    const ring = ready();
    const before = ring.encrypt(bytes('one'), bytes('x'));
    ring.rotate(2);
    const wrapped = ring.wrap(root);
    const again = unwrapKeyring(wrapped.bytes, root);
    expect(again.decrypt(before, bytes('x')).toString()).toBe('one');
    expect(again.keys.map(({ id, active }) => [id, active])).toEqual([
      [1, false],
      [2, true],
    ]);
    expect(() => unwrapKeyring(wrapped.bytes, aeadKey())).toThrow('does not open');
    expect(wrapped.bytes.includes('createdMs')).toBe(false);
  });

  test('encrypts under the new key after rotation, and tells what is still under an old one', () => {
    const ring = ready();
    const old = ring.encrypt(bytes('one'), bytes('x'));
    ring.rotate(2);
    ring.wrap(root).stored();
    const fresh = ring.encrypt(bytes('one'), bytes('x'));
    expect([ring.isStale(old), ring.isStale(fresh)]).toEqual([true, false]);
    ring.forgetOld();
    expect(ring.decrypt(fresh, bytes('x')).toString()).toBe('one');
    expect(() => ring.decrypt(old, bytes('x'))).toThrow('gone');
  });

  test('encrypts nothing that a stored count does not cover', () => {
    const ring = createKeyring(1);
    expect(() => ring.encrypt(bytes(''), bytes(''))).toThrow('stored or rotated');
    const wrapped = ring.wrap(root);
    expect(ring.headroom).toBe(0);
    wrapped.stored();
    ring.encrypt(bytes(''), bytes(''));
    // After a crash the whole claim counts as used.
    const crashed = unwrapKeyring(wrapped.bytes, root);
    expect(crashed.headroom).toBe(0);
    expect(crashed.keys[0]?.messages).toBeGreaterThan(ring.keys[0]?.messages ?? 0);
  });

  test('never claims more than 2^32 messages for one key', () => {
    const keys = [{ id: 1, createdMs: 1, key: Buffer.alloc(32).toString('base64'), messages: maxMessagesPerKey - 1 }];
    const envelope = encryptEnvelope({ id: 0, key: root }, bytes(JSON.stringify({ keys })), bytes('merlon keyring 1'));
    const spent = unwrapKeyring(envelope, root);
    spent.wrap(root).stored();
    expect(spent.headroom).toBe(1);
    spent.encrypt(bytes(''), bytes(''));
    spent.wrap(root).stored();
    expect(() => spent.encrypt(bytes(''), bytes(''))).toThrow('stored or rotated');
  });
});

const suites = process.env.MERLON_SUITES ?? join(import.meta.dirname, '../../../shared/suites');
const vectors = join(suites, 'crypto/aes_gcm_test.json');

describe.skipIf(!existsSync(vectors))('the published vectors of AES-GCM', () => {
  interface Group {
    readonly keySize: number;
    readonly ivSize: number;
    readonly tagSize: number;
    readonly tests: readonly Record<'key' | 'iv' | 'aad' | 'msg' | 'ct' | 'tag' | 'result', string>[];
  }

  test('of 256-bit keys and 96-bit nonces all get the verdict they must', () => {
    const { testGroups } = JSON.parse(readFileSync(vectors, 'utf8')) as { readonly testGroups: readonly Group[] };
    const groups = testGroups.filter(
      ({ keySize, ivSize, tagSize }) => keySize === 256 && ivSize === 96 && tagSize === 128,
    );
    const cases = groups.flatMap(({ tests }) => tests);
    expect(cases.length).toBeGreaterThan(50);
    for (const vector of cases) {
      const hex = (text: string): Buffer => Buffer.from(text, 'hex');
      const key = aeadKey(hex(vector.key));
      const sealed = Buffer.concat([hex(vector.ct), hex(vector.tag)]);
      const decrypt = (): Buffer => decryptGcm(key, hex(vector.iv), sealed, hex(vector.aad));
      if (vector.result === 'invalid') expect(decrypt).toThrow('another key');
      else {
        expect(decrypt().equals(hex(vector.msg))).toBe(true);
        expect(encryptGcm(key, hex(vector.iv), hex(vector.msg), hex(vector.aad)).equals(sealed)).toBe(true);
      }
    }
  });
});
