import { isIP } from 'node:net';
import { parseCertificate } from './certificate.ts';
import { CryptoError } from './errors.ts';
import { encodeName, issueCertificate, issuerOf } from './issue.ts';
import { exportPrivateKey, exportPublicKey, generateKeyPair, importPrivateKey, keyIdentifier } from './keys.ts';
import { formatCertificatesPem, formatPem, parseCertificatesPem, parsePem } from './pem.ts';

const dayMs = 86_400_000;
const authorityLifeDays = 365;
const serverLifeDays = 90;
// Browsers and other machines of a team run a little behind.
const backdateMs = 3_600_000;

/** A certificate with its key. `privateKeyPem` is secret. */
export interface CertificateWithKey {
  /** Leaf first. */
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  /** Epoch milliseconds. */
  readonly notAfterMs: number;
}

/** An authority for one machine's development: P-256, a year. It may issue for servers alone, and makes no further authority. */
export function mintDevelopmentCa(nowMs: number): CertificateWithKey {
  const { privateKey, publicKey } = generateKeyPair('P-256');
  const spki = exportPublicKey(publicKey);
  const keyId = keyIdentifier(spki);
  const name = encodeName({ commonName: 'Merlon development CA', serialNumber: keyId.toString('hex').slice(0, 16) });
  const notAfterMs = nowMs + authorityLifeDays * dayMs;
  const der = issueCertificate({
    subject: name,
    publicKey: spki,
    issuer: { name, privateKey, keyId },
    notBeforeMs: nowMs - backdateMs,
    notAfterMs,
    ca: { pathLength: 0 },
    keyUsage: ['keyCertSign', 'cRLSign'],
    extendedKeyUsage: ['serverAuth'],
  });
  return {
    certificatePem: formatCertificatesPem([der]),
    privateKeyPem: formatPem('PRIVATE KEY', exportPrivateKey(privateKey)),
    notAfterMs,
  };
}

/** What a server's certificate is for. */
export interface ServerCertificateRequest {
  /** DNS names and IP addresses; at least one. */
  readonly hosts: readonly string[];
  readonly nowMs: number;
}

/**
 * A TLS server's certificate for `hosts`, issued by the development authority `ca`: a fresh P-256 key, 90 days or as long as
 * the authority lives. Throws `x509.expired` where the authority is at its end, `der.malformed` for a host that is none.
 */
export function mintServerCertificate(ca: CertificateWithKey, request: ServerCertificateRequest): CertificateWithKey {
  const authority = parseCertificate(parseCertificatesPem(ca.certificatePem)[0] as Buffer);
  if (authority.notAfterMs <= request.nowMs)
    throw new CryptoError('x509.expired', 'the development authority has expired');
  const [block] = parsePem(ca.privateKeyPem);
  const { privateKey, publicKey } = generateKeyPair('P-256');
  const notAfterMs = Math.min(request.nowMs + serverLifeDays * dayMs, authority.notAfterMs);
  const der = issueCertificate({
    subject: encodeName({ commonName: request.hosts[0] ?? '' }),
    publicKey: exportPublicKey(publicKey),
    issuer: issuerOf(authority, importPrivateKey(block?.bytes ?? new Uint8Array())),
    notBeforeMs: request.nowMs - backdateMs,
    notAfterMs,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: ['serverAuth'],
    altNames: {
      dnsNames: request.hosts.filter((host) => isIP(host) === 0),
      addresses: request.hosts.filter((host) => isIP(host) !== 0),
    },
  });
  return {
    certificatePem: formatCertificatesPem([der, authority.der]),
    privateKeyPem: formatPem('PRIVATE KEY', exportPrivateKey(privateKey)),
    notAfterMs,
  };
}
