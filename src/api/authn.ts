// What the control plane tells a gateway about credentials: who may vouch for callers, with which keys, and what has
// been revoked since. No private key and no secret is in here; API keys travel as hashes.

import type { Principal } from './record.ts';

/** How an identity vendor lays out its tokens. `embedded` is the built-in OpenID Provider, `generic` follows RFC 9068. */
export const issuerPresets = [
  'embedded',
  'cognito',
  'auth0',
  'okta',
  'entra',
  'google',
  'firebase',
  'keycloak',
  'zitadel',
  'generic',
] as const;

export type IssuerPreset = (typeof issuerPresets)[number];

/** Signature algorithms that a token may use (RFC 7518, RFC 8037, RFC 9864): asymmetric ones alone. */
export const tokenAlgorithms = [
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
  'Ed25519',
] as const;

export type TokenAlgorithm = (typeof tokenAlgorithms)[number];

/** A public key as a JWK (RFC 7517). A private member in one is refused when the snapshot is compiled. */
export interface PublicJwk {
  readonly kty: string;
  readonly kid?: string;
  readonly alg?: string;
  readonly use?: string;
  readonly key_ops?: readonly string[];
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly n?: string;
  readonly e?: string;
}

/** One trusted issuer of access tokens. */
export interface IssuerSnapshot {
  readonly preset: IssuerPreset;
  /** The `iss` claim, compared byte by byte. */
  readonly issuer: string;
  /** A token must be meant for one of these. Cognito: the client ids, since its access tokens have no `aud`. */
  readonly audience: readonly string[];
  readonly keys: readonly PublicJwk[];
  /** Instead of the preset's list. */
  readonly algorithms?: readonly TokenAlgorithm[];
  /** Claims to read roles from, instead of the preset's: a claim's name, a JSON pointer, or dots that lead into objects. */
  readonly rolesClaims?: readonly string[];
  /** As `rolesClaims`, for scopes. */
  readonly scopesClaims?: readonly string[];
}

/** One secret of an API key. */
export interface ApiKeySecret {
  /** SHA-256 of the whole key, base64url. */
  readonly hash: string;
  /** Epoch milliseconds from which it is refused. */
  readonly expiresAtMs: number;
}

/** One API key, as the gateway knows it. The key itself is `mk_<id>_<secret>`. */
export interface ApiKeySnapshot {
  /** The public part, twelve letters and digits. */
  readonly id: string;
  /** The one in use, and for a while the one before it, so that a rotation interrupts nobody. */
  readonly secrets: readonly ApiKeySecret[];
  /** For whom it acts. */
  readonly principal: Pick<Principal, 'kind' | 'id' | 'roles' | 'scopes'>;
}

/** The limit of one API key over all routes. */
export interface ApiKeyLimit {
  readonly id: string;
  readonly limit: {
    readonly count: number;
    readonly periodMs: number;
    readonly text: string;
    readonly burst?: number;
  };
}

/** A token that was revoked before it expired. */
export interface RevokedToken {
  readonly issuer: string;
  readonly jti: string;
  /** When the token expires by itself, epoch milliseconds: after that (and the skew) the row may go. */
  readonly expiresAtMs: number;
}

/** Every token of `subject` (of the whole issuer where it is missing) that was issued before a moment is refused. */
export interface RevokedSubject {
  readonly issuer: string;
  readonly subject?: string;
  /** Epoch milliseconds; tokens without `iat` are refused too. */
  readonly issuedBeforeMs: number;
}

/** The gateway's section on credentials. */
export interface AuthnSnapshot {
  /** Named in `WWW-Authenticate`; the trust domain. */
  readonly realm: string;
  readonly issuers: readonly IssuerSnapshot[];
  readonly apiKeys: readonly ApiKeySnapshot[];
  /** Where API keys are presented. Missing: in `x-api-key`, and as a bearer token. */
  readonly apiKeyHeader?: { readonly name: string; readonly bearer: boolean };
  readonly revokedTokens: readonly RevokedToken[];
  readonly revokedSubjects: readonly RevokedSubject[];
  /** By how much a token's clock may differ from ours, in seconds (0 to 300; 30 unless told). */
  readonly clockSkewSeconds?: number;
  /** Longest token that is looked at, in bytes (8,192 unless told). */
  readonly maxTokenBytes?: number;
}

/** How the caller proved who it is. */
export type CredentialKind = 'jwt' | 'api-key' | 'none';

/** Who calls, as verified at the boundary. */
export interface Authenticated {
  readonly principal: Principal;
  readonly credential: CredentialKind;
  /** Of an API key: its id. */
  readonly credentialId?: string;
  /** The token's verified claims; empty for other credentials. Object members are the token's own, never inherited. */
  readonly claims: Readonly<Record<string, unknown>>;
  /** When the credential ends, epoch milliseconds; Infinity without one. */
  readonly expiresAtMs: number;
}
