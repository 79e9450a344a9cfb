// What the gateway's workers share of TLS beside their snapshot: secret, short-lived, and in memory alone.

/** The answer to one challenge of a certificate authority (RFC 8555, section 8.3; RFC 8737). */
export type AcmeChallenge =
  | { readonly type: 'http-01'; readonly domain: string; readonly token: string; readonly keyAuthorization: string }
  | { readonly type: 'tls-alpn-01'; readonly domain: string; readonly certificate: string; readonly key: string };

export interface EdgeTls {
  /** Keys of session tickets, 48 bytes each, base64url: the first makes tickets, all are accepted. */
  readonly ticketKeys: readonly string[];
  readonly challenges: readonly AcmeChallenge[];
}
