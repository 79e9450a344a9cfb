import { errors } from 'oidc-provider';
import type { DeclaredRole } from '../api/oidc.ts';
import type { Context, Grant, ProviderAccount, ProviderClient } from './provider-types.ts';

/** Scopes of OpenID Connect itself; all others belong to the API. */
export const openIdScopes = ['openid', 'profile', 'email', 'offline_access'] as const;

// These stand in access tokens too, because the userinfo endpoint goes by them.
const userinfoScopes = ['openid', 'profile', 'email'] as const;

/** What may be asked for at this provider. */
export interface ScopeRules {
  /** The API's scopes: all that any route asks for. */
  readonly scopes: readonly string[];
  readonly roles: Readonly<Record<string, DeclaredRole>>;
  /** The API's name in tokens. */
  readonly audience: string;
}

/** The API as a resource indicator (RFC 8707), which must be an absolute URI; the audience itself where it is one. */
export function resourceOf(audience: string): string {
  const isUri = URL.canParse(audience) && !audience.includes('#');
  return isUri ? audience : `urn:merlon:audience:${encodeURIComponent(audience)}`;
}

/**
 * The API's scopes that this request may end up with: what the client may ask for, and, as soon as it is known for
 * whom, what that user's roles carry now. Throws `InvalidScope` where the client asks for more than it may.
 */
export function permittedScopes(
  { scopes, roles }: ScopeRules,
  { oidc }: Context,
  client: ProviderClient,
): readonly string[] {
  const askable = scopes.filter((scope) => client.merlon_scopes.includes(scope));
  for (const scope of oidc?.requestParamScopes ?? []) {
    if (!askable.includes(scope) && !(openIdScopes as readonly string[]).includes(scope))
      throw new errors.InvalidScope('requested scope is not allowed', scope);
  }
  if (oidc?.params?.grant_type === 'client_credentials') return askable;
  const carried =
    oidc?.account === undefined
      ? askable
      : askable.filter((scope) => carries(roles, oidc.account as ProviderAccount, scope));
  return [...userinfoScopes, ...carried];
}

function carries(roles: ScopeRules['roles'], { user }: ProviderAccount, scope: string): boolean {
  return user.roles.some((role) => Object.hasOwn(roles, role) && roles[role]?.scopes.includes(scope));
}

/**
 * The grant of this session and client, brought up to date: each requested scope is granted or refused by the user's
 * roles, so that nothing is left to ask consent for.
 */
export async function loadGrant(rules: ScopeRules, { oidc }: Context): Promise<Grant | undefined> {
  const { client, account, session, provider } = oidc ?? {};
  if (client === undefined || account === undefined || provider === undefined || oidc === undefined) return undefined;
  const existing = session?.grantIdFor(client.clientId);
  const grant =
    (existing === undefined ? undefined : await provider.Grant.find(existing)) ??
    new provider.Grant({ accountId: account.accountId, clientId: client.clientId });
  const resource = resourceOf(rules.audience);
  grant.rejected = undefined;
  for (const scope of oidc.requestParamScopes) {
    const isOpenId = oidc.requestParamOIDCScopes.has(scope);
    if (isOpenId) grant.addOIDCScope(scope);
    if (isOpenId || carries(rules.roles, account, scope)) grant.addResourceScope(resource, scope);
    else grant.rejectResourceScope(resource, scope);
  }
  await grant.save();
  return grant;
}
