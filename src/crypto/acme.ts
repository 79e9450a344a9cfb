import { createHash, type KeyObject, sign } from 'node:crypto';
import * as der from './der-write.ts';
import type { CertificateWithKey } from './development.ts';
import { encodeAltNames } from './general-names.ts';
import { algorithmIdentifier, extension } from './issue.ts';
import {
  exportPrivateKey,
  exportPublicKey,
  generateKeyPair,
  type KeyPair,
  keyIdentifier,
  signatureAlgorithmOf,
} from './keys.ts';
import { extensionRequestOid } from './oids.ts';
import { formatCertificatesPem, formatPem } from './pem.ts';

const noName = der.sequence();

/** A certification request (PKCS #10, RFC 2986) for DNS names, without a subject: the names stand in subjectAltName. DER. */
export function encodeCertificationRequest(keys: KeyPair, dnsNames: readonly string[]): Buffer {
  const wanted = der.sequence(extension('subjectAltName', true, namesOf(dnsNames)));
  const info = der.sequence(
    der.integer(0),
    noName,
    exportPublicKey(keys.publicKey),
    der.context(0, der.sequence(der.oid(extensionRequestOid), der.set(wanted))),
  );
  return signed(info, keys.privateKey);
}

const lifeMs = 7 * 86_400_000;
const backdateMs = 86_400_000;

/** The certificate that answers the challenge TLS-ALPN-01 (RFC 8737, section 3): for one name, holding the digest of the key authorization. */
export function mintChallengeCertificate(dnsName: string, keyAuthorization: string, nowMs: number): CertificateWithKey {
  const keys = generateKeyPair('P-256');
  const algorithm = algorithmIdentifier(signatureAlgorithmOf(keys.privateKey));
  const publicKey = exportPublicKey(keys.publicKey);
  const digest = createHash('sha256').update(keyAuthorization).digest();
  const notAfterMs = nowMs + lifeMs;
  const tbs = der.sequence(
    der.context(0, der.integer(2)),
    der.integer(1),
    algorithm,
    noName,
    der.sequence(der.time(nowMs - backdateMs), der.time(notAfterMs)),
    noName,
    publicKey,
    der.context(
      3,
      der.sequence(
        extension('subjectAltName', true, namesOf([dnsName])),
        extension('acmeIdentifier', true, der.octetString(digest)),
        extension('subjectKeyIdentifier', false, der.octetString(keyIdentifier(publicKey))),
      ),
    ),
  );
  return {
    certificatePem: formatCertificatesPem([signed(tbs, keys.privateKey)]),
    privateKeyPem: formatPem('PRIVATE KEY', exportPrivateKey(keys.privateKey)),
    notAfterMs,
  };
}

function namesOf(dnsNames: readonly string[]): Buffer {
  return der.sequence(...encodeAltNames({ dnsNames }));
}

function signed(content: Buffer, key: KeyObject): Buffer {
  const algorithm = signatureAlgorithmOf(key);
  return der.sequence(content, algorithmIdentifier(algorithm), der.bitString(sign(algorithm.digest, content, key)));
}
