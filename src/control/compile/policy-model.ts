import type { GrpcMethod, OpenApiDocument } from '../../api/openapi.ts';
import type { OperationRules, PolicyModel, RouteRules } from '../../api/policy.ts';
import type { Manifest, Route } from '../../manifest/index.ts';
import { routeName } from './names.ts';

/** What authorization follows from: the manifest's routes and the operations of the OpenAPI documents behind them. */
export function compilePolicyModel(
  manifest: Manifest,
  documents: ReadonlyMap<string, OpenApiDocument>,
  grpc: ReadonlyMap<string, readonly GrpcMethod[]> = new Map(),
): PolicyModel {
  return {
    services: Object.entries(manifest.services).map(([name, { data }]) => ({ name, data })),
    routes: manifest.routes.map(rulesOf),
    operations: manifest.routes
      .flatMap((route) => [
        ...operationsOf(route, documents.get(route.service)),
        ...grpcOperationsOf(route, grpc.get(route.service)),
      ])
      .filter(unique()),
    roles: Object.keys(manifest.roles),
    claims: { sub: 'String', email: 'String', client_id: 'String', ...ownerClaims(manifest) },
  };
}

function rulesOf(route: Route, index: number, routes: readonly Route[]): RouteRules {
  const { service, auth, roles, owner } = route;
  const scopes = Object.entries(route.scopes).filter(([, list]) => list !== undefined) as [string, readonly string[]][];
  return {
    path: routeName(route, routes),
    service,
    // Which kind of credential is asked for is authn's; authorization asks whether there is one.
    auth: auth === 'public' || auth === 'optional' ? auth : 'required',
    ...(scopes.length === 0 ? {} : { scopes: Object.fromEntries(scopes) }),
    ...(roles.length === 0 ? {} : { roles }),
    ...(owner === undefined ? {} : { owner }),
    source: `merlon.yaml routes[${index}]`,
  };
}

/** The operations that a route lets through: those whose template lies under its path. */
function operationsOf(route: Route, document: OpenApiDocument | undefined): OperationRules[] {
  if (document === undefined) return [];
  const base = document.basePaths[0] ?? '';
  return document.operations
    .map(({ id, method, template, parameters }) => ({
      service: route.service,
      id,
      method,
      path: (route.stripPrefix && route.path !== '/' ? route.path : '') + base + template,
      params: parameters.filter((parameter) => parameter.in === 'path').map(({ name }) => name),
    }))
    .filter(({ path }) => liesBelow(route, path));
}

/** The methods that a route lets through. */
function grpcOperationsOf(route: Route, methods: readonly GrpcMethod[] = []): OperationRules[] {
  return methods
    .filter(({ path }) => liesBelow(route, path))
    .map(({ path }) => ({ service: route.service, id: path.slice(1), method: 'POST', path, params: [] }));
}

function liesBelow(route: Route, path: string): boolean {
  return route.path === '/' || path === route.path || path.startsWith(`${route.path}/`);
}

function unique(): (rules: OperationRules) => boolean {
  const seen = new Set<string>();
  return ({ service, id }) => {
    const known = seen.has(`${service}:${id}`);
    seen.add(`${service}:${id}`);
    return !known;
  };
}

function ownerClaims({ routes }: Manifest): Record<string, 'String'> {
  return Object.fromEntries(
    routes.flatMap(({ owner }) => (owner === undefined ? [] : [[owner.claim, 'String' as const]])),
  );
}
