import { MerlonError } from '../core/errors.ts';

/** Every code that this folder throws. */
export const oidcErrorCodes = [
  'oidc.user-exists',
  'oidc.user-unknown',
  'oidc.user-name',
  'oidc.password-weak',
  'oidc.password-hash',
  'oidc.client-unknown',
  'oidc.role-unknown',
  'oidc.api-key',
  'oidc.busy',
  'oidc.config',
  'oidc.corrupt',
  'oidc.login-failed',
  'oidc.token-refused',
] as const;

export type OidcErrorCode = (typeof oidcErrorCodes)[number];

/** A failure of accounts, clients, keys or of getting a token. */
export class OidcError extends MerlonError {
  declare readonly code: OidcErrorCode;
}

/** Shorthand for an error that has no more to say than its sentence. */
export function oidcError(code: OidcErrorCode, message: string, hint?: string): OidcError {
  return new OidcError({ code, message, ...(hint !== undefined && { hint }) });
}
