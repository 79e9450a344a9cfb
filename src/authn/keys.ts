import { constants, createPublicKey, type KeyObject, verify } from 'node:crypto';
import type { PublicJwk, TokenAlgorithm } from '../api/authn.ts';
import { messageOf } from '../core/errors.ts';

/** How an algorithm is run, and which keys it takes (RFC 7518 section 3, RFC 8037 section 3.1). */
interface AlgorithmRow {
  readonly kty: 'EC' | 'RSA' | 'OKP';
  readonly crv?: string;
  readonly digest: string | null;
  readonly pss?: true;
  /** Exact length of a signature in bytes; for RSA it follows from the key. */
  readonly signatureBytes?: number;
}

const algorithms: Readonly<Record<TokenAlgorithm, AlgorithmRow>> = {
  ES256: { kty: 'EC', crv: 'P-256', digest: 'sha256', signatureBytes: 64 },
  ES384: { kty: 'EC', crv: 'P-384', digest: 'sha384', signatureBytes: 96 },
  ES512: { kty: 'EC', crv: 'P-521', digest: 'sha512', signatureBytes: 132 },
  RS256: { kty: 'RSA', digest: 'sha256' },
  RS384: { kty: 'RSA', digest: 'sha384' },
  RS512: { kty: 'RSA', digest: 'sha512' },
  PS256: { kty: 'RSA', digest: 'sha256', pss: true },
  PS384: { kty: 'RSA', digest: 'sha384', pss: true },
  PS512: { kty: 'RSA', digest: 'sha512', pss: true },
  EdDSA: { kty: 'OKP', crv: 'Ed25519', digest: null, signatureBytes: 64 },
  Ed25519: { kty: 'OKP', crv: 'Ed25519', digest: null, signatureBytes: 64 },
};

/** Checks one signature under one algorithm and one key. */
export type VerifySignature = (input: Uint8Array, signature: Uint8Array) => boolean;

/** A public key that is ready to verify, under each algorithm that its issuer and the key itself permit. */
export interface VerificationKey {
  readonly kid: string;
  readonly verifiers: ReadonlyMap<string, VerifySignature>;
}

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'];
const minRsaBits = 2048;

/**
 * The key in `jwk` for the algorithms among `allowed`; a sentence that says why not where it cannot serve. A key set
 * may well hold keys for other ends (encryption), so that is no reason to refuse the set.
 */
export function importKey(jwk: PublicJwk, allowed: readonly TokenAlgorithm[]): VerificationKey | string {
  if (typeof jwk.kid !== 'string' || jwk.kid === '') return 'it has no `kid`';
  const leaked = privateMembers.find((name) => Object.hasOwn(jwk, name));
  if (leaked !== undefined) return `it carries the private member \`${leaked}\``;
  if (jwk.use !== undefined && jwk.use !== 'sig') return `its use is \`${jwk.use}\``;
  if (jwk.key_ops !== undefined && !jwk.key_ops.includes('verify')) return 'its `key_ops` lack `verify`';
  const usable = allowed.filter((name) => isFor(jwk, name));
  if (usable.length === 0) return `no accepted algorithm fits it`;
  const key = tryImport(jwk);
  if (typeof key === 'string') return key;
  return { kid: jwk.kid, verifiers: new Map(usable.map((name) => [name, createVerifier(algorithms[name], key)])) };
}

function isFor(jwk: PublicJwk, name: TokenAlgorithm): boolean {
  const { kty, crv } = algorithms[name];
  return jwk.kty === kty && jwk.crv === crv && (jwk.alg === undefined || jwk.alg === name);
}

function tryImport({ kty, crv, x, y, n, e }: PublicJwk): KeyObject | string {
  try {
    const members = Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value !== undefined);
    const key = createPublicKey({ key: Object.fromEntries(members), format: 'jwk' });
    return kty === 'RSA' ? (findRsaWeakness(key, n ?? '') ?? key) : key;
  } catch (error) {
    return messageOf(error);
  }
}

function findRsaWeakness(key: KeyObject, modulus: string): string | undefined {
  const { modulusLength = 0, publicExponent = 0n } = key.asymmetricKeyDetails ?? {};
  if (modulusLength < minRsaBits) return `its modulus has ${modulusLength} bits, fewer than ${minRsaBits}`;
  if (publicExponent < 3n || publicExponent % 2n === 0n) return `its exponent is ${publicExponent}`;
  return isRocaModulus(Buffer.from(modulus, 'base64url'))
    ? 'its primes come from a flawed generator (CVE-2017-15361)'
    : undefined;
}

const rocaPrimes = [
  3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83, 89, 97, 101, 103, 107, 109, 113,
  127, 131, 137, 139, 149, 151, 157, 163, 167,
];

/**
 * Whether a modulus has the fingerprint of the flawed generator: modulo each small prime it is a power of 65537
 * (Nemec and others, "The Return of Coppersmith's Attack", 2017, section 3). Sound moduli have it once in 2^27.
 */
function isRocaModulus(modulus: Buffer): boolean {
  return rocaPrimes.every((prime) => {
    const rest = modulus.reduce((value, byte) => (value * 256 + byte) % prime, 0);
    for (let power = 1, step = 0; step < prime; step++, power = (power * 65_537) % prime)
      if (power === rest) return true;
    return false;
  });
}

function createVerifier({ digest, pss, signatureBytes }: AlgorithmRow, key: KeyObject): VerifySignature {
  const bytes = signatureBytes ?? Math.ceil((key.asymmetricKeyDetails?.modulusLength ?? 0) / 8);
  const options = {
    key,
    dsaEncoding: 'ieee-p1363' as const,
    ...(pss && { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }),
  };
  return (input, signature) => signature.byteLength === bytes && verify(digest, input, options, signature);
}
