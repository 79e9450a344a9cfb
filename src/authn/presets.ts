import type { IssuerPreset, TokenAlgorithm } from '../api/authn.ts';

/**
 * Where one vendor's access tokens say what we ask of every token. A claim is given by its name, or by dots
 * where it lies deeper. Where several are listed, each is read (`scopes`, `roles`) or the first that is there (`client`).
 */
export interface PresetRow {
  readonly algorithms: readonly TokenAlgorithm[];
  /** Accepted `typ` headers, lower case, without `application/`; the empty string stands for none. */
  readonly types: readonly string[];
  readonly audience: readonly string[];
  readonly client: readonly string[];
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  /** Claims that must have exactly this value; they tell access tokens from other tokens of the same keys. */
  readonly required: Readonly<Record<string, string>>;
  /** Claims that only other kinds of token carry, such as an ID token's `at_hash`. */
  readonly forbidden: readonly string[];
  /** What follows the client's id in the `sub` of a token that a client got for itself. */
  readonly clientSubjectSuffix: string;
  /** Other spellings of the same issuer that its tokens may carry. */
  readonly issuers: (issuer: string) => readonly string[];
  /** The audience where the manifest names none. */
  readonly defaultAudience: (issuer: string) => readonly string[];
}

const standard: PresetRow = {
  algorithms: ['ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512', 'RS256', 'RS384', 'RS512', 'EdDSA', 'Ed25519'],
  types: ['at+jwt', 'jwt', ''],
  audience: ['aud'],
  client: ['client_id', 'azp'],
  scopes: ['scope'],
  roles: ['roles', 'groups'],
  required: {},
  forbidden: ['at_hash', 'c_hash', 'events'],
  clientSubjectSuffix: '',
  issuers: (issuer) => [issuer],
  defaultAudience: () => [],
};

/**
 * One row a vendor. Sources: RFC 9068 (embedded, generic) and each vendor's documentation of its token formats.
 */
export const presets: Readonly<Record<IssuerPreset, PresetRow>> = {
  // RFC 9068 to the letter: the type is what keeps an ID token of the same issuer out.
  embedded: { ...standard, algorithms: ['ES256'], types: ['at+jwt'], client: ['client_id'], roles: ['roles'] },
  // Access tokens have no `aud`; the client id stands in for it. `token_use` tells them from ID tokens.
  cognito: {
    ...standard,
    algorithms: ['RS256'],
    types: ['', 'jwt'],
    audience: ['client_id'],
    client: ['client_id'],
    roles: ['cognito:groups'],
    required: { token_use: 'access' },
  },
  // Two token profiles: Auth0's own (`azp`, JWT) and RFC 9068 (`client_id`, at+jwt). RBAC adds `permissions`.
  auth0: {
    ...standard,
    algorithms: ['RS256', 'PS256'],
    types: ['jwt', 'at+jwt'],
    client: ['azp', 'client_id'],
    scopes: ['scope', 'permissions'],
    roles: ['roles'],
    clientSubjectSuffix: '@clients',
  },
  // `scp` is an array, the client is `cid`.
  okta: {
    ...standard,
    algorithms: ['RS256'],
    types: ['', 'jwt', 'at+jwt', 'okta-internal-at+jwt'],
    client: ['cid'],
    scopes: ['scp'],
    roles: ['groups'],
  },
  // An application chooses v1 or v2 tokens for itself, so both issuers of the tenant are the same issuer. `scp` is a
  // string and only delegated tokens have it; application permissions arrive as `roles`.
  entra: {
    ...standard,
    algorithms: ['RS256'],
    types: ['jwt', 'at+jwt'],
    client: ['azp', 'appid'],
    scopes: ['scp'],
    roles: ['roles'],
    issuers: entraIssuers,
  },
  // Google's access tokens are opaque; what services are called with is an ID token for our client id.
  google: {
    ...standard,
    algorithms: ['RS256'],
    types: ['jwt'],
    client: ['azp'],
    roles: [],
    forbidden: ['events'],
    issuers: (issuer) => (issuer === 'https://accounts.google.com' ? [issuer, 'accounts.google.com'] : [issuer]),
  },
  // ID tokens again, one issuer per project, the audience is the project. Roles come from custom claims.
  firebase: {
    ...standard,
    algorithms: ['RS256'],
    types: ['jwt'],
    client: [],
    roles: ['roles', 'role'],
    forbidden: ['events'],
    defaultAudience: (issuer) => [issuer.slice(issuer.lastIndexOf('/') + 1)],
  },
  // The claim `typ` tells access from ID and refresh tokens, which share the keys.
  keycloak: {
    ...standard,
    types: ['jwt', 'at+jwt'],
    client: ['azp', 'client_id'],
    roles: ['realm_access.roles'],
    required: { typ: 'Bearer' },
  },
  // Roles are the member names of an object, whose values say which organisation granted them.
  zitadel: {
    ...standard,
    algorithms: ['RS256', 'ES256', 'EdDSA', 'Ed25519'],
    types: ['jwt', 'at+jwt'],
    roles: ['urn:zitadel:iam:org:project:roles'],
  },
  generic: standard,
};

const entraIssuer =
  /^https:\/\/(?:login\.microsoftonline\.com\/([0-9a-f-]{36})\/v2\.0|sts\.windows\.net\/([0-9a-f-]{36})\/)$/;

function entraIssuers(issuer: string): readonly string[] {
  const [, v2, v1] = entraIssuer.exec(issuer) ?? [];
  const tenant = v2 ?? v1;
  if (tenant === undefined) return [issuer];
  return [`https://login.microsoftonline.com/${tenant}/v2.0`, `https://sts.windows.net/${tenant}/`];
}
