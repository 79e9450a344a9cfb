export { type Barrier, type BarrierStatus, createBarrier } from './barrier.ts';
export { secretsConfig } from './config.ts';
export { SecretsError, type SecretsErrorCode, secretsErrorCodes } from './errors.ts';
export { fileKeyProvider } from './file-key-provider.ts';
export { type Capability, createAcl, type PathRule, type Policy } from './policy.ts';
export type {
  AccessEvent,
  FindServiceRole,
  KeptRootKey,
  KeyProvider,
  RecordAccess,
  ServiceRole,
  VerifySvid,
} from './ports.ts';
export { createSecrets, type OperatorSecrets, type Secrets, type SecretsOptions, type SecretValue } from './secrets.ts';
export { type SecretNeed, type SecretsPlan, type ServiceSecrets, writeSecretFiles } from './service-secrets.ts';
export type { IssuedToken, Token } from './tokens.ts';
export type { VaultHandler } from './vault.ts';
export type { VaultRequest, VaultResponse } from './vault-http.ts';
export type { SealState } from './vault-system.ts';
