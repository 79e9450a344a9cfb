import { hash } from 'node:crypto';
import { noWeaknesses, type Weaknesses } from '../api/protections.ts';
import type { Clock } from '../core/clock.ts';
import { type Certificate, CryptoError, type CryptoErrorCode, parseCertificate, verifyChain } from '../crypto/index.ts';
import type { Bundles } from './bundle.ts';
import { IdentityError, type IdentityErrorCode } from './errors.ts';
import { type SpiffeId, tryParseSpiffeId } from './spiffe-id.ts';

/** What became of a peer's X.509-SVID. */
export type SvidVerdict =
  | { readonly spiffeId: string }
  | { readonly code: CryptoErrorCode | IdentityErrorCode; readonly message: string };

/** What a verification may leave out, in tests alone. */
export interface VerifyOptions {
  readonly weaknesses?: Weaknesses;
}

/**
 * Who presents `chain` (DER, leaf first), according to `bundles` (X509-SVID, section 5). That the presenter holds the key is
 * what TLS shows. Both ends of mutual TLS use this one function.
 */
export function verifyX509Svid(
  chain: readonly Uint8Array[],
  bundles: Bundles,
  nowMs: number,
  { weaknesses = noWeaknesses }: VerifyOptions = {},
): SvidVerdict {
  try {
    const { spiffeId } = believe(chain, bundles, nowMs, weaknesses);
    return { spiffeId };
  } catch (error) {
    return verdictOf(error);
  }
}

function verdictOf(error: unknown): SvidVerdict {
  if (error instanceof CryptoError || error instanceof IdentityError)
    return { code: error.code, message: error.message };
  throw error;
}

/** An identity that is believed, from the youngest certificate's beginning to the oldest one's end. */
interface Belief {
  readonly spiffeId: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

function believe(chain: readonly Uint8Array[], bundles: Bundles, nowMs: number, weaknesses: Weaknesses): Belief {
  const [first, ...others] = chain;
  if (first === undefined) throw notAnSvid('no certificate was presented');
  const leaf = parseCertificate(first);
  const spiffeId = checkSvid(leaf);
  const ignoreValidity = weaknesses.has('mesh.expiry');
  const path = weaknesses.has('mesh.trust-domain')
    ? [leaf]
    : verifiedPath([leaf, ...others], spiffeId.trustDomain, bundles, nowMs, ignoreValidity);
  const fromMs = ignoreValidity ? Number.NEGATIVE_INFINITY : Math.max(...path.map(({ notBeforeMs }) => notBeforeMs));
  const untilMs = ignoreValidity ? Number.POSITIVE_INFINITY : Math.min(...path.map(({ notAfterMs }) => notAfterMs));
  if (nowMs > untilMs) throw new CryptoError('x509.expired', 'the certificate has expired');
  return { spiffeId: leaf.extensions.subjectAltName?.names.uris[0] as string, fromMs, untilMs };
}

function verifiedPath(
  chain: readonly (Certificate | Uint8Array)[],
  trustDomain: string,
  bundles: Bundles,
  nowMs: number,
  ignoreValidity: boolean,
): readonly Certificate[] {
  const bundle = bundles.get(trustDomain);
  if (bundle === undefined)
    throw new IdentityError('identity.foreign-trust-domain', 'the presenter’s trust domain is not trusted here');
  const verdict = verifyChain(chain, bundle.x509, { nowMs, ignoreValidity, purposes: ['serverAuth', 'clientAuth'] });
  if (!verdict.ok) throw new CryptoError(verdict.code, verdict.message);
  return verdict.path;
}

// What makes a leaf an SVID beyond what makes it valid (X509-SVID, sections 2, 3.1, 4.3 and 5.2).
function checkSvid({ extensions }: Certificate): SpiffeId {
  const { basicConstraints, keyUsage, subjectAltName } = extensions;
  const uris = subjectAltName?.names.uris ?? [];
  if (uris.length !== 1) throw notAnSvid('an SVID has exactly one URI name');
  const id = tryParseSpiffeId(uris[0] as string);
  if (id === undefined || id.path === '') throw notAnSvid('an SVID’s URI is the SPIFFE ID of a workload');
  if (basicConstraints?.ca === true) throw notAnSvid('an authority’s certificate authenticates nobody');
  if (keyUsage?.critical !== true || !keyUsage.usages.has('digitalSignature'))
    throw notAnSvid('an SVID’s key is for signing, and says so');
  if (keyUsage.usages.has('keyCertSign') || keyUsage.usages.has('cRLSign'))
    throw notAnSvid('an SVID’s key signs neither certificates nor revocation lists');
  return id;
}

function notAnSvid(message: string): IdentityError {
  return new IdentityError('identity.not-an-svid', message);
}

/** What a verifier works with. */
export interface SvidVerifierOptions extends VerifyOptions {
  readonly clock: Clock;
  /** The bundles that are in force; give a new map when they change. */
  readonly bundles: () => Bundles;
}

/** Leaves that are remembered by their content. Beyond it the oldest is forgotten, and verified again when it comes. */
const mostRemembered = 4096;

/**
 * `verifyX509Svid` for connections that ask again with each request: a chain that was believed is remembered by its leaf, until its
 * time or the bundles change. The same buffer is known at once; the same leaf on another connection, whose peer has shown by its
 * handshake that it holds the key, by its SHA-256. Refusals are never remembered.
 */
export function createSvidVerifier(options: SvidVerifierOptions): (chain: readonly Uint8Array[]) => SvidVerdict {
  const { clock, weaknesses = noWeaknesses } = options;
  let bundles: Bundles | undefined;
  let ofBuffer = new WeakMap<Uint8Array, Belief>();
  const ofContent = new Map<string, Belief>();

  const verify = (leaf: Uint8Array, chain: readonly Uint8Array[], inForce: Bundles, nowMs: number): Belief => {
    const digest = hash('sha256', leaf, 'base64');
    const known = ofContent.get(digest);
    if (known !== undefined && isInTime(known, nowMs)) return known;
    ofContent.delete(digest);
    const belief = believe(chain, inForce, nowMs, weaknesses);
    if (ofContent.size >= mostRemembered) ofContent.delete(ofContent.keys().next().value as string);
    ofContent.set(digest, belief);
    return belief;
  };

  return (chain) => {
    if (bundles !== options.bundles()) {
      bundles = options.bundles();
      ofBuffer = new WeakMap();
      ofContent.clear();
    }
    const nowMs = clock.now();
    const [leaf] = chain;
    if (leaf === undefined) return verdictOf(notAnSvid('no certificate was presented'));
    const known = ofBuffer.get(leaf);
    if (known !== undefined && isInTime(known, nowMs)) return known;
    try {
      const belief = verify(leaf, chain, bundles, nowMs);
      ofBuffer.set(leaf, belief);
      return belief;
    } catch (error) {
      return verdictOf(error);
    }
  };
}

const isInTime = ({ fromMs, untilMs }: Belief, nowMs: number): boolean => nowMs >= fromMs && nowMs <= untilMs;

/** Whether the chain of an SVID was issued under an authority that is tainted: then it is renewed at once. */
export function isTainted(chain: readonly Uint8Array[], tainted: readonly string[]): boolean {
  if (tainted.length === 0) return false;
  return chain.some((der) => {
    const { authorityKeyId } = parseCertificate(der).extensions;
    return authorityKeyId?.id !== undefined && tainted.includes(Buffer.from(authorityKeyId.id).toString('hex'));
  });
}
