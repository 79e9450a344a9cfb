import type { Route } from '../../manifest/index.ts';

// How workloads are called, once for all snapshots.

/** SPIFFE ID of a service's workloads. */
export function serviceId(trustDomain: string, service: string): string {
  return `spiffe://${trustDomain}/service/${service}`;
}

/** SPIFFE ID of one of Merlon's own roles. */
export function roleId(trustDomain: string, role: 'gateway' | 'agent' | 'control'): string {
  return `spiffe://${trustDomain}/merlon/${role}`;
}

/** Name by which a service is asked for in TLS. */
export function serverName(trustDomain: string, service: string): string {
  return `${service}.${trustDomain}`;
}

/** The variable that tells a service where a callee is: `PAYMENTS_URL`. */
export function urlVariable(service: string): string {
  return `${service.toUpperCase().replaceAll('-', '_')}_URL`;
}

/** The services that answer a route's requests: its own, then those of its variants. */
export function servicesOf({ service, canary }: Pick<Route, 'service' | 'canary'>): string[] {
  return [service, ...canary.map((variant) => variant.service)];
}

interface NamedRoute {
  readonly host?: string;
  readonly path: string;
  readonly methods?: readonly string[];
}

/** What policies and limits call a route: host and path, and its methods where others share these. Unique among `all`. */
export function routeName(route: NamedRoute, all: readonly NamedRoute[]): string {
  const name = ({ host, path }: NamedRoute): string => `${host ?? ''}${path}`;
  const shared = all.filter((other) => name(other) === name(route)).length > 1;
  return shared ? `${name(route)} ${(route.methods ?? []).join(',')}` : name(route);
}
