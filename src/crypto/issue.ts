import { type KeyObject, randomBytes, sign } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import * as der from './der-write.ts';
import { CryptoError } from './errors.ts';
import { type KeyUsage, keyUsages } from './extensions.ts';
import { type AltNames, encodeAltNames } from './general-names.ts';
import { keyIdentifier, signatureAlgorithmOf } from './keys.ts';
import { attributeOids, extensionOids, type Purpose, purposeOids, type SignatureAlgorithm } from './oids.ts';

/** The parts of a distinguished name, in the order they are written. */
export type Name = Partial<Record<keyof typeof attributeOids, string>>;

/** Who signs. */
export interface Issuer {
  /** The issuer's subject name as DER. */
  readonly name: Uint8Array;
  readonly privateKey: KeyObject;
  /** The issuer's subjectKeyIdentifier. */
  readonly keyId: Uint8Array;
}

/** The issuer that `certificate` with its `privateKey` makes. Throws `x509.not-a-ca`. */
export function issuerOf(certificate: Certificate, privateKey: KeyObject): Issuer {
  const { basicConstraints, subjectKeyId } = certificate.extensions;
  if (basicConstraints?.ca !== true) throw new CryptoError('x509.not-a-ca', 'the certificate is not an authority’s');
  return { name: certificate.subject, privateKey, keyId: subjectKeyId?.id ?? keyIdentifier(certificate.spki) };
}

/** What a certificate shall say. */
export interface CertificateRequest {
  /** DER of a name. Where it is empty, subjectAltName is marked critical (RFC 5280, section 4.1.2.6). */
  readonly subject: Uint8Array;
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array;
  readonly issuer: Issuer;
  /** Epoch milliseconds, cut to whole seconds. */
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** An authority, that may stand above so many further ones; undefined: an end entity. */
  readonly ca?: { readonly pathLength: number };
  readonly keyUsage: readonly KeyUsage[];
  readonly extendedKeyUsage?: readonly Purpose[];
  readonly altNames?: AltNames;
}

const maxCommonNameChars = 64;

/** A distinguished name as DER; each value is cut to the 64 characters that a name part may have. */
export function encodeName(name: Name): Buffer {
  const parts = Object.entries(name).map(([key, value]) => {
    const text = value.slice(0, maxCommonNameChars);
    const encoded = key === 'serialNumber' ? der.printableString(text) : der.utf8String(text);
    return der.set(der.sequence(der.oid(attributeOids[key as keyof Name]), encoded));
  });
  return der.sequence(...parts);
}

/** Issues a certificate (RFC 5280) with a random serial number of 127 bits. Gives its DER. Throws `key.unsupported`, `der.malformed`. */
export function issueCertificate(request: CertificateRequest): Buffer {
  const { issuer } = request;
  if (request.notAfterMs < request.notBeforeMs)
    throw new CryptoError('der.malformed', 'a certificate ends after it begins');
  const algorithm = signatureAlgorithmOf(issuer.privateKey);
  const identifier = algorithmIdentifier(algorithm);
  const tbs = der.sequence(
    der.context(0, der.integer(2)),
    der.integer(randomSerial()),
    identifier,
    issuer.name,
    der.sequence(der.time(request.notBeforeMs), der.time(request.notAfterMs)),
    request.subject,
    request.publicKey,
    der.context(3, der.sequence(...extensionsOf(request))),
  );
  return der.sequence(tbs, identifier, der.bitString(sign(algorithm.digest, tbs, issuer.privateKey)));
}

/** AlgorithmIdentifier of a signature. */
export function algorithmIdentifier({ oid, nullParameters }: SignatureAlgorithm): Buffer {
  return der.sequence(der.oid(oid), ...(nullParameters ? [der.nothing] : []));
}

// Positive and never zero: the highest bit is kept clear and the next one set.
function randomSerial(): bigint {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] as number) & 0x7f) | 0x40;
  return BigInt(`0x${bytes.toString('hex')}`);
}

function extensionsOf(request: CertificateRequest): Buffer[] {
  const { ca, keyUsage, extendedKeyUsage = [], altNames, issuer, publicKey, subject } = request;
  const emptySubject = subject.byteLength === 2;
  const purposes = extendedKeyUsage.map((purpose) => der.oid(purposeOids[purpose]));
  const names = altNames === undefined ? [] : encodeAltNames(altNames);
  const constraints = ca === undefined ? [] : [der.yes, der.integer(ca.pathLength)];
  return [
    extension('basicConstraints', true, der.sequence(...constraints)),
    extension('keyUsage', true, der.namedBits(keyUsage.map((usage) => keyUsages.indexOf(usage)))),
    ...(purposes.length > 0 ? [extension('extendedKeyUsage', false, der.sequence(...purposes))] : []),
    ...(names.length > 0 ? [extension('subjectAltName', emptySubject, der.sequence(...names))] : []),
    extension('subjectKeyIdentifier', false, der.octetString(keyIdentifier(publicKey))),
    extension('authorityKeyIdentifier', false, der.sequence(der.contextPrimitive(0, issuer.keyId))),
  ];
}

/** One extension, as DER. */
export function extension(name: keyof typeof extensionOids, critical: boolean, value: Buffer): Buffer {
  return der.sequence(der.oid(extensionOids[name]), ...(critical ? [der.yes] : []), der.octetString(value));
}
