import { dirname, resolve } from 'node:path';
import type { GatewayRouteWaf, WafExclusion, WafSection } from '../api/waf.ts';
import { routeName } from '../control/index.ts';
import { systemClock } from '../core/clock.ts';
import { MerlonError } from '../core/errors.ts';
import { loadManifest, type Manifest } from '../manifest/index.ts';
import { readWafSection } from '../server/waf-check.ts';
import { compileWaf, type RouteWaf, type Waf, type WafRequest } from '../waf/index.ts';

/** The firewall of a manifest, as its gateway would run it. */
export interface WafScene {
  readonly rules: string;
  readonly engine: Waf;
  /** Names of all routes. */
  readonly routes: readonly string[];
  /** Name of the route that a request would take; undefined where none has its path. */
  routeOf(request: WafRequest): string | undefined;
  /** A route's firewall, with more exclusions; undefined where it is off. */
  compile(route: string, more?: readonly WafExclusion[]): RouteWaf | undefined;
}

export interface SceneOptions {
  readonly manifest: string;
  /** In place of the manifest's. */
  readonly rules?: string;
  readonly paranoia?: number;
}

export function loadScene({ manifest: path, rules, paranoia }: SceneOptions): WafScene {
  const loaded = loadManifest(path).manifest;
  const manifest = changed(loaded, rules, paranoia);
  const section = readWafSection(manifest, dirname(resolve(path)));
  if (section === undefined)
    throw new MerlonError({
      code: 'input.waf-off',
      message: 'no route of this manifest has the firewall on',
      hint: 'set `gateway.waf.mode` to `detect` or `block`',
    });
  const engine = compileWaf(section, systemClock);
  // What is wrong with any route is said, whichever is asked for.
  for (const route of Object.values(section.routes)) engine.route(route);
  const compile = (name: string, more: readonly WafExclusion[] = []): RouteWaf | undefined => {
    const config = settingsOf(section, name);
    return config && engine.route({ ...config, exclusions: [...config.exclusions, ...more] });
  };
  const routes = manifest.routes.map((route) => routeName(route, manifest.routes));
  return {
    rules: manifest.gateway.waf.rules,
    engine,
    routes,
    compile,
    routeOf: (request) => routeFor(manifest, request),
  };
}

const settingsOf = ({ routes }: WafSection, name: string): GatewayRouteWaf | undefined =>
  Object.hasOwn(routes, name) ? routes[name] : undefined;

function changed(manifest: Manifest, rules: string | undefined, paranoia: number | undefined): Manifest {
  const { gateway, routes } = manifest;
  const waf = { ...gateway.waf, ...(rules === undefined ? {} : { rules }) };
  if (paranoia === undefined) return { ...manifest, gateway: { ...gateway, waf } };
  return {
    ...manifest,
    gateway: { ...gateway, waf: { ...waf, paranoia } },
    routes: routes.map((route) => ({ ...route, waf: { ...route.waf, paranoia } })),
  };
}

/** The longest prefix on segment bounds, as the gateway has it; of routes of one path the one that takes the method. */
function routeFor({ routes }: Manifest, { uri, method }: WafRequest): string | undefined {
  const [path = '/'] = uri.split('?');
  const isUnder = (prefix: string): boolean => prefix === '/' || path === prefix || path.startsWith(`${prefix}/`);
  const found = routes
    .filter((route) => isUnder(route.path))
    .sort((a, b) => b.path.length - a.path.length)
    .filter((route, _, [longest]) => route.path === longest?.path);
  const best = found.find(({ methods }) => (methods as readonly string[] | undefined)?.includes(method)) ?? found[0];
  return best === undefined ? undefined : routeName(best, routes);
}
