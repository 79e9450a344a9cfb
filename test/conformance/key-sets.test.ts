// What is let in as a verification key, held against the key sets of Project Wycheproof.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type PublicJwk, tokenAlgorithms } from '../../src/api/authn.ts';
import { importKey } from '../../src/authn/keys.ts';

const suites = process.env.MERLON_SUITES ?? join(import.meta.dirname, '../../../shared/suites');
const file = join(suites, 'jose/json_web_key_test.json');

interface Group {
  readonly comment: string;
  readonly public?: { readonly keys: readonly PublicJwk[] };
  readonly private: { readonly keys: readonly PublicJwk[] };
  readonly tests: readonly {
    readonly tcId: number;
    readonly comment: string;
    readonly jws: string;
    readonly result: 'valid' | 'invalid';
  }[];
}

function verifies(keys: readonly PublicJwk[], jws: string): boolean {
  const [header = '', payload = '', signature = ''] = jws.split('.');
  const { alg, kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { alg: string; kid: string };
  const imported = keys.map((jwk) => importKey(jwk, tokenAlgorithms)).filter((key) => typeof key !== 'string');
  const verify = imported.find((key) => key.kid === kid)?.verifiers.get(alg);
  return verify?.(Buffer.from(`${header}.${payload}`), Buffer.from(signature, 'base64url')) ?? false;
}

describe.skipIf(!existsSync(file))('Wycheproof key sets', () => {
  const groups = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as { testGroups: readonly Group[] }).testGroups
    : [];
  const cases = groups.flatMap((group) =>
    group.tests.map((vector) => ({ group, vector, name: `${vector.tcId} ${group.comment}: ${vector.comment}` })),
  );

  test.each(cases)('$name', ({ group, vector }) => {
    const keys = group.public?.keys ?? group.private.keys;
    const isSymmetric = keys.every(({ kty }) => kty === 'oct');
    // A shared secret never vouches for a token here, however sound it is.
    expect(verifies(keys, vector.jws)).toBe(vector.result === 'valid' && !isSymmetric);
  });
});
