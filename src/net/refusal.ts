import { messageOf } from '../core/errors.ts';
import type { NetError } from './errors.ts';
import type { Headers } from './headers.ts';
import { formatProblem } from './problem.ts';
import type { PeerInfo } from './request.ts';
import { formatDate, formatFields, statusLine, toHeaders } from './serialise.ts';
import type { HttpServerOptions, Refusal, RefusalReply } from './server-options.ts';

/** What was refused: as far as it was read. */
export interface RefusedRequest {
  readonly method: string | undefined;
  readonly target: string | undefined;
}

/** The reply to a refusal. */
export interface RefusalContent {
  readonly status: number;
  readonly headers: Headers;
  readonly content: Buffer;
}

/** Tells `onRefused` of a refusal; gives the reply to it. */
export function refuse(
  options: HttpServerOptions,
  error: NetError,
  peer: PeerInfo,
  { method, target }: RefusedRequest,
): RefusalContent {
  const { code, status, message } = error;
  const { remoteAddress, remotePort, localPort, scheme } = peer;
  const refusal: Refusal = { code, status, message, remoteAddress, remotePort, localPort, scheme, method, target };
  const { headers, body } = describe(options, refusal);
  return { status, headers: toHeaders(headers), content: Buffer.from(body ?? '') };
}

function describe(options: HttpServerOptions, refusal: Refusal): RefusalReply {
  try {
    const described = options.onRefused?.(refusal);
    if (described !== undefined) return described;
  } catch (error) {
    options.log?.error({ error: messageOf(error) }, 'a callback failed');
  }
  return formatProblem(refusal.status, refusal.code, refusal.message);
}

/** The reply as HTTP/1.1 writes it, after which the connection ends. */
export function formatRefusal({ status, headers, content }: RefusalContent, nowMs: number): string {
  const fields = `${formatFields(headers)}${formatDate(nowMs)}content-length: ${content.length}\r\nconnection: close\r\n`;
  return `${statusLine(status)}${fields}\r\n${content.toString('latin1')}`;
}
