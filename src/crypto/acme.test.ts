import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { encodeCertificationRequest, generateKeyPair, mintChallengeCertificate } from './index.ts';

const hasOpenssl = spawnSync('openssl', ['version']).status === 0;

test.runIf(hasOpenssl)('OpenSSL reads a certification request, and its signature holds', () => {
  const request = encodeCertificationRequest(generateKeyPair('P-256'), ['shop.example', 'api.shop.example']);
  const text = execFileSync('openssl', ['req', '-inform', 'DER', '-noout', '-verify', '-text'], {
    input: request,
    stdio: ['pipe', 'pipe', 'pipe'],
  }).toString();
  expect(text).toContain('DNS:shop.example, DNS:api.shop.example');
  expect(text).toContain('ecdsa-with-SHA256');
});

test('the certificate of a challenge is for one name, and holds the digest as RFC 8737 writes it', () => {
  const { certificatePem, privateKeyPem } = mintChallengeCertificate(
    'shop.example',
    'token.thumbprint',
    1_790_000_000_000,
  );
  const certificate = new X509Certificate(certificatePem);
  expect(certificate.subjectAltName).toBe('DNS:shop.example');
  expect(certificate.checkPrivateKey(createPrivateKey(privateKeyPem))).toBe(true);
  expect(certificate.verify(certificate.publicKey)).toBe(true);
  const digest = createHash('sha256').update('token.thumbprint').digest('hex');
  // id-pe-acmeIdentifier, critical, an OCTET STRING in an OCTET STRING.
  expect(certificate.raw.toString('hex')).toContain(`06082b060105050701 1f0101ff04220420${digest}`.replace(' ', ''));
});
