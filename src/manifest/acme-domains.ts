import { isIP } from 'node:net';

/** The names that a certificate by ACME holds unless the manifest lists them: those under which the gateway is known outside. */
export function acmeDomains(publicUrl: string, routeHosts: readonly (string | undefined)[]): string[] {
  const names = [new URL(publicUrl).hostname, ...routeHosts.filter((host) => host !== undefined)];
  return [...new Set(names)].filter(
    (name) => name.includes('.') && !name.includes('*') && isIP(name.replace(/[[\]]/g, '')) === 0,
  );
}
