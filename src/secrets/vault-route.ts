import type { Authority, Caller } from './authority.ts';
import type { Kv } from './kv.ts';
import type { Capability } from './policy.ts';
import type { Tokens } from './tokens.ts';
import type { VaultResponse } from './vault-http.ts';

/** What a route works with. */
export interface Context {
  readonly requestId: string;
  readonly kv: Kv;
  readonly tokens: Tokens;
  readonly authority: Authority;
  readonly caller: Caller;
  /** The client token, to be given back only to whoever sent it. */
  readonly secret: string;
  readonly nowMs: number;
  /** The whole path behind `/v1/`, decoded. */
  readonly path: string;
  /** What follows the route's path. */
  readonly rest: string;
  readonly query: URLSearchParams;
  readonly body: Readonly<Record<string, unknown>>;
}

/** One route, open to callers with a token. */
export interface Route {
  readonly methods: readonly string[];
  /** Exact, or with a slash at its end everything below. */
  readonly path: string;
  /** What a policy must allow on the path. */
  readonly needs: Capability | ((context: Context) => Promise<Capability>);
  /** What the audit calls it. */
  readonly action: string;
  /** Whether it changes something, and so is recorded before it happens. */
  readonly changes?: true;
  /** Whether what follows the path is a folder, which policies name with a slash at the end. */
  readonly folder?: true;
  readonly run: (context: Context) => Promise<VaultResponse>;
}

/** The route for a method and path, or undefined. `GET ?list=true` is `LIST`. */
export function matchRoute(
  routes: readonly Route[],
  method: string,
  path: string,
  query: URLSearchParams,
): Route | undefined {
  const verb = method === 'GET' && query.get('list') === 'true' ? 'LIST' : method;
  return routes.find(
    (route) =>
      route.methods.includes(verb) && (route.path.endsWith('/') ? startsBelow(path, route.path) : path === route.path),
  );
}

function startsBelow(path: string, prefix: string): boolean {
  // The root of a listing may be asked for without its slash.
  return path.startsWith(prefix) || `${path}/` === prefix;
}
