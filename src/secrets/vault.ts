// Vault's HTTP API as a pure function from request to response.

import type { Principal } from '../api/record.ts';
import type { Clock } from '../core/clock.ts';
import { uuidV7 } from '../core/ids.ts';
import type { Audited } from './audited.ts';
import type { Authority, Caller } from './authority.ts';
import { SecretsError } from './errors.ts';
import type { Kv } from './kv.ts';
import type { VerifySvid } from './ports.ts';
import type { IssuedToken, Tokens } from './tokens.ts';
import {
  bareResponse,
  decodePath,
  envelopeResponse,
  errorResponse,
  parseBody,
  tokenOf,
  type VaultRequest,
  type VaultResponse,
} from './vault-http.ts';
import { kvRoutes } from './vault-kv.ts';
import { type Context, matchRoute, type Route } from './vault-route.ts';
import { healthResponse, type SealState, sealStatusResponse, systemRoutes } from './vault-system.ts';
import { formatAuth, tokenRoutes } from './vault-token.ts';

/** What the API is made of. */
export interface VaultParts {
  readonly clock: Clock;
  readonly kv: Kv;
  readonly tokens: Tokens;
  readonly authority: Authority;
  readonly audited: Audited;
  readonly sealState: () => Promise<SealState>;
  readonly login: (spiffeId: string) => Promise<IssuedToken>;
  readonly verifySvid: VerifySvid | undefined;
}

/** Answers one request. Never throws: every failure is a response. */
export type VaultHandler = (request: VaultRequest) => Promise<VaultResponse>;

const routes: readonly Route[] = [...kvRoutes, ...tokenRoutes, ...systemRoutes];
const loginPath = 'auth/svid/login';
const nobody: Principal = { kind: 'anonymous', id: '' };

/** The API over `parts`. */
export function createVaultHandler(parts: VaultParts): VaultHandler {
  return async (request) => {
    try {
      const response = await dispatch(parts, request);
      return request.method === 'HEAD' ? { ...response, body: '' } : response;
    } catch (error) {
      return errorResponse(error);
    }
  };
}

async function dispatch(parts: VaultParts, request: VaultRequest): Promise<VaultResponse> {
  const { method, query } = request;
  checkSupported(request);
  const path = decodePath(request.path);
  const state = await parts.sealState();
  const isRead = method === 'GET' || method === 'HEAD';
  if (path === 'sys/health' && isRead) return healthResponse(state, parts.clock.now());
  if (path === 'sys/seal-status' && isRead) return sealStatusResponse(state);
  if (path === 'sys/init' && isRead) return bareResponse(200, { initialized: state.initialised });
  if (state.sealed) throw new SecretsError('secrets.sealed', 'the secrets store is sealed');
  if (path === loginPath && (method === 'POST' || method === 'PUT')) return login(parts, request);
  return serve(parts, request, path, matchRoute(routes, method, path, query));
}

async function login({ clock, audited, ...parts }: VaultParts, request: VaultRequest): Promise<VaultResponse> {
  const spiffeId = request.peerSpiffeId ?? (await verifyPeer(parts.verifySvid, request.peerChain));
  if (spiffeId === undefined) {
    const error = new SecretsError('secrets.login-refused', 'log in over TLS with an X509-SVID as client certificate');
    await audited.refuse({ actor: nobody, action: 'secrets.login', target: loginPath }, error);
    throw error;
  }
  const issued = await parts.login(spiffeId);
  return envelopeResponse(uuidV7(clock.now()), { auth: formatAuth(issued, issued.secret, clock.now()) });
}

// Token, then route, then policy, then the record, then the work.
async function serve(
  parts: VaultParts,
  request: VaultRequest,
  path: string,
  route: Route | undefined,
): Promise<VaultResponse> {
  const { audited, authority } = parts;
  const secret = tokenOf(request);
  const action = route?.action ?? 'secrets.unknown';
  const unknown = { actor: nobody, action, target: path };
  const caller = await tellRefusal(audited, unknown, () => authority.authenticate(secret));
  if (route === undefined) throw new SecretsError('secrets.unsupported', 'no handler for route');
  const context = toContext(parts, request, { caller, path, route, secret: secret ?? '' });
  const { principal, accessor } = caller.token;
  const access = { actor: principal, action, target: path, detail: { accessor } };
  await tellRefusal(audited, access, () => authorise(authority, caller, route, context));
  const run = (): Promise<VaultResponse> => route.run(context);
  return route.changes ? audited.change(access, run) : audited.read(access, run);
}

// Asked for and not given, each of these would give out more than the client thinks.
function checkSupported({ headers }: VaultRequest): void {
  const refuse = (what: string): never => {
    throw new SecretsError('secrets.bad-request', `${what} is not supported`);
  };
  if ((headers['x-vault-namespace'] ?? '') !== '') refuse('a namespace');
  if ((headers['x-vault-wrap-ttl'] ?? '') !== '') refuse('response wrapping');
}

async function verifyPeer(
  verify: VerifySvid | undefined,
  chain: VaultRequest['peerChain'],
): Promise<string | undefined> {
  if (verify === undefined || chain === undefined || chain.length === 0) return undefined;
  try {
    return await verify(chain);
  } catch {
    return undefined;
  }
}

async function tellRefusal<T>(
  audited: Audited,
  access: Parameters<Audited['refuse']>[0],
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await audited.refuse(access, error);
    throw error;
  }
}

interface Matched {
  readonly caller: Caller;
  readonly path: string;
  readonly route: Route;
  readonly secret: string;
}

function toContext({ clock, kv, tokens, authority }: VaultParts, request: VaultRequest, matched: Matched): Context {
  const { caller, path, route, secret } = matched;
  return {
    requestId: uuidV7(clock.now()),
    kv,
    tokens,
    authority,
    caller,
    secret,
    nowMs: clock.now(),
    path,
    rest: path.slice(route.path.length),
    query: request.query,
    body: ['GET', 'HEAD', 'LIST', 'DELETE'].includes(request.method) ? {} : parseBody(request.body),
  };
}

async function authorise(authority: Authority, caller: Caller, route: Route, context: Context): Promise<void> {
  const path = route.folder && !context.path.endsWith('/') ? `${context.path}/` : context.path;
  const capability = typeof route.needs === 'string' ? route.needs : await route.needs(context);
  authority.authorise(caller, path, capability);
}
