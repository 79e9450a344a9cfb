import type { CallHead } from './carrier.ts';
import type { ServerRequest } from './message.ts';
import { formatFields, formatHead, formatLength, toHeaders } from './serialise.ts';
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

/** The head of a small call. `endpoint` names the host where the call does not. */
export function formatCallHead({ method, path, headers, body }: CallHead, endpoint: string): string {
  const fields = toHeaders(headers);
  // The name of a Unix socket is a path, which no Host field may hold.
  const host = fields.has('host') ? '' : `host: ${endpoint.startsWith('/') ? 'localhost' : endpoint}\r\n`;
  const length = body === undefined && method === 'GET' ? '' : `content-length: ${Buffer.byteLength(body ?? '')}\r\n`;
  return `${method} ${path} HTTP/1.1\r\n${host}${formatFields(fields)}${length}\r\n`;
}
