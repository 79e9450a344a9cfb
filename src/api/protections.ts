/**
 * Every protection that a test can switch off, to show that the attack which it stops then gets through. The
 * composition root's functions take a set of these; no flag, variable or manifest key reaches it.
 */
export const protections = [
  'tls.client-certificate',
  'http.identity-headers',
  'http.path-normalisation',
  'http.header-time',
  'http.body-limit',
  'ip.access',
  'scanner.throttle',
  'limits',
  'authn',
  'authn.signature',
  'authn.algorithm',
  'authn.issuer',
  'authn.audience',
  'authn.expiry',
  'authn.type',
  'authn.api-key',
  'login.throttle',
  'authz.scopes',
  'authz.policy',
  'authz.owner',
  'openapi.parameters',
  'openapi.body',
  'openapi.unknown-fields',
  'openapi.undeclared-operation',
  'graphql.bounds',
  'response.mask',
  'waf',
  'mesh.client-certificate',
  'mesh.trust-domain',
  'mesh.expiry',
  'mesh.calls',
  'secrets.token',
  'secrets.acl',
  'admin.authentication',
  'admin.origin',
  'admin.host',
  'ledger.chain',
] as const;

export type Protection = (typeof protections)[number];

/** The protections that are off. Empty everywhere but in mutation tests. */
export type Weaknesses = ReadonlySet<Protection>;

/** Nothing is off. */
export const noWeaknesses: Weaknesses = new Set();
