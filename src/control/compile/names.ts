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

/** What policies and limits call a route. */
export function routeName({ host, path }: { readonly host?: string; readonly path: string }): string {
  return `${host ?? ''}${path}`;
}
