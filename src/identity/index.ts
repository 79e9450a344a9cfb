export {
  type Bundles,
  bundleFromPem,
  type CompiledBundle,
  compileBundles,
  formatBundlePem,
} from './bundle.ts';
export { backdateMs, defaultLifetimes, type Lifetimes, refreshHintSeconds, renewalPoints } from './config.ts';
export { IdentityError, type IdentityErrorCode, identityErrorCodes } from './errors.ts';
export { createExpiryLedger, type ExpiryLedger, expiringAuthorities } from './expiry-ledger.ts';
export type { JwtSvid, JwtSvidRequest, X509Svid, X509SvidRequest } from './issuance.ts';
export { type KeyProof, proveKey } from './proof.ts';
export type { Rotation } from './rotation.ts';
export { type Credential, createRotator, type Rotator, type RotatorOptions, type Stall } from './rotator.ts';
export {
  checkTrustDomain,
  formatSpiffeId,
  isTrustDomain,
  parseSpiffeId,
  type RoleName,
  roleSpiffeId,
  type SpiffeId,
  serviceSpiffeId,
  tryParseSpiffeId,
} from './spiffe-id.ts';
export {
  createSvidVerifier,
  isTainted,
  type SvidVerdict,
  type SvidVerifierOptions,
  verifyX509Svid,
} from './verify-x509.ts';
