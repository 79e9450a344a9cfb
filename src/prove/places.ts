import type { Operation } from '../api/openapi.ts';
import type { PolicyRequest } from '../api/policy.ts';
import type { Manifest, Route } from '../manifest/index.ts';
import type { ProveTarget, SampleRequest, ServiceApi } from './ports.ts';
import type { RequestText } from './wire/request.ts';
import type { Person } from './wire/wire.ts';

/** An operation as callers reach it through a route. */
export interface Place {
  readonly route: Route;
  /** Where the route stands in the manifest. */
  readonly index: number;
  readonly method: string;
  /** Path template at the gateway. */
  readonly template: string;
  /** Undefined where the service has no document: then the route's own path stands for all that lies below. */
  readonly operation: Operation | undefined;
  readonly api: ServiceApi | undefined;
  readonly sample: SampleRequest;
}

/** `GET /api/orders/{orderId}`. */
export function nameOf({ method, template }: Place): string {
  return `${method} ${template}`;
}

/** Every operation that a route of the manifest lets through and for which a request can be made up. */
export function findPlaces({ manifest, apis }: ProveTarget): Place[] {
  return manifest.routes.flatMap((route, index) => {
    const api = apis.get(route.service);
    if (api === undefined) return undocumented(route, index);
    return api.document.operations.flatMap((operation): Place[] => {
      const template = publicPath(route, `${api.document.basePaths[0] ?? ''}${operation.template}`);
      if (!isUnder(route, template) || bestRoute(manifest, route.host, template) !== route) return [];
      if (route.methods !== undefined && !(route.methods as readonly string[]).includes(operation.method)) return [];
      const sample = api.sampleRequest(operation);
      return sample === undefined ? [] : [{ route, index, method: operation.method, template, operation, api, sample }];
    });
  });
}

function undocumented(route: Route, index: number): Place[] {
  if (route.methods?.includes('GET') === false) return [];
  const path = route.stripPrefix && route.path !== '/' ? '' : route.path;
  const sample: SampleRequest = { method: 'GET', path, query: '', headers: {} };
  return [{ route, index, method: 'GET', template: route.path, operation: undefined, api: undefined, sample }];
}

/** A path of a service as callers write it. */
function publicPath(route: Route, path: string): string {
  return route.stripPrefix && route.path !== '/' ? route.path + path : path;
}

function isUnder({ path }: Route, template: string): boolean {
  return path === '/' || template === path || template.startsWith(`${path}/`);
}

function bestRoute({ routes }: Manifest, host: string | undefined, template: string): Route | undefined {
  return routes
    .filter((route) => route.host === host && isUnder(route, template))
    .sort((a, b) => b.path.length - a.path.length)[0];
}

/** The request to `place` on the object of `owner`. */
export function requestTo(place: Place, owner: string, sample: SampleRequest = place.sample): RequestText {
  const path = publicPath(place.route, withOwner(place, sample.path, owner));
  return {
    method: sample.method,
    target: sample.query === '' ? path : `${path}?${sample.query}`,
    headers: [...hostOf(place.route), ...Object.entries(sample.headers)],
    ...(sample.body === undefined ? {} : { body: sample.body }),
  };
}

/** For a route of one host. Of a wildcard any name below it will do. */
function hostOf({ host }: Route): (readonly [name: string, value: string])[] {
  return host === undefined ? [] : [['host', host.replace('*', 'merlon-prove')]];
}

function withOwner({ route, template }: Place, path: string, owner: string): string {
  const param = route.owner?.param;
  if (param === undefined) return path;
  const pattern = template.split('/');
  const segments = publicSegments(route, path);
  if (pattern.length !== segments.length) return path;
  const filled = segments.map((segment, at) => (pattern[at] === `{${param}}` ? encodeURIComponent(owner) : segment));
  return filled.slice(segments.length - path.split('/').length).join('/');
}

function publicSegments(route: Route, path: string): string[] {
  return publicPath(route, path).split('/');
}

/** Whether the owner of what `place` reaches stands in its path. */
export function isOwned({ route, template }: Place): boolean {
  return route.owner !== undefined && template.split('/').includes(`{${route.owner.param}}`);
}

/** Scopes that the manifest asks for at `place`. */
export function scopesOf({ route, method }: Pick<Place, 'route' | 'method'>): readonly string[] {
  const { scopes } = route as { scopes: Readonly<Record<string, readonly string[]>> };
  return scopes[method] ?? scopes['*'] ?? [];
}

/** What policies are asked about `person` at `place`. */
export function policyRequest(place: Place, person: Person, target: ProveTarget): PolicyRequest {
  const { route, template, operation, method } = place;
  const { target: written } = requestTo(place, person.subject);
  const path = written.split('?')[0] as string;
  const issuer = `${target.manifest.gateway.publicUrl}/oidc`;
  return {
    principal: {
      kind: 'user',
      id: person.subject,
      issuer,
      client: 'merlon-prove',
      roles: person.roles,
      scopes: person.scopes,
      claims: { sub: person.subject, client_id: 'merlon-prove' },
      mfa: false,
    },
    method,
    route: `${route.host ?? ''}${route.path}`,
    ...(operation === undefined ? {} : { operation: operation.id, params: paramsOf(template, path) }),
    path,
    host: target.edge.authority.replace(/:\d+$/, ''),
    ip: '127.0.0.1',
    nowMs: target.clock.now(),
  };
}

function paramsOf(template: string, path: string): Record<string, string> {
  const values = path.split('/');
  return Object.fromEntries(
    template.split('/').flatMap((segment, at) => {
      const name = /^\{(.+)\}$/.exec(segment)?.[1];
      return name === undefined ? [] : [[name, decodeURIComponent(values[at] ?? '')]];
    }),
  );
}
