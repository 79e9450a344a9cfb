import { MerlonError } from '../../core/errors.ts';

/** Every code with which certificates by ACME fail, and what it means. */
export const acmeCodes = {
  'acme.unreachable': 'the certificate authority does not answer, or not in time',
  'acme.protocol': 'the certificate authority answers what RFC 8555 does not allow',
  'acme.refused': 'the certificate authority refuses the request',
  'acme.challenge-failed': 'the certificate authority could not convince itself that a name leads here',
  'acme.order-failed': 'an order ended without a certificate',
  'acme.bad-certificate': 'a certificate came that is not the one that was ordered',
} as const;

export type AcmeCode = keyof typeof acmeCodes;

/** What the certificate authority says of a refusal (RFC 8555, section 6.7). */
export interface AcmeProblem {
  /** Without `urn:ietf:params:acme:error:`. */
  readonly type: string;
  readonly detail: string;
  readonly status: number;
}

export interface AcmeErrorFacts {
  readonly problem?: AcmeProblem;
  /** How long the authority asks us to wait. */
  readonly retryAfterMs?: number | undefined;
  readonly hint?: string;
}

/** A failure of an order, of the account or of the way to the certificate authority. */
export class AcmeError extends MerlonError {
  declare readonly code: AcmeCode;
  readonly problem: AcmeProblem | undefined;
  readonly retryAfterMs: number | undefined;

  constructor(code: AcmeCode, message: string, { problem, retryAfterMs, hint }: AcmeErrorFacts = {}) {
    super(hint === undefined ? { code, message } : { code, message, hint });
    this.problem = problem;
    this.retryAfterMs = retryAfterMs;
  }
}

const longestText = 300;

/** What another machine says, fit for a log: one line, bounded, printable. */
export function saidBy(text: unknown): string {
  return String(text ?? '')
    .replace(/[^\x20-\x7e]/g, ' ')
    .slice(0, longestText);
}
