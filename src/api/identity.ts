// What the roles tell each other about trust: the bundle of a trust domain, as plain data.

/** The public half of a key that signs JWT-SVIDs (RFC 7517). */
export interface JwtAuthority {
  readonly kid: string;
  readonly kty: string;
  readonly crv?: string;
  readonly x?: string;
  readonly y?: string;
  readonly n?: string;
  readonly e?: string;
}

/** Whom to believe about one trust domain (SPIFFE Trust Domain and Bundle, section 3). */
export interface TrustBundle {
  readonly trustDomain: string;
  /** Grows with each change of the authorities. */
  readonly sequence: number;
  /** How often to ask for a newer one. */
  readonly refreshHintSeconds: number;
  /** Root certificates, base64 of DER. */
  readonly x509Authorities: readonly string[];
  readonly jwtAuthorities: readonly JwtAuthority[];
  /** Key identifiers (hex) of authorities that will soon be revoked: whoever holds an SVID of theirs renews it now. */
  readonly tainted: readonly string[];
}

/** What an entry of the expiry ledger is about. */
export type ExpiringKind = 'certificate' | 'key' | 'token' | 'lease' | 'api-key' | 'suppression';

/** One thing that will expire. */
export interface Expiring {
  /** Unique among all entries: `svid/spiffe://shop.example/service/orders`. */
  readonly id: string;
  readonly kind: ExpiringKind;
  /** For people: `X.509-SVID of orders`. */
  readonly name: string;
  /** Epoch milliseconds. */
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
  /** Who renews it: a part of the program, or nobody. */
  readonly renewedBy?: string;
}
