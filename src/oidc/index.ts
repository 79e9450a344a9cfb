import type { OpenIdProvider, OpenIdProviderOptions } from './provider.ts';

export {
  type Accounts,
  type AccountsOptions,
  createAccounts,
  foldUserName,
  type User,
  type UserSettings,
} from './accounts.ts';
export { type ApiKey, type ApiKeyRequest, type ApiKeys, createApiKeys, type MintedApiKey } from './api-keys.ts';
export { type ClientRecord, listClients, rotateClientSecret } from './clients.ts';
export { defaultLifetimes, type Lifetimes } from './config.ts';
export { type SyncDeclaredOptions, type SyncResult, syncDeclared } from './declared.ts';
export { OidcError, type OidcErrorCode, oidcErrorCodes } from './errors.ts';
export type { Fetch, FetchResponse, LoginAttempt, LoginThrottle, LoginVerdict } from './ports.ts';
export type { OpenIdProvider, OpenIdProviderOptions } from './provider.ts';
export type { ScopeRules } from './scopes.ts';
export {
  type ClientCredentialsOptions,
  clientCredentials,
  type ObtainTokenOptions,
  obtainToken,
  type RefreshTokenOptions,
  refreshTokens,
  type TokenSet,
} from './token-client.ts';

/**
 * The embedded OpenID Provider, with its keys in `options.store`. The library behind it is loaded by the first call,
 * so a control plane without it does not carry it. Throws `oidc.config`.
 */
export async function createOpenIdProvider(options: OpenIdProviderOptions): Promise<OpenIdProvider> {
  const { buildOpenIdProvider } = await import('./provider.ts');
  return buildOpenIdProvider(options);
}
