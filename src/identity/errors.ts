import { MerlonError } from '../core/errors.ts';

/** Every code that this folder throws or answers with, beside those of certificates (`x509.*`). */
export const identityErrorCodes = [
  'identity.invalid-spiffe-id',
  'identity.invalid-trust-domain',
  'identity.foreign-trust-domain',
  'identity.not-an-svid',
  'identity.key-refused',
  'identity.proof-refused',
  'identity.invalid-lifetime',
  'identity.invalid-audience',
  'identity.rotation-refused',
  'identity.bundle-malformed',
  'identity.state-corrupt',
  'identity.jwt-svid-refused',
] as const;

export type IdentityErrorCode = (typeof identityErrorCodes)[number];

/** A refusal to issue or believe an identity. */
export class IdentityError extends MerlonError {
  declare readonly code: IdentityErrorCode;

  constructor(code: IdentityErrorCode, message: string, more: { detail?: string; hint?: string } = {}) {
    super({ code, message, ...more });
  }
}
