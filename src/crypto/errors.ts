import { MerlonError } from '../core/errors.ts';

/** Codes of certificates, keys and their encodings. */
export const cryptoErrorCodes = [
  'der.malformed',
  'pem.malformed',
  'key.unsupported',
  'x509.malformed',
  'x509.untrusted',
  'x509.signature',
  'x509.algorithm',
  'x509.weak-key',
  'x509.expired',
  'x509.not-yet-valid',
  'x509.not-a-ca',
  'x509.path-length',
  'x509.key-usage',
  'x509.extended-key-usage',
  'x509.key-identifier',
  'x509.critical-extension',
  'x509.name-constraints',
  'x509.chain-too-long',
] as const;

export type CryptoErrorCode = (typeof cryptoErrorCodes)[number];

/** A certificate, key or encoding that is refused. */
export class CryptoError extends MerlonError {
  declare readonly code: CryptoErrorCode;

  constructor(code: CryptoErrorCode, message: string, detail?: string) {
    super(detail === undefined ? { code, message } : { code, message, detail });
  }
}
