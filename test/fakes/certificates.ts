import {
  encodeName,
  exportPrivateKey,
  exportPublicKey,
  formatCertificatesPem,
  formatPem,
  generateKeyPair,
  type Issuer,
  issueCertificate,
  keyIdentifier,
} from '../../src/crypto/index.ts';
import type { TlsCredentials } from '../../src/net/index.ts';

const dayMs = 86_400_000;

/** Names that a leaf carries. */
export interface LeafNames {
  readonly dnsNames?: readonly string[];
  readonly addresses?: readonly string[];
  readonly uris?: readonly string[];
}

/** A certificate authority for one test. */
export interface TlsAuthority {
  /** PEM of its root. */
  readonly bundle: string;
  /** A leaf for server and client use. `isExpired`: its time is over. */
  issue(names: LeafNames, isExpired?: boolean): TlsCredentials;
}

export function createTlsAuthority(commonName: string): TlsAuthority {
  const { privateKey, publicKey } = generateKeyPair('P-256');
  const spki = exportPublicKey(publicKey);
  const name = encodeName({ commonName });
  const issuer: Issuer = { name, privateKey, keyId: keyIdentifier(spki) };
  const validity = { notBeforeMs: Date.now() - dayMs, notAfterMs: Date.now() + dayMs };
  const root = issueCertificate({
    subject: name,
    publicKey: spki,
    issuer,
    ...validity,
    ca: { pathLength: 0 },
    keyUsage: ['keyCertSign', 'cRLSign'],
  });
  const issue = (names: LeafNames, isExpired = false): TlsCredentials => {
    const keys = generateKeyPair('P-256');
    const leaf = issueCertificate({
      subject: encodeName({ commonName: 'leaf' }),
      publicKey: exportPublicKey(keys.publicKey),
      issuer,
      ...validity,
      ...(isExpired ? { notAfterMs: Date.now() - 60_000 } : {}),
      keyUsage: ['digitalSignature'],
      extendedKeyUsage: ['serverAuth', 'clientAuth'],
      altNames: names,
    });
    return {
      certificate: formatCertificatesPem([leaf]),
      key: formatPem('PRIVATE KEY', exportPrivateKey(keys.privateKey)),
    };
  };
  return { bundle: formatCertificatesPem([root]), issue };
}
