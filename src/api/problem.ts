import type { Denial } from './record.ts';

/** Media type of a problem document (RFC 9457, section 3). */
export const problemType = 'application/problem+json';

const titles: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Authentication required',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request timeout',
  410: 'Gone',
  413: 'Content too large',
  414: 'URI too long',
  415: 'Unsupported media type',
  421: 'Misdirected request',
  429: 'Too many requests',
  431: 'Request header fields too large',
  500: 'Internal error',
  502: 'Bad gateway',
  503: 'Service unavailable',
  504: 'Gateway timeout',
};

/** What a caller learns of a refusal: a stable code, one public sentence, and the id that an operator can explain. */
export function problemBody(
  status: number,
  code: string,
  message: string,
  decisionId: string,
  members: Denial['members'] = undefined,
): string {
  return JSON.stringify({
    ...members,
    type: `urn:merlon:problem:${code}`,
    title: titles[status] ?? 'Refused',
    status,
    detail: message,
    instance: `urn:uuid:${decisionId}`,
    code,
    decision: decisionId,
  });
}

/** The problem document of a denial. */
export function problemOf({ status, reason, members }: Denial, decisionId: string): string {
  return problemBody(status, reason.code, reason.message, decisionId, members);
}
