// Signature checks held against the published vectors of Project Wycheproof, valid and invalid.
import { createPublicKey } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { PublicJwk, TokenAlgorithm } from '../../src/api/authn.ts';
import { importKey } from '../../src/authn/keys.ts';

const suites = process.env.MERLON_SUITES ?? join(import.meta.dirname, '../../../shared/suites');
const folder = join(suites, 'crypto');

interface Vector {
  readonly tcId: number;
  readonly comment: string;
  readonly msg: string;
  readonly sig: string;
  readonly result: 'valid' | 'invalid' | 'acceptable';
}
interface Group {
  readonly publicKeyPem?: string;
  readonly publicKeyDer?: string;
  readonly tests: readonly Vector[];
}

const files: readonly [file: string, alg: TokenAlgorithm, toSignature: (hex: string) => Buffer | undefined][] = [
  ['ed25519_test.json', 'EdDSA', bytes],
  ['rsa_signature_2048_sha256_test.json', 'RS256', bytes],
  ['rsa_pss_2048_sha256_mgf1_32_test.json', 'PS256', bytes],
  ['ecdsa_secp256r1_sha256_test.json', 'ES256', (hex) => fromDer(bytes(hex), 32)],
  ['ecdsa_secp384r1_sha384_test.json', 'ES384', (hex) => fromDer(bytes(hex), 48)],
];

function bytes(hex: string): Buffer {
  return Buffer.from(hex, 'hex');
}

/** A strictly encoded DER signature in the fixed form that JWS uses; undefined where DER says something else. */
function fromDer(der: Buffer, size: number): Buffer | undefined {
  if (der[0] !== 0x30 || der[1] !== der.length - 2) return undefined;
  const parts: Buffer[] = [];
  let at = 2;
  for (let part = 0; part < 2; part++) {
    const length = der[at + 1] ?? 0;
    const number = der.subarray(at + 2, at + 2 + length);
    if (der[at] !== 0x02 || length === 0 || number.length !== length || (number[0] ?? 0) >= 0x80) return undefined;
    if (number[0] === 0 && length > 1 && (number[1] ?? 0) < 0x80) return undefined;
    const bare = number[0] === 0 ? number.subarray(1) : number;
    if (bare.length > size) return undefined;
    parts.push(Buffer.concat([Buffer.alloc(size - bare.length), bare]));
    at += 2 + length;
  }
  return at === der.length ? Buffer.concat(parts) : undefined;
}

describe.skipIf(!existsSync(folder))('Wycheproof', () => {
  test.each(files)('%s', (file, alg, toSignature) => {
    const { testGroups } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { testGroups: readonly Group[] };
    let seen = 0;
    for (const group of testGroups) {
      const source = group.publicKeyPem ?? {
        key: bytes(group.publicKeyDer ?? ''),
        format: 'der' as const,
        type: 'spki' as const,
      };
      const jwk = createPublicKey(source).export({ format: 'jwk' }) as PublicJwk;
      const key = importKey({ ...jwk, kid: 'k' }, [alg]);
      if (typeof key === 'string') throw new Error(key);
      const verify = key.verifiers.get(alg);
      for (const { tcId, comment, msg, sig, result } of group.tests) {
        const signature = toSignature(sig);
        const verdict = signature !== undefined && verify?.(bytes(msg), signature) === true;
        // "acceptable" leaves the choice to the verifier.
        if (result !== 'acceptable') expect(verdict, `${file} ${tcId}: ${comment}`).toBe(result === 'valid');
        seen++;
      }
    }
    console.log(`${file}: ${seen} vectors as ${alg}`);
    expect(seen).toBeGreaterThan(50);
  });
});
