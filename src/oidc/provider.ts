import type { IncomingMessage, ServerResponse } from 'node:http';
import { importJWK, type JWK, SignJWT } from 'jose';
import type { PublicJwk, RevokedSubject, RevokedToken } from '../api/authn.ts';
import type { EmitEvent } from '../api/record.ts';
import type { Clock } from '../core/clock.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import type { Store } from '../storage/index.ts';
import type { Accounts } from './accounts.ts';
import { revokeAccount } from './adapter.ts';
import { defaultLifetimes, type Lifetimes } from './config.ts';
import { oidcError } from './errors.ts';
import { createMount } from './mount.ts';
import type { LoginThrottle } from './ports.ts';
import { buildInstance } from './provider-instance.ts';
import { createRevocations, type Revocations } from './revoked.ts';
import type { ScopeRules } from './scopes.ts';
import { openKeyRing, type PrivateJwk } from './signing-keys.ts';

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
  /**
   * Signs claims of the caller's choice with the active key, as a token that lives a minute: for tests of the checks that
   * stand behind a good signature. `header` replaces or adds members.
   */
  signToken(claims: Readonly<Record<string, unknown>>, header: Readonly<Record<string, unknown>>): Promise<string>;
  /** Called after `jwks()` changed. The result takes the listener away. */
  onKeysChanged(listener: () => void): () => void;
  /** Signs with the prepared key from now on. */
  rotateKeys(): Promise<void>;
  /** When the active key is followed by the prepared one, epoch milliseconds. */
  rotatesAtMs(): number;
  /** Ends the user's sessions, grants and refresh tokens, and disowns the access tokens that are out there. */
  revokeUser(subject: string): Promise<void>;
  /** Users whose access tokens were disowned and may not have expired yet: the gateway must know them. */
  revokedSubjects(): Promise<readonly RevokedSubject[]>;
  /** Single access tokens that their client revoked and that may not have expired yet. */
  revokedTokens(): Promise<readonly RevokedToken[]>;
  /** Called after `revokedSubjects()` or `revokedTokens()` grew. The result takes the listener away. */
  onRevoked(listener: () => void): () => void;
  /** Roles and scopes of a new manifest. */
  reconfigure(rules: ScopeRules): void;
}

const maintenancePeriodMs = 60_000;
/** Room for clocks that differ, on top of a token's life. */
const skewSeconds = 60;
/** Who acts where nobody asked. */
const provider = { kind: 'operator', id: 'openid-provider' } as const;

/** Builds the provider and opens its keys in the store. Throws `oidc.config`. */
export async function buildOpenIdProvider(options: OpenIdProviderOptions): Promise<OpenIdProvider> {
  const { store, clock, logger, emit } = options;
  const issuer = parseIssuer(options.issuer);
  const lifetimes = { ...defaultLifetimes, ...options.lifetimes };
  const tokenSeconds = Math.max(lifetimes.accessToken, lifetimes.idToken) + skewSeconds;
  const ring = await openKeyRing({ store, clock, signingSeconds: lifetimes.signingKey, overlapSeconds: tokenSeconds });
  const revocations = createRevocations({ store, clock, issuer: issuer.href, tokenSeconds });
  const [keysChanged, revoked] = [createListeners(), createListeners()];
  const mount = createMount(issuer, options.trustProxyHeaders);
  const disown = async (jti: string): Promise<void> => {
    await revocations.addToken(jti);
    revoked.call();
  };
  const fixed = { ...options, issuer, lifetimes, keys: () => ring.current, addressOf: mount.addressOf, disown };
  let rules = rulesIn(options);
  let callback = buildInstance(fixed).callback();
  const rebuild = (): void => {
    callback = buildInstance({ ...fixed, ...rules }).callback();
  };
  const rotated = (): void => {
    rebuild();
    const [active] = ring.current.signing;
    emit({ actor: provider, action: 'key.rotate', target: active?.kid ?? '', outcome: 'success' });
    keysChanged.call();
  };
  const failed = (error: unknown): void => logger.error({ err: error }, 'the signing keys were not maintained');
  const maintenance = clock.every(maintenancePeriodMs, () => {
    ring.maintain().then((changed) => changed && rotated(), failed);
  });
  return {
    handle: (request, response) => void (mount.enter(request, response) && callback(request, response)),
    jwks: () => ring.current.public,
    signToken: (claims, header) => signToken(ring.current.signing[0] as PrivateJwk, claims, header),
    onKeysChanged: keysChanged.add,
    rotatesAtMs: () => ring.current.rotateAtMs,
    rotateKeys: () => ring.rotate().then(rotated),
    revokeUser: (subject) => revokeUser(subject, options, revocations).then(revoked.call),
    revokedSubjects: revocations.subjects,
    revokedTokens: revocations.tokens,
    onRevoked: revoked.add,
    reconfigure(next) {
      rules = rulesIn(next);
      rebuild();
    },
    stop: async () => maintenance.cancel(),
  };
}

async function signToken(
  jwk: PrivateJwk,
  claims: Readonly<Record<string, unknown>>,
  header: Readonly<Record<string, unknown>>,
): Promise<string> {
  const signer = new SignJWT({ ...claims }).setProtectedHeader({
    alg: 'ES256',
    typ: 'at+jwt',
    kid: jwk.kid,
    ...header,
  });
  return signer.sign(await importJWK({ ...jwk } as JWK, 'ES256'));
}

const rulesIn = ({ scopes, roles, audience }: ScopeRules): ScopeRules => ({ scopes, roles, audience });

async function revokeUser(
  subject: string,
  { store, emit }: OpenIdProviderOptions,
  revocations: Revocations,
): Promise<void> {
  await revocations.addSubject(subject);
  await revokeAccount(store, subject);
  const actor = { kind: 'operator', id: 'operator' } as const;
  emit({ actor, action: 'user.revoke', target: subject, outcome: 'success' });
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
