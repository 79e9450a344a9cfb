/** Chooses the route of a host and a path: the most specific host first, then the longest prefix on segment bounds. */
export interface RouteTable<R> {
  match(host: string, path: string): R | undefined;
}

interface Placed {
  readonly config: { readonly host: string | undefined; readonly path: string };
}

/** Compiles `routes`. Lookup costs one map access per segment of the path, whatever the number of routes. */
export function compileRouteTable<R extends Placed>(routes: readonly R[]): RouteTable<R> {
  const exact = new Map<string, Map<string, R>>();
  const wildcard = new Map<string, Map<string, R>>();
  const anyHost = new Map<string, R>();
  for (const route of routes) {
    const { host, path } = route.config;
    pathsOf(host, exact, wildcard, anyHost).set(path, route);
  }
  if (exact.size === 0 && wildcard.size === 0) return { match: (_, path) => longestPrefix(anyHost, path) };
  return {
    match: (host, path) => {
      const own = exact.get(host) ?? wildcard.get(host.slice(host.indexOf('.') + 1));
      return (own && longestPrefix(own, path)) ?? longestPrefix(anyHost, path);
    },
  };
}

function pathsOf<R>(
  host: string | undefined,
  exact: Map<string, Map<string, R>>,
  wildcard: Map<string, Map<string, R>>,
  anyHost: Map<string, R>,
): Map<string, R> {
  if (host === undefined) return anyHost;
  const [table, name] = host.startsWith('*.') ? [wildcard, host.slice(2)] : [exact, host];
  const paths = table.get(name) ?? new Map<string, R>();
  table.set(name, paths);
  return paths;
}

function longestPrefix<R>(paths: ReadonlyMap<string, R>, path: string): R | undefined {
  for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1)) {
    const found = paths.get(end === path.length ? path : path.slice(0, end));
    if (found !== undefined) return found;
  }
  return paths.get('/');
}
