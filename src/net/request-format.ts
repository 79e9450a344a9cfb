import type { ServerRequest } from './message.ts';
import { formatHead, formatLength } from './serialise.ts';
import type { Forwarding } from './upstream-options.ts';

/** Methods whose missing content must be told (RFC 9110, section 8.6). */
const expectsContent = new Set(['POST', 'PUT', 'PATCH']);

/** The head of a forwarded request, made from its parsed form. `endpoint` names the host where the request does not. */
export function formatRequestHead(
  request: ServerRequest,
  forwarding: Forwarding,
  asksUpgrade: boolean,
  endpoint: string,
): string {
  const method = forwarding.method ?? request.method;
  const path = forwarding.path ?? request.path;
  const query = forwarding.query === undefined ? request.query : (forwarding.query ?? undefined);
  const headers = forwarding.headers ?? request.headers;
  const { body } = request;
  let end = '';
  if (body.present) end = body.length === undefined ? 'transfer-encoding: chunked\r\n' : formatLength(body.length);
  else if (expectsContent.has(method)) end = formatLength(0);
  if (!headers.has('host')) end = `host: ${endpoint}\r\n${end}`;
  if (asksUpgrade) end += 'connection: upgrade\r\nupgrade: websocket\r\n';
  return formatHead({ start: method, path, query, end }, headers);
}
