import type { KeyObject } from 'node:crypto';
import {
  DerReader,
  malformed,
  readBitString,
  readIntegerBytes,
  readOid,
  readOnly,
  readSmallInteger,
  readTime,
} from './der-read.ts';
import { tags } from './der-tags.ts';
import { CryptoError } from './errors.ts';
import { type Extensions, readExtensions } from './extensions.ts';
import { importPublicKey } from './keys.ts';
import { type SignatureAlgorithm, signatureAlgorithms } from './oids.ts';

/** An X.509 certificate of version 3, read and checked in form; whether it is to be believed is `verifyChain`'s question. */
export interface Certificate {
  readonly der: Uint8Array;
  /** The part that is signed. */
  readonly tbs: Uint8Array;
  /** Lower-case hex without leading zeros of its encoding's sign. */
  readonly serial: string;
  /** Distinguished names as DER. They are compared byte by byte. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  readonly notBeforeMs: number;
  /** The last moment at which it is valid. */
  readonly notAfterMs: number;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Uint8Array;
  /** Undefined: made with an algorithm that is not accepted. */
  readonly signatureAlgorithm: SignatureAlgorithm | undefined;
  readonly signature: Uint8Array;
  readonly extensions: Extensions;
  /** The subject's key, read on first use. Throws `key.unsupported`. */
  publicKey(): KeyObject;
}

const maxCertificateBytes = 64 * 1024;
const maxSerialBytes = 20;

/** Reads one certificate (RFC 5280, section 4.1). Throws `x509.malformed`. */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.byteLength > maxCertificateBytes) throw new CryptoError('x509.malformed', 'the certificate is too large');
  try {
    return readCertificate(der);
  } catch (error) {
    if (!(error instanceof CryptoError) || error.code !== 'der.malformed') throw error;
    throw new CryptoError('x509.malformed', 'the certificate is malformed', error.message);
  }
}

function readCertificate(der: Uint8Array): Certificate {
  const outer = new DerReader(readOnly(der, tags.sequence).content);
  const tbs = outer.read(tags.sequence);
  const algorithm = outer.read(tags.sequence);
  const signature = readBitString(outer.read(tags.bitString));
  outer.end();
  const { innerAlgorithm, ...fields } = readTbs(new DerReader(tbs.content));
  // RFC 5280, section 4.1.1.2: the one that is signed and the one that is used are the same.
  if (!Buffer.from(innerAlgorithm).equals(algorithm.raw)) throw malformed('two signature algorithms');
  let key: KeyObject | undefined;
  return {
    der,
    tbs: tbs.raw,
    ...fields,
    signatureAlgorithm: readSignatureAlgorithm(new DerReader(algorithm.content)),
    signature,
    publicKey: () => (key ??= importPublicKey(fields.spki)),
  };
}

function readTbs(reader: DerReader) {
  const version = reader.enter(0xa0);
  if (readSmallInteger(version.read(tags.integer)) !== 2) throw malformed('a certificate of version 3 is needed');
  version.end();
  const serial = readSerial(readIntegerBytes(reader.read(tags.integer)));
  const innerAlgorithm = reader.read(tags.sequence).raw;
  const issuer = reader.read(tags.sequence).raw;
  const validity = reader.enter(tags.sequence);
  const [notBeforeMs, notAfterMs] = [readTime(validity.read()), readTime(validity.read())];
  validity.end();
  const subject = reader.read(tags.sequence).raw;
  const spki = reader.read(tags.sequence).raw;
  const extensions = readExtensionList(reader);
  return { serial, innerAlgorithm, issuer, notBeforeMs, notAfterMs, subject, spki, extensions };
}

function readExtensionList(reader: DerReader): Extensions {
  reader.readIf(0x81); // issuerUniqueID and subjectUniqueID: obsolete, and nothing is decided by them
  reader.readIf(0x82);
  const wrapper = reader.readIf(0xa3);
  reader.end();
  if (wrapper === undefined) return { unknownCritical: [] };
  return readExtensions(new DerReader(readOnly(wrapper.content, tags.sequence).content));
}

// RFC 5280, section 4.1.2.2: positive, at most 20 octets.
function readSerial(bytes: Uint8Array): string {
  const first = bytes[0] as number;
  if (first >= 0x80 || bytes.length > maxSerialBytes || bytes.every((byte) => byte === 0))
    throw malformed('a serial number is positive and of at most 20 bytes');
  return Buffer.from(first === 0 ? bytes.subarray(1) : bytes).toString('hex');
}

function readSignatureAlgorithm(reader: DerReader): SignatureAlgorithm | undefined {
  const oid = readOid(reader.read(tags.oid));
  const row = signatureAlgorithms.find((candidate) => candidate.oid === oid);
  if (row === undefined) return undefined;
  if (row.nullParameters) reader.read(tags.null);
  reader.end();
  return row;
}
