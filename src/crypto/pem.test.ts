import { describe, expect, it } from 'vitest';
import { formatCertificatesPem, formatPem, parseCertificatesPem, parsePem } from './pem.ts';

const bytes = Buffer.from(Array.from({ length: 100 }, (_, at) => at));
const malformed = expect.objectContaining({ code: 'pem.malformed' });

describe('pem', () => {
  it('reads back what it writes, with any line ending and with comments between', () => {
    const text = `a comment\n${formatPem('CERTIFICATE', bytes)}\nanother\n${formatPem('PRIVATE KEY', bytes)}`;
    for (const variant of [text, text.replaceAll('\n', '\r\n')])
      expect(parsePem(variant)).toEqual([
        { label: 'CERTIFICATE', bytes },
        { label: 'PRIVATE KEY', bytes },
      ]);
    expect(parseCertificatesPem(text)).toEqual([bytes]);
    expect(parseCertificatesPem(formatCertificatesPem([bytes, bytes]))).toEqual([bytes, bytes]);
  });

  it.each([
    ['no end', '-----BEGIN CERTIFICATE-----\nAAAA\n'],
    ['another end', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END PRIVATE KEY-----\n'],
    ['an empty body', '-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n'],
    ['headers', '-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END CERTIFICATE-----\n'],
    ['base64url', '-----BEGIN CERTIFICATE-----\nAA-_\n-----END CERTIFICATE-----\n'],
    ['dangling bits', '-----BEGIN CERTIFICATE-----\nAB==\n-----END CERTIFICATE-----\n'],
    ['no padding', '-----BEGIN CERTIFICATE-----\nAA\n-----END CERTIFICATE-----\n'],
    ['too much text', 'x'.repeat(2_000_000)],
  ])('refuses a block with %s', (_, text) => {
    expect(() => parsePem(text)).toThrow(malformed);
  });

  it('refuses text without a certificate', () => {
    expect(() => parseCertificatesPem(formatPem('PRIVATE KEY', bytes))).toThrow(malformed);
  });
});
