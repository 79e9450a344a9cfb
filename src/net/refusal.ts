import type { NetError } from './errors.ts';
import { formatProblem } from './problem.ts';
import type { PeerInfo } from './request.ts';
import { formatDate, formatFields, statusLine, toHeaders } from './serialise.ts';
import type { HttpServerOptions, Refusal } from './server-options.ts';

/** Tells `onRefused` of a refusal and formats the whole reply to it, after which the connection ends. */
export function formatRefusal(
  options: HttpServerOptions,
  error: NetError,
  peer: PeerInfo,
  method: string | undefined,
  target: string | undefined,
): string {
  const { code, status, message } = error;
  const { remoteAddress, remotePort, localPort, scheme } = peer;
  const refusal: Refusal = { code, status, message, remoteAddress, remotePort, localPort, scheme, method, target };
  const { headers, body } = options.onRefused?.(refusal) ?? formatProblem(status, code, message);
  const content = Buffer.from(body ?? '').toString('latin1');
  return `${statusLine(status)}${formatFields(toHeaders(headers))}${formatDate(options.clock.now())}content-length: ${content.length}\r\nconnection: close\r\n\r\n${content}`;
}
