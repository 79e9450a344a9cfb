import { verify } from 'node:crypto';
import { type Certificate, parseCertificate } from './certificate.ts';
import { CryptoError, type CryptoErrorCode } from './errors.ts';
import { isStrongKey } from './keys.ts';
import { satisfies } from './name-constraints.ts';
import { type Purpose, purposeOids } from './oids.ts';

/** Authorities that are believed, by subject. */
export interface TrustAnchors {
  readonly bySubject: ReadonlyMap<string, readonly Certificate[]>;
}

/** How a chain is judged. */
export interface ChainRules {
  readonly nowMs: number;
  /** Purposes that the leaf must be good for, where it names any. */
  readonly purposes?: readonly Purpose[];
  /** At most so many authorities between leaf and anchor, self-issued ones not counted (4 unless told). */
  readonly maxIntermediates?: number;
  /** For tests that show what checking validity prevents. */
  readonly ignoreValidity?: boolean;
}

/** What became of a chain. */
export type ChainVerdict =
  | {
      readonly ok: true;
      readonly leaf: Certificate;
      /** Leaf first, anchor last. */
      readonly path: readonly Certificate[];
    }
  | { readonly ok: false; readonly code: CryptoErrorCode; readonly message: string };

const maxChainLength = 10;
// A set of cross-signed authorities can be arranged so that trying every path takes forever.
const maxSignatures = 32;

const key = (name: Uint8Array): string => Buffer.from(name).toString('latin1');
const equal = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
const isSelfIssued = ({ issuer, subject }: Certificate): boolean => equal(issuer, subject);

/** Reads the certificates of the authorities that are believed. Throws `x509.malformed`. */
export function createTrustAnchors(ders: readonly Uint8Array[]): TrustAnchors {
  const bySubject = new Map<string, Certificate[]>();
  for (const der of ders) {
    const certificate = parseCertificate(der);
    const known = bySubject.get(key(certificate.subject));
    if (known === undefined) bySubject.set(key(certificate.subject), [certificate]);
    else known.push(certificate);
  }
  return { bySubject };
}

/**
 * Judges a chain of certificates (RFC 5280, section 6), leaf first, the others in any order. The anchors are held to the
 * same rules as every authority below them. Stricter than the RFC where that costs nothing: key identifiers and key usage
 * are demanded of authorities, only strong algorithms and keys count, and a critical extension that is not understood
 * refuses the path. Revocation is no part of it: short lives take its place.
 */
export function verifyChain(
  chain: readonly (Certificate | Uint8Array)[],
  anchors: TrustAnchors,
  rules: ChainRules,
): ChainVerdict {
  try {
    if (chain.length > maxChainLength) throw new CryptoError('x509.chain-too-long', 'the chain is too long');
    const [leaf, ...intermediates] = chain.map((one) => (one instanceof Uint8Array ? parseCertificate(one) : one));
    if (leaf === undefined) throw new CryptoError('x509.untrusted', 'no certificate was presented');
    checkLeaf(leaf, rules);
    return { ok: true, leaf, path: new PathSearch(intermediates, anchors, rules).from([leaf]) };
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    return { ok: false, code: error.code, message: error.message };
  }
}

/** Looks for a path from a leaf to an anchor, depth first, within a budget of signatures. */
class PathSearch {
  readonly #intermediates: readonly Certificate[];
  readonly #anchors: TrustAnchors;
  readonly #rules: ChainRules;
  #signatures = 0;

  constructor(intermediates: readonly Certificate[], anchors: TrustAnchors, rules: ChainRules) {
    this.#intermediates = intermediates;
    this.#anchors = anchors;
    this.#rules = rules;
  }

  /** The whole path that continues `path`. Throws what was wrong with the most promising one. */
  from(path: readonly Certificate[]): readonly Certificate[] {
    const last = path.at(-1) as Certificate;
    let failure = new CryptoError('x509.untrusted', 'the certificate was issued by no authority that is trusted');
    for (const anchor of this.#anchors.bySubject.get(key(last.issuer)) ?? []) {
      const whole = [...path, anchor];
      const wrong = caught(
        () => this.#checkStep(last, anchor),
        () => checkPath(whole, this.#rules),
      );
      if (wrong === undefined) return whole;
      failure = wrong;
    }
    for (const issuer of this.#intermediates) {
      if (!equal(issuer.subject, last.issuer) || path.some((used) => equal(used.der, issuer.der))) continue;
      let found: readonly Certificate[] = [];
      const wrong = caught(
        () => this.#checkStep(last, issuer),
        () => void (found = this.from([...path, issuer])),
      );
      if (wrong === undefined) return found;
      if (failure.code === 'x509.untrusted') failure = wrong;
    }
    throw failure;
  }

  #checkStep(subject: Certificate, issuer: Certificate): void {
    if (++this.#signatures > maxSignatures)
      throw new CryptoError('x509.chain-too-long', 'the chain has too many branches');
    checkAuthority(issuer, this.#rules);
    checkKeyIdentifiers(subject, issuer);
    checkSignature(subject, issuer);
  }
}

function caught(...steps: readonly (() => void)[]): CryptoError | undefined {
  try {
    for (const step of steps) step();
    return undefined;
  } catch (error) {
    if (error instanceof CryptoError) return error;
    throw error;
  }
}

function checkLeaf(leaf: Certificate, rules: ChainRules): void {
  checkCommon(leaf, rules);
  const { basicConstraints, keyUsage, extendedKeyUsage, nameConstraints } = leaf.extensions;
  if (basicConstraints?.ca === true || keyUsage?.usages.has('keyCertSign') || nameConstraints !== undefined)
    throw new CryptoError('x509.key-usage', 'the certificate is an authority’s, which authenticates nobody');
  if (keyUsage !== undefined && !keyUsage.usages.has('digitalSignature'))
    throw new CryptoError('x509.key-usage', 'the certificate’s key may not sign');
  for (const purpose of rules.purposes ?? []) {
    if (extendedKeyUsage !== undefined && !extendedKeyUsage.purposes.has(purposeOids[purpose]))
      throw new CryptoError('x509.extended-key-usage', `the certificate is not meant for \`${purpose}\``);
  }
}

function checkAuthority(authority: Certificate, rules: ChainRules): void {
  checkCommon(authority, rules);
  const { basicConstraints, keyUsage, subjectKeyId } = authority.extensions;
  if (basicConstraints?.ca !== true || !basicConstraints.critical)
    throw new CryptoError('x509.not-a-ca', 'the certificate was issued by one that is not an authority');
  if (keyUsage?.usages.has('keyCertSign') !== true)
    throw new CryptoError('x509.key-usage', 'the authority’s key may not sign certificates');
  if (subjectKeyId === undefined) throw new CryptoError('x509.key-identifier', 'the authority has no key identifier');
  if (isEmptyName(authority.subject)) throw new CryptoError('x509.not-a-ca', 'the authority has no name');
}

function checkCommon(certificate: Certificate, { nowMs, ignoreValidity = false }: ChainRules): void {
  const { extensions, notBeforeMs, notAfterMs } = certificate;
  if (extensions.unknownCritical.length > 0)
    throw new CryptoError(
      'x509.critical-extension',
      'a critical extension is not understood',
      extensions.unknownCritical.join(),
    );
  if (!ignoreValidity && nowMs > notAfterMs) throw new CryptoError('x509.expired', 'the certificate has expired');
  if (!ignoreValidity && nowMs < notBeforeMs)
    throw new CryptoError('x509.not-yet-valid', 'the certificate is not valid yet');
  if (isEmptyName(certificate.issuer)) throw new CryptoError('x509.malformed', 'the certificate names no issuer');
  const { subjectAltName, subjectKeyId, authorityKeyId } = extensions;
  if (isEmptyName(certificate.subject) && subjectAltName?.critical !== true)
    throw new CryptoError('x509.malformed', 'a certificate without a subject marks its other names critical');
  if (subjectKeyId?.critical || authorityKeyId?.critical)
    throw new CryptoError('x509.key-identifier', 'a key identifier may not be critical');
  if (authorityKeyId?.id === undefined && !isSelfIssued(certificate))
    throw new CryptoError('x509.key-identifier', 'the certificate does not identify its authority’s key');
  if (!isStrongKey(certificate.publicKey()))
    throw new CryptoError('x509.weak-key', 'the certificate’s key is too weak');
}

const isEmptyName = (name: Uint8Array): boolean => name.length <= 2;

function checkKeyIdentifiers(subject: Certificate, issuer: Certificate): void {
  const [named, has] = [subject.extensions.authorityKeyId?.id, issuer.extensions.subjectKeyId?.id];
  if (named !== undefined && has !== undefined && !equal(named, has))
    throw new CryptoError('x509.untrusted', 'the certificate was issued by no authority that is trusted');
}

function checkSignature({ signatureAlgorithm, tbs, signature }: Certificate, issuer: Certificate): void {
  const issuerKey = issuer.publicKey();
  if (signatureAlgorithm === undefined || signatureAlgorithm.keyType !== issuerKey.asymmetricKeyType)
    throw new CryptoError('x509.algorithm', 'the certificate is signed with an algorithm that is not accepted');
  if (!verify(signatureAlgorithm.digest, tbs, issuerKey, signature))
    throw new CryptoError('x509.signature', 'the certificate’s signature is wrong');
}

/** Path length and name constraints, which look at the whole path; leaf first. */
function checkPath(path: readonly Certificate[], { maxIntermediates = 4 }: ChainRules): void {
  let depth = 0;
  for (const [at, authority] of path.entries()) {
    if (at === 0) continue;
    const { basicConstraints, nameConstraints } = authority.extensions;
    if (depth > (basicConstraints?.pathLength ?? Number.POSITIVE_INFINITY))
      throw new CryptoError('x509.path-length', 'the chain is longer than one of its authorities allows');
    if (nameConstraints !== undefined) checkNames(path.slice(0, at), nameConstraints);
    if (at < path.length - 1 && !isSelfIssued(authority)) depth++;
  }
  if (depth > maxIntermediates) throw new CryptoError('x509.chain-too-long', 'the chain is too long');
}

function checkNames(below: readonly Certificate[], constraints: Parameters<typeof satisfies>[1]): void {
  for (const [at, certificate] of below.entries()) {
    if (at > 0 && isSelfIssued(certificate)) continue;
    if (!satisfies(certificate, constraints))
      throw new CryptoError('x509.name-constraints', 'the certificate names what its authority may not vouch for');
  }
}
