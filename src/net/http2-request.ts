import type { ServerHttp2Stream } from 'node:http2';
import type { HttpLimits } from './config.ts';
import { NetError } from './errors.ts';
import { parseContentLength } from './framing.ts';
import { isFieldValue, isToken } from './grammar.ts';
import { internName } from './header-names.ts';
import { Headers } from './headers.ts';
import { isConnectionField } from './http2-fields.ts';
import { frameAllowance, type Http2Floods } from './http2-floods.ts';
import type { BodySource } from './request-body.ts';
import { IncomingBody } from './request-body.ts';

/** A request's fields, taken apart: pseudo-fields, and the rest as HTTP/1.1 would have them. */
export interface Http2Fields {
  readonly method: string;
  readonly target: string;
  readonly authority: string | undefined;
  /** What an extended CONNECT asks for (RFC 8441), else undefined. */
  readonly protocol: string | undefined;
  readonly headers: Headers;
  /** Content-Length, or undefined. */
  readonly contentLength: number | undefined;
  readonly expectsContinue: boolean;
  /** Of names and values together. */
  readonly bytes: number;
}

/** Reads the fields of a stream (name, value, name, value). Throws what HTTP/1.1 would: `net.bad-header`, `net.bad-host`, `net.bad-method`, `net.headers-too-large`. */
export function readHttp2Fields(raw: readonly string[], limits: HttpLimits): Http2Fields {
  const head: PseudoFields = { method: '', target: '', authority: undefined, protocol: undefined };
  const headers = new Headers();
  let cookies: string[] | undefined;
  let bytes = 0;
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at] as string;
    const value = raw[at + 1] as string;
    bytes += name.length + value.length;
    if (name.charCodeAt(0) === colon) readPseudoField(head, name, value);
    else if (name === 'cookie') (cookies ??= []).push(checkedValue(name, value));
    else headers.pairs.push(checkedName(name), checkedValue(name, value));
  }
  // One field in HTTP/1.1, cut up for compression here (RFC 9113, section 8.2.3).
  if (cookies !== undefined) headers.pairs.push('cookie', cookies.join('; '));
  if (headers.size > limits.headerCount)
    throw new NetError('net.headers-too-large', 431, 'the header fields are too large');
  return { ...describe(head, headers, limits), bytes };
}

const colon = 0x3a;

interface PseudoFields {
  method: string;
  target: string;
  authority: string | undefined;
  protocol: string | undefined;
}

/** That each comes once and before all others is checked below us. */
function readPseudoField(head: PseudoFields, name: string, value: string): void {
  if (name === ':method') head.method = value;
  else if (name === ':path') head.target = value;
  else if (name === ':authority') head.authority = value;
  else if (name === ':protocol') head.protocol = value;
}

function describe(
  { method, target, authority, protocol }: PseudoFields,
  headers: Headers,
  limits: HttpLimits,
): Omit<Http2Fields, 'bytes'> {
  const expect = headers.get('expect')?.toLowerCase();
  if (!isToken(method) || method.length > 32)
    throw new NetError('net.bad-method', 400, 'the request has no valid method');
  if ((method !== 'CONNECT' || protocol !== undefined) && target !== '*' && !target.startsWith('/')) {
    throw new NetError('net.bad-target', 400, 'the path does not start with a slash');
  }
  if (target.length > limits.targetBytes)
    throw new NetError('net.target-too-long', 414, 'the request target is too long');
  if (expect !== undefined && expect !== '100-continue') {
    throw new NetError('net.bad-expectation', 417, 'the only expectation that is met here is `100-continue`');
  }
  if (headers.count('content-length') > 1)
    throw new NetError('net.bad-framing', 400, 'there is more than one Content-Length');
  const length = headers.get('content-length');
  return {
    method,
    target,
    authority: readAuthority(authority, headers),
    protocol,
    headers,
    contentLength: length === undefined ? undefined : parseContentLength(length),
    expectsContinue: expect !== undefined,
  };
}

/** `:authority`, which becomes the Host field that a service sees. A Host field that says something else is refused. */
function readAuthority(authority: string | undefined, headers: Headers): string | undefined {
  const hosts = headers.getAll('host');
  if (hosts.length > 1) throw new NetError('net.bad-host', 400, 'there is more than one Host field');
  if (authority === undefined) return hosts[0];
  if (hosts[0] !== undefined && hosts[0].toLowerCase() !== authority.toLowerCase()) {
    throw new NetError('net.bad-host', 400, 'the authority and the Host field name different hosts');
  }
  if (hosts.length === 0) headers.pairs.unshift('host', checkedValue('host', authority));
  return authority;
}

function checkedName(name: string): string {
  if (!isToken(name) || name !== name.toLowerCase())
    throw bad('a header field name holds a character that is not allowed');
  if (isConnectionField(name)) throw bad(`the field \`${name}\` has no place in HTTP/2`);
  return internName(name);
}

function checkedValue(name: string, value: string): string {
  if (!isFieldValue(value)) throw bad(`the value of the field \`${name}\` holds a character that is not allowed`);
  return value;
}

function bad(message: string): NetError {
  return new NetError('net.bad-header', 400, message);
}

/** The body of a stream. Nothing is taken from it before somebody asks: flow control holds the client back. */
export function readHttp2Body(stream: ServerHttp2Stream, fields: Http2Fields, floods: Http2Floods): IncomingBody {
  let owesContinue = fields.expectsContinue;
  const source: BodySource = {
    givesAway: true,
    start: () => {
      if (owesContinue && !stream.headersSent && !stream.closed && !stream.destroyed)
        stream.additionalHeaders({ ':status': 100 });
      owesContinue = false;
      // A body that turned out to be empty has ended without anybody's asking, and says so once.
      if (stream.readableEnded) {
        body.finish(undefined);
        return;
      }
      stream.on('data', (chunk: Buffer) => {
        floods.earned += chunk.length + frameAllowance;
        if (!body.receive(chunk)) stream.pause();
      });
      stream.on('end', () => body.finish(undefined));
    },
    resume: () => void stream.resume(),
  };
  // A length of 0 is not passed on before the stream has ended without content.
  const body = new IncomingBody(source, fields.contentLength || undefined);
  return body;
}
