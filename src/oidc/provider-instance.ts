import { Provider } from 'oidc-provider';
import type { EmitEvent } from '../api/record.ts';
import type { Logger } from '../core/log.ts';
import { createOwnTokenVerifier } from './access-tokens.ts';
import { isClientSecret } from './clients.ts';
import { createInteractionRoute } from './interaction.ts';
import type { LoginThrottle } from './ports.ts';
import { type ProviderConfigOptions, providerConfig } from './provider-config.ts';
import { reportProviderEvents } from './provider-events.ts';
import type { Context, ProviderClient, Provider as ProviderInstance } from './provider-types.ts';
import { revokeOwnToken } from './revocation.ts';
import type { ProviderKeys } from './signing-keys.ts';
import { createUserinfoRoute } from './userinfo.ts';

export interface InstanceOptions extends ProviderConfigOptions {
  readonly throttle: LoginThrottle;
  readonly emit: EmitEvent;
  readonly logger: Logger;
  readonly keys: () => ProviderKeys;
  readonly addressOf: (context: Context) => string;
  /** Makes one of our access tokens count no more. */
  readonly disown: (jti: string) => Promise<void>;
}

/** An instance of the library. It keeps nothing between requests but its keys, so it is built anew when those change. */
export function buildInstance(options: InstanceOptions): ProviderInstance {
  const { issuer, keys } = options;
  const provider = new Provider(issuer.href, providerConfig(options, keys()));
  // Host and scheme are set by `createMount`, so they are ours and can be trusted.
  provider.proxy = true;
  provider.silent = true;
  compareDigests(provider);
  reportProviderEvents(provider, options);
  const serveLogin = createInteractionRoute({ ...options, origin: issuer.origin, mountPath: issuer.pathname });
  const verify = createOwnTokenVerifier({ ...options, issuer: issuer.href });
  const serveUserinfo = createUserinfoRoute({ ...options, verify });
  provider.use(async (context, next) => {
    setPageHeaders(context);
    if ((await serveLogin(provider, context)) || (await serveUserinfo(context))) return;
    await next();
    if (context.oidc?.route === 'discovery') listScopes(context, options.scopes);
    if (await revokeOwnToken(context, { ...options, verify })) {
      context.body = '';
      context.status = 200;
    }
  });
  return provider;
}

/** Clients' secrets are kept as digests, so what is presented is digested before the two are compared. */
function compareDigests(provider: ProviderInstance): void {
  Object.defineProperty(provider.Client.prototype, 'compareClientSecret', {
    value: function compareClientSecret(this: ProviderClient, actual: string): boolean {
      return this.clientSecret !== undefined && isClientSecret(actual, this.clientSecret);
    },
  });
}

function setPageHeaders(context: Context): void {
  context.set('X-Content-Type-Options', 'nosniff');
  context.set('X-Frame-Options', 'DENY');
  // Not `no-referrer`: browsers would then hide the origin of our own form from us.
  context.set('Referrer-Policy', 'same-origin');
}

function listScopes({ body }: Context, scopes: readonly string[]): void {
  const document = body as { scopes_supported: string[] };
  document.scopes_supported = [...document.scopes_supported, ...scopes];
}
