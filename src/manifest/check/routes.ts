import { suggest } from '../nearest.ts';
import type { Path } from '../problem.ts';
import type { Route } from '../schema/routes.ts';
import type { ApiOutline } from './api-outline.ts';
import { type CheckInput, error, type Finding, warning } from './finding.ts';

function overlap(a: Route, b: Route): boolean {
  if (a.path !== b.path || a.host !== b.host) return false;
  return a.methods === undefined || b.methods === undefined || a.methods.some((method) => b.methods?.includes(method));
}

/** No request matches two routes equally well. */
export function checkDuplicateRoutes({ draft }: CheckInput): Finding[] {
  return draft.routes.flatMap(([at, route], position) => {
    const [first] = draft.routes.slice(0, position).find(([, other]) => overlap(route, other)) ?? [];
    if (first === undefined) return [];
    return [
      error(
        'manifest.duplicate-route',
        ['routes', at, 'path'],
        `\`${route.path}\` matches the same requests as \`routes[${first}]\``,
        'give them different methods or hosts, or remove one',
      ),
    ];
  });
}

/** Scopes stand for methods that the route takes; a method without scopes among others that have them is pointed out. */
export function checkScopeMethods({ draft, valueAt }: CheckInput): Finding[] {
  return draft.routes.flatMap(([at, { methods, scopes }]) => {
    const path: Path = ['routes', at, 'scopes'];
    const written = valueAt(path);
    if (methods === undefined || typeof written !== 'object' || written === null || Array.isArray(written)) return [];
    const named = Object.keys(written);
    const idle = named.filter((method) => !methods.some((taken) => taken === method));
    const open = methods.filter((method) => method !== 'OPTIONS' && scopes[method] === undefined);
    return [
      ...idle.map((method) => ({
        ...error(
          'manifest.no-effect',
          [...path, method],
          `the route does not take \`${method}\``,
          `add it to \`methods\`, or remove it here`,
        ),
        at: 'key' as const,
      })),
      ...open.map((method) =>
        warning(
          'manifest.unscoped-method',
          path,
          `\`${method}\` needs no scope while other methods do`,
          `add \`${method}: [...]\`, or \`${method}: []\` to say that this is meant`,
        ),
      ),
    ];
  });
}

/** Whether a path template can be reached through the route. */
function isUnder(template: string, { path, stripPrefix }: Route): boolean {
  return stripPrefix || path === '/' || template === path || template.startsWith(`${path}/`);
}

function checkScopes(at: number, route: Route, api: ApiOutline): Finding[] {
  if (api.scopes.size === 0) return [];
  const seen = new Set<string>();
  return Object.entries(route.scopes).flatMap(([method, scopes]) =>
    (scopes ?? []).flatMap((scope, index) => {
      if (api.scopes.has(scope) || seen.has(scope)) return [];
      seen.add(scope);
      const path = method === '*' ? ['routes', at, 'scopes', index] : ['routes', at, 'scopes', method, index];
      return [
        error(
          'manifest.unknown-scope',
          path,
          `the OpenAPI document of \`${route.service}\` does not declare the scope \`${scope}\``,
          suggest(scope, api.scopes),
        ),
      ];
    }),
  );
}

function checkOwner(at: number, route: Route, api: ApiOutline): Finding[] {
  if (route.owner === undefined) return [];
  const parameters = api.paths
    .filter((template) => isUnder(template, route))
    .flatMap((template) => [...template.matchAll(/\{([^{}/]{1,128})\}/g)].map(([, name]) => name as string));
  const { param } = route.owner;
  if (parameters.includes(param)) return [];
  return [
    error(
      'manifest.unknown-parameter',
      ['routes', at, 'owner', 'param'],
      `no path of \`${route.service}\` under \`${route.path}\` has a parameter \`${param}\``,
      suggest(param, new Set(parameters)),
    ),
  ];
}

function checkReach(at: number, route: Route, api: ApiOutline): Finding[] {
  if (route.graphql !== undefined) return [];
  if (api.paths.length === 0 || api.paths.some((template) => isUnder(template, route))) return [];
  return [
    warning(
      'manifest.no-operation',
      ['routes', at, 'path'],
      `the OpenAPI document of \`${route.service}\` has no path under \`${route.path}\``,
      'requests there are refused as undeclared; `stripPrefix: true` takes the prefix off first',
    ),
  ];
}

/** Routes agree with the OpenAPI documents of their services. */
export function checkRoutesAgainstApis({ draft, apis, valueAt }: CheckInput): Finding[] {
  return draft.routes.flatMap(([at, route]) => {
    const api = apis.get(route.service);
    if (api !== undefined) return [checkScopes, checkOwner, checkReach].flatMap((check) => check(at, route, api));
    const service = draft.services.find(([name]) => name === route.service)?.[1];
    if (service === undefined || service.openapi !== undefined) return [];
    return (['owner', 'validate'] as const)
      .filter((key) => valueAt(['routes', at, key]) !== undefined)
      .map((key) => ({
        ...error(
          'manifest.no-effect',
          ['routes', at, key],
          `\`${key}\` needs an OpenAPI document, and \`${route.service}\` has none`,
          `add \`openapi\` to the service, or remove \`${key}\``,
        ),
        at: 'key' as const,
      }));
  });
}

const sensitive = ['pii', 'payment', 'health', 'credentials'];

/** A public route to a service with sensitive data is pointed out. */
export function checkPublicData({ draft }: CheckInput): Finding[] {
  return draft.routes.flatMap(([at, route]) => {
    const service = draft.services.find(([name]) => name === route.service)?.[1];
    const data = service?.data.filter((kind) => sensitive.includes(kind)) ?? [];
    if (route.auth !== 'public' || data.length === 0) return [];
    return [
      warning(
        'manifest.public-data',
        ['routes', at, 'auth'],
        `anyone may reach \`${route.service}\`, which handles ${data.join(', ')}`,
        'use `auth: required`, or a narrower path',
      ),
    ];
  });
}
