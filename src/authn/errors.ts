import type { Denial, Reason } from '../api/record.ts';

interface DenialRow {
  readonly status: 400 | 401;
  /** RFC 6750, section 3.1; missing where no credential was presented. */
  readonly error?: 'invalid_request' | 'invalid_token';
  /** The one sentence that a caller sees. */
  readonly message: string;
}

const invalidToken = (message: string): DenialRow => ({ status: 401, error: 'invalid_token', message });

/** Every way in which a credential is refused. The code is the contract; the caller learns no more than the sentence. */
export const authnDenials = {
  'authn.token-missing': { status: 401, message: 'an access token is required' },
  'authn.api-key-missing': { status: 401, message: 'an API key is required' },
  'authn.scheme': { status: 401, message: 'the authorization scheme is not `Bearer`' },
  'authn.ambiguous': { status: 400, error: 'invalid_request', message: 'more than one credential was presented' },
  'authn.token-size': invalidToken('the access token is too long'),
  'authn.token-malformed': invalidToken('the access token is not a well-formed signed token'),
  'authn.issuer': invalidToken('the access token comes from an issuer that is not trusted here'),
  'authn.algorithm': invalidToken('the access token is signed with an algorithm that is not accepted'),
  'authn.critical': invalidToken('the access token demands an extension that is not understood'),
  'authn.key-unknown': invalidToken('the access token is signed with an unknown key'),
  'authn.signature': invalidToken('the signature of the access token does not verify'),
  'authn.type': invalidToken('the token is not an access token'),
  'authn.token-expired': invalidToken('the access token has expired'),
  'authn.token-early': invalidToken('the access token is not valid yet'),
  'authn.audience': invalidToken('the access token is meant for another audience'),
  'authn.claim': invalidToken('the access token lacks a claim that is required here'),
  'authn.binding': invalidToken('the access token is bound to a key that this request does not prove'),
  'authn.token-revoked': invalidToken('the access token has been revoked'),
  'authn.api-key': invalidToken('the API key is not valid'),
  'authn.api-key-in-query': {
    status: 400,
    error: 'invalid_request',
    message: 'an API key does not belong in the query',
  },
  'authn.credential-kind': invalidToken('this resource takes another kind of credential'),
  'authn.api-key-expired': invalidToken('the API key has expired'),
} as const satisfies Record<string, DenialRow>;

export type AuthnCode = keyof typeof authnDenials;

/** What the operator may see beside the sentence. */
export type DenialFacts = Pick<Reason, 'detail' | 'claim' | 'expected' | 'actual' | 'fixes' | 'rule'>;

/** The denial for `code`, with the challenge that RFC 6750 asks for. */
export function deny(realm: string, code: AuthnCode, facts: DenialFacts = {}): Denial {
  const row: DenialRow = authnDenials[code];
  return {
    status: row.status,
    reason: { filter: 'authn', code, message: row.message, ...facts },
    headers: { 'www-authenticate': challenge(realm, row) },
  };
}

function challenge(realm: string, { error, message }: DenialRow): string {
  if (error === undefined) return `Bearer realm="${realm}"`;
  return `Bearer realm="${realm}", error="${error}", error_description="${message.replaceAll('`', "'")}"`;
}

const maxShown = 120;

/** A caller's value for the operator's eyes: printable, on one line, and short. */
export function show(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'nothing');
  const printable = text.replace(/[^\x20-\x7e]/g, '?');
  return printable.length > maxShown ? `${printable.slice(0, maxShown)}...` : printable;
}
