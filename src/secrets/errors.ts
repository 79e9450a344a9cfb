import { type ErrorFacts, MerlonError } from '../core/errors.ts';

/** Every code that this folder throws. */
export const secretsErrorCodes = [
  'secrets.sealed',
  'secrets.not-initialised',
  'secrets.already-initialised',
  'secrets.wrong-key',
  'secrets.key-missing',
  'secrets.key-malformed',
  'secrets.tampered',
  'secrets.bad-request',
  'secrets.bad-path',
  'secrets.too-large',
  'secrets.cas-required',
  'secrets.cas-mismatch',
  'secrets.not-found',
  'secrets.unsupported',
  'secrets.token-missing',
  'secrets.permission-denied',
  'secrets.not-renewable',
  'secrets.login-refused',
  'secrets.audit-failed',
  'secrets.missing',
] as const;

export type SecretsErrorCode = (typeof secretsErrorCodes)[number];

/** A refusal or failure of the secrets store. */
export class SecretsError extends MerlonError {
  declare readonly code: SecretsErrorCode;

  constructor(code: SecretsErrorCode, message: string, facts: Omit<ErrorFacts, 'code' | 'message'> = {}) {
    super({ ...facts, code, message });
  }
}
