import { IdentityError } from './errors.ts';

/** The name of a workload (SPIFFE-ID, section 2). */
export interface SpiffeId {
  readonly trustDomain: string;
  /** Empty, or segments each after a slash: `/service/orders`. */
  readonly path: string;
}

const scheme = 'spiffe://';
const maxIdBytes = 2048;
const maxTrustDomainBytes = 255;
const trustDomainName = /^[a-z0-9._-]+$/;
const pathSegment = /^[A-Za-z0-9._-]+$/;

/** Whether `name` may name a trust domain (SPIFFE-ID, section 2.1). */
export function isTrustDomain(name: string): boolean {
  return name.length <= maxTrustDomainBytes && trustDomainName.test(name);
}

/** Throws `identity.invalid-trust-domain` unless `name` may name a trust domain. */
export function checkTrustDomain(name: string): void {
  if (isTrustDomain(name)) return;
  throw new IdentityError('identity.invalid-trust-domain', `\`${name.slice(0, 64)}\` is no trust domain`, {
    hint: 'use lower-case letters, digits, dots, dashes and underscores, as in `shop.example`',
  });
}

/** Whether `path` is a path of whole, plain segments, or empty (SPIFFE-ID, section 2.2). */
export function isSpiffePath(path: string): boolean {
  if (path === '') return true;
  const [root, ...segments] = path.split('/');
  return root === '' && segments.every((name) => pathSegment.test(name) && name !== '.' && name !== '..');
}

/**
 * Reads a SPIFFE ID, and takes nothing that merely resembles one: no other case, port, user, query, fragment, percent
 * encoding, dot segment or trailing slash. Undefined where it is not one.
 */
export function tryParseSpiffeId(text: string): SpiffeId | undefined {
  if (text.length > maxIdBytes || !text.startsWith(scheme)) return undefined;
  const slash = text.indexOf('/', scheme.length);
  const end = slash < 0 ? text.length : slash;
  const [trustDomain, path] = [text.slice(scheme.length, end), text.slice(end)];
  return isTrustDomain(trustDomain) && isSpiffePath(path) ? { trustDomain, path } : undefined;
}

/** As `tryParseSpiffeId`. Throws `identity.invalid-spiffe-id`. */
export function parseSpiffeId(text: string): SpiffeId {
  const id = tryParseSpiffeId(text);
  if (id === undefined) throw invalid(text);
  return id;
}

function invalid(text: string): IdentityError {
  return new IdentityError('identity.invalid-spiffe-id', `\`${text.slice(0, 128)}\` is no SPIFFE ID`, {
    hint: 'it looks like `spiffe://shop.example/service/orders`',
  });
}

/** The text of `id`. */
export function formatSpiffeId({ trustDomain, path }: SpiffeId): string {
  return `${scheme}${trustDomain}${path}`;
}

/** The roles of this program that have an identity of their own. */
export type RoleName = 'control' | 'gateway' | 'agent';

/** The SPIFFE ID of a service: `spiffe://shop.example/service/orders`. Throws `identity.invalid-spiffe-id`. */
export function serviceSpiffeId(trustDomain: string, service: string): string {
  const text = `${scheme}${trustDomain}/service/${service}`;
  if (service.includes('/')) throw invalid(text);
  return formatSpiffeId(parseSpiffeId(text));
}

/** The SPIFFE ID of one of this program's roles: `spiffe://shop.example/merlon/gateway`. */
export function roleSpiffeId(trustDomain: string, role: RoleName): string {
  return formatSpiffeId(parseSpiffeId(`${scheme}${trustDomain}/merlon/${role}`));
}
