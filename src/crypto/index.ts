export { encodeCertificationRequest, mintChallengeCertificate } from './acme.ts';
export {
  AeadError,
  type AeadErrorCode,
  aeadErrorCodes,
  aeadKey,
  aeadKeyBytes,
  decryptEnvelope,
  encryptEnvelope,
  envelopeKeyId,
  type NumberedKey,
} from './aead.ts';
export { type Certificate, parseCertificate } from './certificate.ts';
export { type ChainRules, type ChainVerdict, createTrustAnchors, type TrustAnchors, verifyChain } from './chain.ts';
export {
  type CertificateWithKey,
  mintDevelopmentCa,
  mintServerCertificate,
  type ServerCertificateRequest,
} from './development.ts';
export { CryptoError, type CryptoErrorCode, cryptoErrorCodes } from './errors.ts';
export { type Extensions, type KeyUsage, keyUsages, type NameConstraints } from './extensions.ts';
export type { AltNames, GeneralNames } from './general-names.ts';
export { type CertificateRequest, encodeName, type Issuer, issueCertificate, issuerOf, type Name } from './issue.ts';
export {
  createKeyring,
  type Keyring,
  type KeyStatus,
  maxMessagesPerKey,
  unwrapKeyring,
  type WrappedKeyring,
} from './keyring.ts';
export {
  exportPrivateKey,
  exportPublicKey,
  generateKeyPair,
  importPrivateKey,
  importPublicKey,
  isStrongKey,
  type KeyKind,
  type KeyPair,
  keyIdentifier,
} from './keys.ts';
export { type Purpose, purposeOids } from './oids.ts';
export { formatCertificatesPem, formatPem, type PemBlock, parseCertificatesPem, parsePem } from './pem.ts';
