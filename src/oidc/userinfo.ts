import type { TryVerifyOwnToken } from './access-tokens.ts';
import type { Accounts } from './accounts.ts';
import { userClaims } from './provider-config.ts';
import type { Context } from './provider-types.ts';

export interface UserinfoOptions {
  readonly accounts: Accounts;
  readonly verify: TryVerifyOwnToken;
}

const claimsOfScope: Readonly<Record<string, readonly string[]>> = {
  profile: ['name', 'preferred_username'],
  email: ['email'],
};

/** The userinfo endpoint (OpenID Connect Core, section 5.3), for the API's own access tokens. True where it answered. */
export function createUserinfoRoute(options: UserinfoOptions): (context: Context) => Promise<boolean> {
  return async (context) => {
    if (context.path !== '/userinfo') return false;
    // It answers to a token, never to a cookie, so that any origin may read what it says.
    context.set('Access-Control-Allow-Origin', '*');
    context.set('Cache-Control', 'no-store');
    if (context.method === 'OPTIONS') {
      context.set('Access-Control-Allow-Headers', 'Authorization');
      context.status = 204;
    } else {
      const isRead = context.method === 'GET' || context.method === 'POST';
      const claims = isRead ? await readClaims(context, options) : undefined;
      if (claims === undefined) refuse(context);
      else context.body = claims;
    }
    return true;
  };
}

function refuse(context: Context): void {
  const description = 'an access token with the scope openid is required';
  context.status = 401;
  context.set('WWW-Authenticate', `Bearer error="invalid_token", error_description="${description}"`);
  context.body = { error: 'invalid_token', error_description: description };
}

async function readClaims(context: Context, { accounts, verify }: UserinfoOptions): Promise<object | undefined> {
  const [scheme, token, ...rest] = context.get('Authorization').split(' ');
  if (scheme?.toLowerCase() !== 'bearer' || token === undefined || rest.length > 0) return undefined;
  const { sub, scope } = (await verify(token)) ?? {};
  const scopes = typeof scope === 'string' ? scope.split(' ') : [];
  const user = sub === undefined ? undefined : await accounts.find(sub);
  if (user === undefined || user.disabled || !scopes.includes('openid')) return undefined;
  const permitted = new Set(['sub', ...scopes.flatMap((name) => claimsOfScope[name] ?? [])]);
  return Object.fromEntries(Object.entries(userClaims(user)).filter(([name]) => permitted.has(name)));
}
