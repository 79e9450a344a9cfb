// How a service learns who calls. Only the gateway speaks for users and only the mesh speaks for workloads, so
// every other field of these names is dropped on the way in.

/** `sub` of the caller. */
export const subjectHeader = 'merlon-subject';
/** Comma-separated. */
export const rolesHeader = 'merlon-roles';
/** Space-separated. */
export const scopesHeader = 'merlon-scopes';
/** OAuth client through which the caller acts. */
export const clientHeader = 'merlon-client';
/** `iss` of the caller's token. */
export const issuerHeader = 'merlon-issuer';
/** Decision id of the request at the edge. */
export const decisionHeader = 'merlon-decision';
/** SPIFFE ID of the workload on the other side of the mesh. */
export const callerHeader = 'merlon-caller';

/** SHA-256 of the certificate that the caller showed, lower-case hex. */
export const certificateHeader = 'merlon-certificate';
/** The certificate itself (RFC 9440). */
export const clientCertHeader = 'client-cert';

const prefix = 'merlon-';

// Names that frameworks believe, whoever sets them.
const believed = new Set([
  'x-user',
  'x-user-id',
  'x-user-email',
  'x-user-roles',
  'x-username',
  'x-remote-user',
  'remote-user',
  'x-authenticated-user',
  'x-authenticated-userid',
  'x-authenticated-groups',
  'x-forwarded-user',
  'x-forwarded-email',
  'x-forwarded-groups',
  'x-forwarded-preferred-username',
  'x-forwarded-access-token',
  'x-forwarded-client-cert',
  'x-auth-request-user',
  'x-auth-request-email',
  'x-webauth-user',
  'client-cert',
  'client-cert-chain',
  'x-client-cert',
  'x-client-verify',
  'x-ssl-client-cert',
  'x-ssl-client-verify',
  'x-original-url',
  'x-original-uri',
  'x-original-path',
  'x-original-method',
  'x-rewrite-url',
  'x-override-url',
  'x-forwarded-uri',
  'x-forwarded-method',
  'x-http-method',
  'x-http-method-override',
  'x-http-path-override',
  'x-method-override',
  'x-envoy-original-path',
  'x-envoy-internal',
  // What a program started by CGI takes for the address of its own proxy (CVE-2016-5385).
  'proxy',
  // What tells Next.js to skip its middleware, where applications check who calls (CVE-2025-29927).
  'x-middleware-subrequest',
]);

/**
 * Whether a field (name in lower case) claims an identity, or changes what was authorised. Nobody may send it from
 * outside. An underscore counts as a dash: CGI and its heirs (RFC 3875, section 4.1.18) cannot tell them apart.
 */
export function isIdentityHeader(name: string): boolean {
  const dashed = name.includes('_') ? name.replaceAll('_', '-') : name;
  return dashed.startsWith(prefix) || believed.has(dashed);
}
