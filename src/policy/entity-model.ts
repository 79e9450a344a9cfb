import type { OperationRules, PolicyModel, RouteRules } from '../api/policy.ts';

/** The entity types of Merlon's model (README.md). */
export const entityTypes = {
  user: 'Merlon::User',
  client: 'Merlon::Client',
  workload: 'Merlon::Workload',
  anonymous: 'Merlon::Anonymous',
  role: 'Merlon::Role',
  service: 'Merlon::Service',
  route: 'Merlon::Route',
  action: 'Merlon::Action',
} as const;

/** Methods that have an action whether or not the manifest names them. */
const commonMethods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;

/** HTTP methods that the model knows; a request by another is denied. */
export function methodsOf(model: PolicyModel): readonly string[] {
  const named = model.routes.flatMap((route) => [...Object.keys(route.scopes ?? {}), ...rolesMethods(route)]);
  const operated = model.operations.map(({ method }) => method);
  return [...new Set([...commonMethods, ...named, ...operated])].filter((method) => method !== '*');
}

function rolesMethods({ roles }: RouteRules): readonly string[] {
  return roles === undefined || isList(roles) ? [] : Object.keys(roles);
}

/** The roles that a route asks for, per method; `*`: every method that is not listed. */
export function rolesByMethod({ roles }: RouteRules): Readonly<Record<string, readonly string[]>> {
  if (roles === undefined) return {};
  return isList(roles) ? { '*': roles } : roles;
}

function isList(value: readonly string[] | Readonly<Record<string, readonly string[]>>): value is readonly string[] {
  return Array.isArray(value);
}

/** The action of an operation. */
export function operationAction({ service, id }: Pick<OperationRules, 'service' | 'id'>): string {
  return `${service}:${id}`;
}

/** The names in braces of a path template. */
export function pathParams(path: string): readonly string[] {
  return [...path.matchAll(/\{([^{}]+)\}/g)].map((match) => match[1] as string);
}

/** Whether requests without a credential reach the route. */
export function admitsAnonymous({ auth }: RouteRules): boolean {
  return auth !== 'required';
}

/** Claims that policies may read: those declared, and those that owner rules compare. `sub` is no claim but an attribute. */
export function claimsOf(model: PolicyModel): Readonly<Record<string, 'String' | 'Long' | 'Boolean' | 'StringSet'>> {
  const owners = model.routes.map(({ owner }) => owner?.claim ?? 'sub').filter((claim) => claim !== 'sub');
  return { ...Object.fromEntries(owners.map((claim) => [claim, 'String' as const])), ...model.claims };
}

/** Whether `operation` is reached through `route`: its path is the route's, or lies below it. */
export function operationOnRoute(operation: OperationRules, route: RouteRules): boolean {
  if (operation.service !== route.service) return false;
  const path = segments(operation.path);
  return segments(pathOfRoute(route)).every((segment, at) => {
    const other = path[at];
    return other !== undefined && (segment === other || isParam(segment) || isParam(other));
  });
}

/** A route's path without the host before it and the methods behind it. */
export function pathOfRoute({ path }: RouteRules): string {
  const [place = ''] = path.split(' ');
  return place.slice(Math.max(0, place.indexOf('/')));
}

function segments(path: string): readonly string[] {
  return path.split('/').filter((segment) => segment !== '' && segment !== '*' && segment !== '**');
}

function isParam(segment: string): boolean {
  return segment.startsWith('{');
}
