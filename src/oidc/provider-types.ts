// The part of oidc-provider's API that is used here. The library carries no types of its own.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { User } from './accounts.ts';

/** What a model keeps. Members differ by model; these are the ones that the adapter looks at. */
export interface AdapterPayload {
  readonly grantId?: string;
  readonly accountId?: string;
  readonly uid?: string;
  readonly consumed?: number;
  readonly [member: string]: unknown;
}

/** Where a model is kept. */
export interface Adapter {
  find(id: string): Promise<AdapterPayload | undefined>;
  findByUid(uid: string): Promise<AdapterPayload | undefined>;
  findByUserCode(code: string): Promise<AdapterPayload | undefined>;
  upsert(id: string, payload: AdapterPayload, expiresInSeconds?: number): Promise<void>;
  consume(id: string): Promise<void>;
  destroy(id: string): Promise<void>;
  revokeByGrantId(grantId: string): Promise<void>;
}

/** A client as the library sees it. */
export interface ProviderClient {
  readonly clientId: string;
  readonly clientName?: string;
  readonly clientSecret?: string;
  readonly clientAuthMethod: string;
  readonly redirectUris: readonly string[];
  readonly merlon_scopes: readonly string[];
  readonly merlon_roles: readonly string[];
  grantTypeAllowed(type: string): boolean;
}

/** An account as `findAccount` gives it. */
export interface ProviderAccount {
  readonly accountId: string;
  readonly user: User;
  claims(use: string, scope: string): Promise<Record<string, unknown> & { readonly sub: string }>;
}

/** What a user granted a client. */
export interface Grant {
  readonly jti: string;
  openid?: unknown;
  resources?: unknown;
  rejected?: unknown;
  addOIDCScope(scope: string): void;
  addResourceScope(resource: string, scope: string): void;
  rejectResourceScope(resource: string, scope: string): void;
  save(): Promise<string>;
}

export interface OidcContext {
  readonly route: string;
  readonly provider: Provider;
  readonly client?: ProviderClient;
  readonly account?: ProviderAccount;
  readonly session?: { readonly accountId?: string; grantIdFor(clientId: string): string | undefined };
  readonly params?: Readonly<Record<string, string | undefined>>;
  readonly requestParamScopes: ReadonlySet<string>;
  readonly requestParamOIDCScopes: ReadonlySet<string>;
}

/** Koa's context, as far as it is used. */
export interface Context {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly method: string;
  readonly path: string;
  readonly oidc?: OidcContext;
  status: number;
  type: string;
  body: unknown;
  get(field: string): string;
  set(field: string, value: string): void;
  remove(field: string): void;
  redirect(url: string): void;
}

/** A login that is under way. */
export interface Interaction {
  readonly uid: string;
  readonly prompt: { readonly name: string };
  readonly params: Readonly<Record<string, string | undefined>>;
}

export interface InteractionResult {
  readonly login?: { readonly accountId: string; readonly amr: readonly string[]; readonly remember: boolean };
  readonly consent?: object;
  readonly error?: string;
  readonly error_description?: string;
}

/** An instance of the library's `Provider`. */
export interface Provider {
  proxy: boolean;
  silent: boolean;
  readonly Client: { prototype: object; find(id: string): Promise<ProviderClient | undefined> };
  readonly Grant: {
    new (owner: { accountId: string; clientId: string }): Grant;
    find(id: string): Promise<Grant | undefined>;
  };
  use(middleware: (context: Context, next: () => Promise<void>) => Promise<void>): void;
  on(event: string, listener: (context: Context, error?: Error) => void): void;
  callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
  interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>;
  interactionResult(
    request: IncomingMessage,
    response: ServerResponse,
    result: InteractionResult,
    options: { readonly mergeWithLastSubmission: boolean },
  ): Promise<string>;
}
