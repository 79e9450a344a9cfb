import { chmodSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import type { AuthnSnapshot, IssuerSnapshot } from '../api/authn.ts';
import type { DeclaredIdentities } from '../api/oidc.ts';
import type { Weaknesses } from '../api/protections.ts';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { writeFileAtomic } from '../core/files.ts';
import type { Lifecycle } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import { type LoginThrottle as AttemptThrottle, createLoginThrottle, type LoginCounter } from '../limits/control.ts';
import type { Manifest } from '../manifest/index.ts';
import {
  type Accounts,
  type ApiKeys,
  createAccounts,
  createApiKeys,
  createOpenIdProvider,
  type LoginThrottle,
  type OpenIdProvider,
  type ScopeRules,
  syncDeclared,
} from '../oidc/index.ts';
import type { Store } from '../storage/index.ts';
import type { Foundation } from './control-foundation.ts';
import type { StateLayout } from './state.ts';
import { createUpstreamIssuers } from './upstream-issuers.ts';

export interface ProviderOptions {
  readonly manifest: Manifest;
  readonly layout: StateLayout;
  readonly clock: Clock;
  readonly log: Logger;
  readonly foundation: Foundation;
  readonly weaknesses: Weaknesses;
}

/** Who vouches for callers: the embedded OpenID Provider, where the manifest wants it, and the issuers elsewhere. */
export interface Provider {
  readonly accounts: Accounts;
  readonly apiKeys: ApiKeys;
  readonly issuer: string;
  /** What the gateway must know to judge credentials now. */
  authn(manifest: Manifest): Promise<AuthnSnapshot>;
  /** Roles, users, clients and scopes of a changed manifest. */
  reconfigure(manifest: Manifest): Promise<void>;
  /** Ends sessions and disowns tokens of a user who was changed or removed. */
  revokeUser(name: string): Promise<void>;
  /** Called when keys or revocations have changed. */
  onChange(listener: () => void): void;
  readonly embedded: OpenIdProvider | undefined;
}

export function issuerOf(manifest: Manifest): string {
  return `${manifest.gateway.publicUrl}/oidc`;
}

export async function startProvider(options: ProviderOptions, lifecycle: Lifecycle): Promise<Provider> {
  const { manifest, layout, clock, log, foundation, weaknesses } = options;
  const { store, emit } = foundation;
  const accounts = createAccounts({ store, clock, emit });
  const listeners: (() => void)[] = [];
  const changed = (): void => {
    for (const listener of listeners) listener();
  };
  const apiKeys = createApiKeys({ store, clock, emit, onChange: changed });
  const upstream = lifecycle.add(createUpstreamIssuers({ clock, log, onChange: changed }));
  let embedded: OpenIdProvider | undefined;
  let issuer = issuerOf(manifest);

  const reconcile = async (next: Manifest): Promise<readonly string[]> => {
    const { passwords, clientSecrets, demoted } = await syncDeclared(declaredOf(next), {
      accounts,
      store,
      clock,
      emit,
    });
    for (const [name, password] of passwords) keepCredential(layout, `user-${name}`, password);
    for (const [name, secret] of clientSecrets) keepCredential(layout, `client-${name}`, secret);
    return demoted;
  };
  await reconcile(manifest);
  if (manifest.issuers.includes('embedded')) {
    const throttle = lifecycle.add(await keptThrottle(clock, store, log));
    embedded = lifecycle.add(
      await createOpenIdProvider({
        ...rulesOf(manifest),
        issuer,
        store,
        clock,
        accounts,
        throttle: loginThrottle(throttle, weaknesses),
        emit,
        logger: log,
        trustProxyHeaders: true,
      }),
    );
    embedded.onKeysChanged(changed);
    embedded.onRevoked(changed);
    await serve(embedded, layout.providerSocket, lifecycle);
  }
  return {
    accounts,
    apiKeys,
    embedded,
    get issuer() {
      return issuer;
    },
    authn: async (next) => ({
      realm: next.trustDomain,
      issuers: [
        ...(embedded === undefined ? [] : [embeddedIssuer(embedded, issuer, next)]),
        ...(await upstream.issuers(next)),
      ],
      apiKeys: (await apiKeys.list()).map(({ id, secrets, principal }) => ({ id, secrets, principal })),
      revokedTokens: (await embedded?.revokedTokens()) ?? [],
      revokedSubjects: (await embedded?.revokedSubjects()) ?? [],
    }),
    reconfigure: async (next) => {
      issuer = issuerOf(next);
      const demoted = await reconcile(next);
      embedded?.reconfigure(rulesOf(next));
      for (const name of demoted) await embedded?.revokeUser(name);
    },
    revokeUser: async (name) => embedded?.revokeUser(name),
    onChange: (listener) => void listeners.push(listener),
  };
}

function embeddedIssuer(provider: OpenIdProvider, issuer: string, { audience }: Manifest): IssuerSnapshot {
  return { preset: 'embedded', issuer, audience: [audience], keys: provider.jwks() };
}

function rulesOf({ roles, routes, clients, audience }: Manifest): ScopeRules {
  const scopes = new Set([
    ...routes.flatMap((route) => Object.values(route.scopes).flatMap((list) => list ?? [])),
    ...Object.values(roles).flatMap((role) => role.scopes),
    ...Object.values(clients).flatMap((client) => client.scopes),
  ]);
  for (const standard of ['openid', 'profile', 'email', 'offline_access']) scopes.delete(standard);
  return { scopes: [...scopes], roles, audience };
}

function declaredOf({ roles, users, clients }: Manifest): DeclaredIdentities {
  return { roles, users, clients };
}

/** A generated secret, for the person who runs this: one private file each. */
function keepCredential(layout: StateLayout, name: string, secret: string): void {
  writeFileAtomic(join(layout.credentials, name), `${secret}\n`);
}

async function serve(provider: OpenIdProvider, path: string, lifecycle: Lifecycle): Promise<void> {
  rmSync(path, { force: true });
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) =>
    provider.handle(request, response),
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, resolve);
  });
  chmodSync(path, 0o600);
  lifecycle.defer(() => {
    server.close();
    server.closeAllConnections();
  });
}

/** The limits folder counts attempts; the provider asks in its own words. */
function loginThrottle(throttle: AttemptThrottle, weaknesses: Weaknesses): LoginThrottle {
  return {
    take: ({ username, address }) => {
      const { allowed, retryAfterMs } = throttle.attempt(username, address);
      return allowed || weaknesses.has('login.throttle')
        ? { allowed: true }
        : { allowed, retryAfterSeconds: Math.ceil(retryAfterMs / 1000) };
    },
    undo: ({ username, address }) => throttle.undone(username, address),
    forgive: ({ username, address }) => throttle.succeeded(username, address),
  };
}

const throttlePrefix = 'limits/login/';

/** Counters of failed logins outlive a restart: who restarts us does not get to guess again. */
async function keptThrottle(clock: Clock, store: Store, log: Logger): Promise<AttemptThrottle> {
  const keyOf = (key: string): string => throttlePrefix + Buffer.from(key).toString('base64url');
  const throttle = createLoginThrottle({
    clock,
    onSaveFailure: (error) => log.error({ error: messageOf(error) }, 'counters of failed logins could not be kept'),
    state: {
      load: async () =>
        (await store.list(throttlePrefix, { limit: 10_000 })).map(
          ({ value }) => JSON.parse(Buffer.from(value).toString()) as LoginCounter,
        ),
      save: (counters) =>
        store.write(
          counters.map((counter) =>
            counter.failures === 0
              ? { delete: keyOf(counter.key) }
              : {
                  put: keyOf(counter.key),
                  value: Buffer.from(JSON.stringify(counter)),
                  expiresAtMs: counter.expiresAtMs,
                },
          ),
        ),
    },
  });
  await throttle.restore();
  return throttle;
}
