import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { CryptoError, createTrustAnchors, parseCertificatesPem, verifyChain } from '../../src/crypto/index.ts';

// C2SP x509-limbo: chains, each with the verdict that it must get. Paths alone are judged: a case that fails for the name of
// its server only has no verdict here.

interface LimboCase {
  readonly id: string;
  readonly expected_result: 'SUCCESS' | 'FAILURE';
  readonly trusted_certs: readonly string[];
  readonly untrusted_intermediates: readonly string[];
  readonly peer_certificate: string;
  readonly validation_time: string | null;
  readonly max_chain_depth: number | null;
}

const suites = process.env.MERLON_SUITES ?? join(import.meta.dirname, '../../../shared/suites');
const file = join(suites, 'x509/limbo.json');

// Where we differ, and why.
const exceptions: Readonly<Record<string, string>> = {
  'pathlen::validation-ignores-pathlen-in-leaf':
    'the leaf is an authority, which SPIFFE forbids to authenticate anybody (X509-SVID, section 3.2)',
};

function judge(test: LimboCase): string {
  const ders = (pems: readonly string[]): Buffer[] => pems.flatMap(parseCertificatesPem);
  try {
    const verdict = verifyChain(
      ders([test.peer_certificate, ...test.untrusted_intermediates]),
      createTrustAnchors(ders(test.trusted_certs)),
      {
        nowMs: test.validation_time === null ? Date.now() : Date.parse(test.validation_time),
        purposes: ['serverAuth'],
        ...(test.max_chain_depth === null ? {} : { maxIntermediates: test.max_chain_depth }),
      },
    );
    return verdict.ok ? 'SUCCESS' : `FAILURE ${verdict.code}`;
  } catch (error) {
    if (error instanceof CryptoError) return `FAILURE ${error.code} (anchor)`;
    throw error;
  }
}

describe.skipIf(!existsSync(file))('x509-limbo', () => {
  const { testcases } = existsSync(file)
    ? (JSON.parse(readFileSync(file, 'utf8')) as { testcases: LimboCase[] })
    : { testcases: [] };
  for (const test of testcases) {
    const exception = exceptions[test.id];
    it(exception === undefined ? test.id : `${test.id} (differs: ${exception})`, () => {
      const agrees = judge(test).startsWith(test.expected_result);
      expect([agrees, judge(test)]).toEqual([exception === undefined, expect.anything()]);
    });
  }
});
