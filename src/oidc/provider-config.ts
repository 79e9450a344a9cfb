import { errors, interactionPolicy } from 'oidc-provider';
import type { Clock } from '../core/clock.ts';
import type { Store } from '../storage/index.ts';
import type { Accounts, User } from './accounts.ts';
import { createAdapter } from './adapter.ts';
import type { Lifetimes } from './config.ts';
import { interactionPath } from './interaction.ts';
import { contentSecurityPolicy, errorPage, formTarget, logoutPage, signedOutPage } from './pages.ts';
import type { Context, ProviderAccount, ProviderClient } from './provider-types.ts';
import { loadGrant, openIdScopes, permittedScopes, resourceOf, type ScopeRules } from './scopes.ts';
import type { ProviderKeys } from './signing-keys.ts';

export interface ProviderConfigOptions extends ScopeRules {
  readonly issuer: URL;
  readonly store: Store;
  readonly clock: Clock;
  readonly accounts: Accounts;
  readonly lifetimes: Lifetimes;
}

/** The configuration of oidc-provider: all that it would do by default and that we do not want is off or replaced here. */
export function providerConfig(options: ProviderConfigOptions, keys: ProviderKeys): object {
  const { store, clock, accounts, lifetimes, issuer } = options;
  return {
    ...protocolConfig,
    adapter: (model: string) => createAdapter(model, store, clock),
    jwks: { keys: keys.signing },
    cookies: cookieConfig(issuer, keys),
    features: features(options),
    findAccount: (_: Context, id: string) => findAccount(accounts, id),
    loadExistingGrant: (context: Context) => loadGrant(options, context),
    interactions: {
      policy: createPolicy(),
      url: (_: Context, { uid }: { uid: string }) => issuer.pathname + interactionPath(uid),
    },
    discovery: { userinfo_endpoint: `${issuer.href}/userinfo` },
    ttl: lifetimesOf(lifetimes),
  };
}

/** What is the same for every provider. */
const protocolConfig = {
  scopes: [...openIdScopes],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email'] },
  responseTypes: ['code'],
  pkce: { required: () => true },
  issueRefreshToken: async (_: Context, client: ProviderClient) => client.grantTypeAllowed('refresh_token'),
  rotateRefreshToken: true,
  extraTokenClaims: async ({ oidc }: Context) => ({
    roles: oidc?.account?.user.roles ?? oidc?.client?.merlon_roles ?? [],
  }),
  clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post'],
  clientDefaults: {
    id_token_signed_response_alg: 'ES256',
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  },
  extraClientMetadata: { properties: ['merlon_scopes', 'merlon_roles'] },
  // A browser application may call from where its users are sent back to, and from nowhere else.
  clientBasedCORS: (_: Context, origin: string, client: ProviderClient) =>
    client.clientAuthMethod === 'none' && client.redirectUris.some((uri) => URL.parse(uri)?.origin === origin),
  enabledJWA: {
    idTokenSigningAlgValues: ['ES256'],
    clientAuthSigningAlgValues: ['ES256'],
    userinfoSigningAlgValues: ['ES256'],
  },
  routes: {
    authorization: '/authorize',
    token: '/token',
    revocation: '/revoke',
    end_session: '/logout',
    jwks: '/jwks',
  },
  renderError: (context: Context, facts: Record<string, unknown>) => showPage(context, errorPage(facts)),
  // The provider has no business calling anyone.
  fetch: async () => {
    throw new Error('outgoing requests are switched off');
  },
};

function cookieConfig(issuer: URL, { cookies }: ProviderKeys): object {
  const secure = issuer.protocol === 'https:';
  const prefix = secure ? '__Secure-' : '';
  const options = { httpOnly: true, sameSite: 'lax', secure, signed: true, overwrite: true };
  return {
    keys: cookies,
    names: {
      session: `${prefix}merlon-session`,
      interaction: `${prefix}merlon-login`,
      resume: `${prefix}merlon-resume`,
    },
    // The API shares the origin, and its services must never see the session.
    long: { ...options, path: issuer.pathname },
    short: options,
  };
}

function features(options: ProviderConfigOptions): object {
  const resource = resourceOf(options.audience);
  return {
    devInteractions: { enabled: false },
    dPoP: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    // Served by us, because the library's own refuses tokens that are meant for an API.
    userinfo: { enabled: false },
    clientCredentials: { enabled: true },
    revocation: {
      enabled: true,
      allowedPolicy: async (_: Context, client: ProviderClient, token: { clientId: string }) =>
        token.clientId === client.clientId,
    },
    rpInitiatedLogout: {
      enabled: true,
      logoutSource: async (context: Context, form: string) =>
        showPage(context, logoutPage(form), context.oidc?.params?.post_logout_redirect_uri),
      postLogoutSuccessSource: async (context: Context) => showPage(context, signedOutPage()),
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: async () => resource,
      useGrantedResource: async () => true,
      getResourceServerInfo: async (context: Context, indicator: string, client: ProviderClient) => {
        if (indicator !== resource) throw new errors.InvalidTarget('there is no such API here');
        return {
          scope: permittedScopes(options, context, client).join(' '),
          audience: options.audience,
          accessTokenTTL: options.lifetimes.accessToken,
          accessTokenFormat: 'jwt',
          jwt: { sign: { alg: 'ES256' } },
        };
      },
    },
  };
}

function lifetimesOf(lifetimes: Lifetimes): object {
  return {
    AccessToken: lifetimes.accessToken,
    ClientCredentials: lifetimes.accessToken,
    AuthorizationCode: lifetimes.authorizationCode,
    IdToken: lifetimes.idToken,
    Interaction: lifetimes.interaction,
    Session: lifetimes.session,
    RefreshToken: lifetimes.refreshToken,
    Grant: lifetimes.grant,
  };
}

/** A login whenever nobody is signed in, or the one who was is no more; consent only when a client asks that it be asked for. */
function createPolicy(): object {
  const { base, Check, Prompt } = interactionPolicy;
  const policy = base();
  policy
    .get('login')
    .checks.add(
      new Check(
        'account_gone',
        'the account is gone or disabled',
        'login_required',
        ({ oidc }) => oidc?.session?.accountId !== undefined && oidc.account === undefined,
      ),
    );
  policy.remove('consent');
  policy.add(new Prompt({ name: 'consent', requestable: true }));
  return policy;
}

async function findAccount(accounts: Accounts, id: string): Promise<ProviderAccount | undefined> {
  const user = await accounts.find(id);
  if (user === undefined || user.disabled) return undefined;
  return { accountId: user.name, user, claims: async () => userClaims(user) };
}

/** Standard claims about a user (OpenID Connect Core, section 5.1). The scopes decide which of them are given. */
export function userClaims({ name, fullName, email }: User): Record<string, unknown> & { readonly sub: string } {
  return {
    sub: name,
    preferred_username: name,
    ...(fullName !== undefined && { name: fullName }),
    ...(email !== undefined && { email }),
  };
}

function showPage(context: Context, html: string, mayEndAt?: string): void {
  const target = mayEndAt === undefined ? undefined : formTarget(mayEndAt);
  context.type = 'html';
  context.set('Content-Security-Policy', contentSecurityPolicy(target === undefined ? [] : [target]));
  context.body = html;
}
