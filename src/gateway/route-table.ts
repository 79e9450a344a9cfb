/**
 * Chooses the route of a request: the most specific host first, then the longest prefix on segment bounds, then the one
 * that takes the method. Where none of a path's routes takes it, the first of them says so.
 */
export interface RouteTable<R> {
  match(host: string, path: string, method: string): R | undefined;
}

interface Placed {
  readonly config: {
    readonly host: string | undefined;
    readonly path: string;
    readonly methods: readonly string[] | undefined;
  };
}

/** Routes by path. Nearly always one; several where they share a path and differ in methods. */
type Paths<R> = Map<string, R | R[]>;

/** Compiles `routes`. Lookup costs one map access per segment of the path, whatever the number of routes. */
export function compileRouteTable<R extends Placed>(routes: readonly R[]): RouteTable<R> {
  const exact = new Map<string, Paths<R>>();
  const wildcard = new Map<string, Paths<R>>();
  const anyHost: Paths<R> = new Map();
  for (const route of routes) place(pathsOf(route.config.host, exact, wildcard, anyHost), route);
  if (exact.size === 0 && wildcard.size === 0)
    return { match: (_, path, method) => longestPrefix(anyHost, path, method) };
  return {
    match: (host, path, method) => {
      const own = exact.get(host) ?? wildcard.get(host.slice(host.indexOf('.') + 1));
      return (own && longestPrefix(own, path, method)) ?? longestPrefix(anyHost, path, method);
    },
  };
}

function pathsOf<R>(
  host: string | undefined,
  exact: Map<string, Paths<R>>,
  wildcard: Map<string, Paths<R>>,
  anyHost: Paths<R>,
): Paths<R> {
  if (host === undefined) return anyHost;
  const [table, name] = host.startsWith('*.') ? [wildcard, host.slice(2)] : [exact, host];
  const paths = table.get(name) ?? new Map();
  table.set(name, paths);
  return paths;
}

function place<R extends Placed>(paths: Paths<R>, route: R): void {
  const before = paths.get(route.config.path);
  if (before === undefined) paths.set(route.config.path, route);
  else paths.set(route.config.path, Array.isArray(before) ? [...before, route] : [before, route]);
}

function longestPrefix<R extends Placed>(paths: Paths<R>, path: string, method: string): R | undefined {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const found = paths.get(end === path.length ? path : path.slice(0, end));
    if (found !== undefined) return byMethod(found, method);
  }
  const root = paths.get('/');
  return root === undefined ? undefined : byMethod(root, method);
}

function byMethod<R extends Placed>(found: R | R[], method: string): R | undefined {
  if (!Array.isArray(found)) return found;
  return (
    found.find(({ config }) => config.methods?.includes(method)) ??
    found.find(({ config }) => config.methods === undefined) ??
    found[0]
  );
}
