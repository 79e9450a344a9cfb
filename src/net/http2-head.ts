import type { CallHead } from './carrier.ts';
import { addFields, type FieldList } from './http2-fields.ts';
import type { ServerRequest } from './message.ts';
import { toHeaders } from './serialise.ts';
import type { Forwarding, UpstreamProtocol } from './upstream-options.ts';

/** What all requests of a session share. */
export interface SessionTarget {
  readonly scheme: 'http' | 'https';
  /** Names the host where a request does not. */
  readonly endpoint: string;
  readonly protocol: UpstreamProtocol;
}

/** The fields of a forwarded request, made from its parsed form. */
export function formatHttp2Request(request: ServerRequest, forwarding: Forwarding, target: SessionTarget): FieldList {
  const path = forwarding.path ?? request.path;
  const query = forwarding.query === undefined ? request.query : (forwarding.query ?? undefined);
  const headers = forwarding.headers ?? request.headers;
  const { body } = request;
  const list: FieldList = [
    ':method',
    forwarding.method ?? request.method,
    ':scheme',
    target.scheme,
    ':authority',
    headers.get('host') ?? target.endpoint,
    ':path',
    query === undefined ? path : `${path}?${query}`,
  ];
  addFields(list, headers);
  if (body.present && body.length !== undefined) list.push('content-length', String(body.length));
  if (takesTrailers(request, target)) list.push('te', 'trailers');
  return list;
}

/** The only value of TE that HTTP/2 has (RFC 9113, section 8.2.2). gRPC refuses to talk to whoever leaves it out. */
function takesTrailers(request: ServerRequest, { protocol }: SessionTarget): boolean {
  return protocol === 'grpc' || request.headers.get('te')?.includes('trailers') === true;
}

/** The fields of a small call. */
export function formatHttp2Call(call: CallHead, { scheme, endpoint }: SessionTarget): FieldList {
  const { method, path, body } = call;
  const headers = toHeaders(call.headers);
  const authority = headers.get('host') ?? (endpoint.startsWith('/') ? 'localhost' : endpoint);
  const list: FieldList = [':method', method, ':scheme', scheme, ':authority', authority, ':path', path];
  addFields(list, headers);
  if (body !== undefined) list.push('content-length', String(Buffer.byteLength(body)));
  return list;
}
