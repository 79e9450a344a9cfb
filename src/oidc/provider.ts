import type { IncomingMessage, ServerResponse } from 'node:http';
import { Provider } from 'oidc-provider';
import type { PublicJwk, RevokedSubject } from '../api/authn.ts';
import type { EmitEvent } from '../api/record.ts';
import type { Clock } from '../core/clock.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import type { Store } from '../storage/index.ts';
import type { Accounts } from './accounts.ts';
import { revokeAccount } from './adapter.ts';
import { isClientSecret } from './clients.ts';
import { defaultLifetimes, type Lifetimes } from './config.ts';
import { oidcError } from './errors.ts';
import { createInteractionRoute } from './interaction.ts';
import { createMount } from './mount.ts';
import type { LoginThrottle } from './ports.ts';
import { providerConfig } from './provider-config.ts';
import { reportProviderEvents } from './provider-events.ts';
import type { Context, ProviderClient, Provider as ProviderInstance } from './provider-types.ts';
import { listRevoked, recordRevoked } from './revoked.ts';
import type { ScopeRules } from './scopes.ts';
import { openKeyRing } from './signing-keys.ts';
import { createUserinfoRoute } from './userinfo.ts';

export interface OpenIdProviderOptions extends ScopeRules {
  /** `https://shop.example/oidc`: an origin and a path without a slash at its end. */
  readonly issuer: string;
  /** Already encrypted. */
  readonly store: Store;
  readonly clock: Clock;
  readonly accounts: Accounts;
  readonly throttle: LoginThrottle;
  readonly emit: EmitEvent;
  readonly logger: Logger;
  /** Whether requests come from our own gateway, which sets `X-Forwarded-For`. Host and scheme are the issuer's in any case. */
  readonly trustProxyHeaders: boolean;
  readonly lifetimes?: Partial<Lifetimes>;
}

/** The embedded OpenID Provider. */
export interface OpenIdProvider extends Stoppable {
  /** Serves one request whose path starts with the issuer's. */
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Public keys, the active one first; retired ones while their tokens live, and the one that comes next. */
  jwks(): readonly PublicJwk[];
  /** Called after `jwks()` changed. The result takes the listener away. */
  onKeysChanged(listener: () => void): () => void;
  /** Signs with the prepared key from now on. */
  rotateKeys(): Promise<void>;
  /** Ends the user's sessions, grants and refresh tokens, and disowns the access tokens that are out there. */
  revokeUser(subject: string): Promise<void>;
  /** Users whose access tokens were disowned and may not have expired yet: the gateway must know them. */
  revokedSubjects(): Promise<readonly RevokedSubject[]>;
  /** Called after `revokedSubjects()` grew. The result takes the listener away. */
  onRevoked(listener: () => void): () => void;
  /** Roles and scopes of a new manifest. */
  reconfigure(rules: ScopeRules): void;
}

const maintenancePeriodMs = 60_000;
/** Room for clocks that differ, on top of a token's life. */
const skewSeconds = 60;

/** Builds the provider and opens its keys in the store. Throws `oidc.config`. */
export async function buildOpenIdProvider(options: OpenIdProviderOptions): Promise<OpenIdProvider> {
  const issuer = parseIssuer(options.issuer);
  const lifetimes = { ...defaultLifetimes, ...options.lifetimes };
  const tokenSeconds = Math.max(lifetimes.accessToken, lifetimes.idToken) + skewSeconds;
  const ring = await openKeyRing({ ...options, signingSeconds: lifetimes.signingKey, overlapSeconds: tokenSeconds });
  const keysChanged = createListeners();
  const revoked = createListeners();
  const mount = createMount(issuer, options.trustProxyHeaders);
  let rules: ScopeRules = options;
  const build = (): ReturnType<ProviderInstance['callback']> =>
    buildInstance({
      ...options,
      ...rules,
      issuer,
      lifetimes,
      keys: () => ring.current,
      addressOf: mount.addressOf,
    }).callback();
  let callback = build();
  const rebuilt = (): void => {
    callback = build();
    keysChanged.call();
  };
  const failed = (error: unknown): void =>
    options.logger.error({ err: error }, 'the keys of the OpenID Provider were not maintained');
  const maintenance = options.clock.every(maintenancePeriodMs, () => {
    ring.maintain().then((changed) => changed && rebuilt(), failed);
  });
  return {
    handle: (request, response) => mount.enter(request, response) && void callback(request, response),
    jwks: () => ring.current.public,
    onKeysChanged: keysChanged.add,
    async rotateKeys() {
      await ring.rotate();
      rebuilt();
    },
    async revokeUser(subject) {
      await recordRevoked(subject, { ...options, issuer: issuer.href, tokenSeconds });
      await revokeAccount(options.store, subject);
      options.emit({
        actor: { kind: 'operator', id: 'operator' },
        action: 'user.revoke',
        target: subject,
        outcome: 'success',
      });
      revoked.call();
    },
    revokedSubjects: () => listRevoked(options.store),
    onRevoked: revoked.add,
    reconfigure(next) {
      rules = { scopes: next.scopes, roles: next.roles, audience: next.audience };
      callback = build();
    },
    async stop() {
      maintenance.cancel();
    },
  };
}

function parseIssuer(text: string): URL {
  const url = URL.parse(text);
  const loopback = url?.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
  if (
    url === null ||
    (url.protocol !== 'https:' && !loopback) ||
    url.href !== text ||
    !/^(\/[a-z0-9-]+)+$/.test(url.pathname)
  )
    throw oidcError(
      'oidc.config',
      `\`${text}\` cannot be an issuer`,
      'it is an https origin and a path, such as `https://shop.example/oidc`',
    );
  return url;
}

interface InstanceOptions extends Omit<OpenIdProviderOptions, 'issuer' | 'lifetimes'> {
  readonly issuer: URL;
  readonly lifetimes: Lifetimes;
  readonly keys: () => Awaited<ReturnType<typeof openKeyRing>>['current'];
  readonly addressOf: (context: Context) => string;
}

/** An instance of the library. It keeps nothing between requests but its keys, so it is built anew when those change. */
function buildInstance(options: InstanceOptions): ProviderInstance {
  const { issuer, keys, clock } = options;
  const provider = new Provider(issuer.href, providerConfig(options, keys()));
  // Host and scheme are set by `createMount`, so they are ours and can be trusted.
  provider.proxy = true;
  provider.silent = true;
  compareDigests(provider);
  reportProviderEvents(provider, options);
  const serveLogin = createInteractionRoute({ ...options, origin: issuer.origin, mountPath: issuer.pathname });
  const serveUserinfo = createUserinfoRoute({ ...options, issuer: issuer.href, now: () => clock.now() });
  provider.use(async (context, next) => {
    setPageHeaders(context);
    if ((await serveLogin(provider, context)) || (await serveUserinfo(context))) return;
    await next();
    if (context.oidc?.route === 'discovery') listScopes(context, options.scopes);
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

interface Listeners {
  readonly add: (listener: () => void) => () => void;
  readonly call: () => void;
}

function createListeners(): Listeners {
  const listeners = new Set<() => void>();
  return {
    add(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    call() {
      for (const listener of listeners) listener();
    },
  };
}
