import { randomBytes } from 'node:crypto';
import { generateSigningKey } from '../crypto/control.ts';
import {
  type Certificate,
  encodeName,
  exportPrivateKey,
  exportPublicKey,
  generateKeyPair,
  type Issuer,
  importPrivateKey,
  issueCertificate,
  issuerOf,
  keyIdentifier,
  parseCertificate,
} from '../crypto/index.ts';
import type { JwtKey, Stage, X509Authority } from './authority-state.ts';
import { backdateMs, type Lifetimes } from './config.ts';
import { formatSpiffeId } from './spiffe-id.ts';

/** What new authorities are made for. */
export interface MintOptions {
  readonly trustDomain: string;
  readonly lifetimes: Lifetimes;
  readonly nowMs: number;
  readonly stage: Stage;
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
const unbase64 = (text: string): Buffer => Buffer.from(text, 'base64');

/** An authority's certificate, read, and the issuer that it makes with its key. */
export interface Signer {
  readonly certificate: Certificate;
  readonly issuer: Issuer;
}

/** Reads a certificate and its key as they are stored. */
export function readSigner(stored: { readonly certificate: string; readonly privateKey: string }): Signer {
  const certificate = parseCertificate(unbase64(stored.certificate));
  return { certificate, issuer: issuerOf(certificate, importPrivateKey(unbase64(stored.privateKey))) };
}

/** A new root of P-256 that may stand above one intermediate, with that intermediate. */
export function mintX509Authority(options: MintOptions): X509Authority {
  const { trustDomain, lifetimes, nowMs, stage } = options;
  const notAfterMs = wholeSeconds(nowMs + lifetimes.rootMs);
  const root = mintCa({ trustDomain, role: 'root', nowMs, notAfterMs, pathLength: 1 });
  const authority = {
    ...root.stored,
    id: root.id,
    stage,
    stageSinceMs: nowMs,
    notBeforeMs: root.notBeforeMs,
    notAfterMs,
  };
  return { ...authority, intermediate: mintIntermediate(authority, options) };
}

/** A new intermediate under `root`: it never outlives it. */
export function mintIntermediate(
  root: Pick<X509Authority, 'certificate' | 'privateKey' | 'notAfterMs'>,
  { trustDomain, lifetimes, nowMs }: Omit<MintOptions, 'stage'>,
): X509Authority['intermediate'] {
  const notAfterMs = wholeSeconds(Math.min(nowMs + lifetimes.intermediateMs, root.notAfterMs));
  const { issuer } = readSigner(root);
  const { stored, notBeforeMs } = mintCa({
    trustDomain,
    role: 'intermediate',
    nowMs,
    notAfterMs,
    pathLength: 0,
    issuer,
  });
  return { ...stored, notBeforeMs, notAfterMs };
}

interface CaRequest {
  readonly trustDomain: string;
  readonly role: 'root' | 'intermediate';
  readonly nowMs: number;
  readonly notAfterMs: number;
  readonly pathLength: number;
  /** Unset: it signs itself. */
  readonly issuer?: Issuer;
}

// Each authority has a name of its own, by its key, so that a path cannot be led to the wrong one of two. Its SPIFFE ID
// is the trust domain without a path (X509-SVID, section 3.2).
function mintCa({ trustDomain, role, nowMs, notAfterMs, pathLength, issuer }: CaRequest) {
  const { privateKey, publicKey } = generateKeyPair('P-256');
  const spki = exportPublicKey(publicKey);
  const keyId = keyIdentifier(spki);
  const id = keyId.toString('hex');
  const subject = encodeName({
    organization: trustDomain,
    commonName: `Merlon ${role}`,
    serialNumber: id.slice(0, 16),
  });
  const notBeforeMs = wholeSeconds(nowMs - backdateMs);
  const certificate = issueCertificate({
    subject,
    publicKey: spki,
    issuer: issuer ?? { name: subject, privateKey, keyId },
    notBeforeMs,
    notAfterMs,
    ca: { pathLength },
    keyUsage: ['keyCertSign', 'cRLSign'],
    altNames: { uris: [formatSpiffeId({ trustDomain, path: '' })] },
  });
  const stored = { certificate: base64(certificate), privateKey: base64(exportPrivateKey(privateKey)) };
  return { id, notBeforeMs, stored };
}

/** A new key that signs JWT-SVIDs (ES256). */
export async function mintJwtKey({ lifetimes, nowMs, stage }: MintOptions): Promise<JwtKey> {
  const { kid, privateKey } = await generateSigningKey('P-256');
  return {
    id: kid,
    stage,
    stageSinceMs: nowMs,
    notBeforeMs: nowMs,
    notAfterMs: nowMs + lifetimes.jwtKeyMs,
    privateKey: base64(exportPrivateKey(privateKey)),
  };
}

/** The certificate of an X.509-SVID (X509-SVID, section 4): one URI, nothing else that names anybody. */
export function mintLeaf(
  issuer: Issuer,
  leaf: { spiffeId: string; publicKey: Uint8Array; notBeforeMs: number; notAfterMs: number },
): Buffer {
  return issueCertificate({
    subject: encodeName({}),
    publicKey: leaf.publicKey,
    issuer,
    notBeforeMs: leaf.notBeforeMs,
    notAfterMs: leaf.notAfterMs,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: ['serverAuth', 'clientAuth'],
    altNames: { uris: [leaf.spiffeId] },
  });
}

/** An unguessable token id. */
export const tokenId = (): string => randomBytes(16).toString('base64url');

/** X.509 knows whole seconds only. */
export function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
