// What the manifest says about the embedded OpenID Provider, as the control plane hands it over.

/** A role and the scopes that whoever holds it may be granted. */
export interface DeclaredRole {
  readonly scopes: readonly string[];
}

/** A user of the embedded provider. */
export interface DeclaredUser {
  readonly roles: readonly string[];
  /** The `name` claim. */
  readonly name?: string;
  readonly email?: string;
  /** Argon2id in PHC string format. Without it a password is generated when the user is first made. */
  readonly passwordHash?: string;
}

export type GrantType = 'authorization_code' | 'refresh_token' | 'client_credentials';

/** An OAuth client of the embedded provider. All of them are the operator's own, so none asks for consent. */
export interface DeclaredClient {
  /** `public` cannot keep a secret and proves itself by PKCE alone; `confidential` has a secret. */
  readonly type: 'public' | 'confidential';
  readonly redirectUris: readonly string[];
  readonly postLogoutRedirectUris?: readonly string[];
  readonly grants: readonly GrantType[];
  /** Scopes that it may ask for. */
  readonly scopes: readonly string[];
  /** Roles of the client itself, when it acts for no user. */
  readonly roles: readonly string[];
}

/** Everything declared. Keys are role names, user names and client ids. */
export interface DeclaredIdentities {
  readonly roles: Readonly<Record<string, DeclaredRole>>;
  readonly users: Readonly<Record<string, DeclaredUser>>;
  readonly clients: Readonly<Record<string, DeclaredClient>>;
}

/** Secrets that came into being while declared identities were reconciled. They are told once and never again. */
export interface NewSecrets {
  readonly passwords: ReadonlyMap<string, string>;
  readonly clientSecrets: ReadonlyMap<string, string>;
}
