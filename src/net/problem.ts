import type { HeaderRecord } from './headers.ts';
import { reasonPhrases } from './reason-phrases.ts';

/** What a client reads when the engine refuses it and nobody said otherwise. */
export interface ProblemReply {
  readonly headers: HeaderRecord;
  readonly body: string;
}

/** A problem document (RFC 9457). */
export function formatProblem(status: number, code: string, message: string): ProblemReply {
  const title = reasonPhrases.get(status) ?? 'Error';
  return {
    headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store' },
    body: JSON.stringify({ type: 'about:blank', title, status, detail: message, code }),
  };
}
