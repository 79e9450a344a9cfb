import { sensitiveHeaders } from 'node:http2';
import { NetError } from './errors.ts';
import { parseContentLength } from './framing.ts';
import { isFieldValue, isToken } from './grammar.ts';
import { internName } from './header-names.ts';
import { Headers } from './headers.ts';
import { isHopByHop } from './hop-by-hop.ts';

/** Fields of one connection: in HTTP/2 they are an attempt to frame the message of the next hop (RFC 9113, section 8.2.2). */
const connectionFields = new Set([
  'connection',
  'transfer-encoding',
  'keep-alive',
  'proxy-connection',
  'upgrade',
  'http2-settings',
]);

export function isConnectionField(name: string): boolean {
  return connectionFields.has(name);
}

/** Whether a field that came by HTTP/2 may stand in a message: its name (in lower case, as it must be), and its value. */
export function isAllowedField(name: string, value: string): boolean {
  return isToken(name) && name === name.toLowerCase() && !isConnectionField(name) && isFieldValue(value);
}

/** Fields that no connection's compression table shall remember: it is shared by all who use the connection (RFC 7541, section 7.1). */
const secret = ['authorization', 'cookie', 'set-cookie'];

/** Field names and values in turn, as Node's HTTP/2 takes them. */
export type FieldList = string[];

/** Adds to `list` the fields of `headers` that go to the next hop. */
export function addFields(list: FieldList, headers: Headers): FieldList {
  const { pairs } = headers;
  let isSecret = false;
  for (let at = 0; at < pairs.length; at += 2) {
    const name = pairs[at] as string;
    if (isHopByHop(name) || name === 'host') continue;
    isSecret ||= secret.includes(name);
    list.push(name, pairs[at + 1] as string);
  }
  if (isSecret) Object.assign(list, { [sensitiveHeaders]: secret });
  return list;
}

/** The head of a response. */
export interface ResponseFields {
  readonly status: number;
  readonly headers: Headers;
  /** Content-Length, or undefined. */
  readonly length: number | undefined;
}

/** Reads the fields of a response (name, value, name, value). Throws `net.upstream-malformed` where HTTP/1.1 could not carry them. */
export function readResponseFields(raw: readonly string[]): ResponseFields {
  let status = 0;
  let length: number | undefined;
  const headers = new Headers();
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string;
    const value = raw[at + 1] as string;
    if (name === ':status') status = /^[1-5][0-9]{2}$/.test(value) ? Number(value) : 0;
    else if (!isAllowedField(name, value)) throw malformed('a field that HTTP/2 does not allow');
    else if (name === 'content-length') length = readLength(length, value);
    else headers.pairs.push(internName(name), value);
  }
  if (status === 0 || status === 101) throw malformed('no status that HTTP/2 has');
  return { status, headers, length };
}

/** Reads trailers. Throws `net.upstream-malformed`. */
export function readTrailers(raw: readonly string[]): Headers {
  const trailers = new Headers();
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string;
    const value = raw[at + 1] as string;
    if (name.startsWith(':') || !isAllowedField(name, value)) throw malformed('a trailer that HTTP/2 does not allow');
    trailers.pairs.push(internName(name), value);
  }
  return trailers;
}

function readLength(before: number | undefined, value: string): number {
  if (before !== undefined) throw malformed('more than one Content-Length');
  try {
    return parseContentLength(value);
  } catch {
    throw malformed('a Content-Length that is no number');
  }
}

export function malformed(detail: string): NetError {
  return new NetError('net.upstream-malformed', 502, 'the answer of the service is not valid', detail);
}
