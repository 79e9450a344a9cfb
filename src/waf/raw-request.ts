import { MerlonError } from '../core/errors.ts';
import type { HeaderField, WafRequest } from './index.ts';

/** A request as a file holds it: every part but the line may be missing. */
export interface WrittenRequest {
  /** Where it stands: `attacks.http:12`. */
  readonly name: string;
  readonly method: string;
  /** Path and query, or a whole URL. */
  readonly target: string;
  readonly headers: readonly HeaderField[];
  readonly body?: string;
}

const hasField = (headers: readonly HeaderField[], name: string): boolean =>
  headers.some(([each]) => each.toLowerCase() === name);

/** As rules see it: one character a byte, with the fields that any client would have sent. */
export function toWafRequest({ name, method, target, headers, body }: WrittenRequest): WafRequest {
  const url = URL.canParse(target) ? new URL(target) : undefined;
  const given = headers.map(([key, value]): HeaderField => [key, latin1(value)]);
  const missing: HeaderField[] = [
    ['Host', url?.host ?? 'localhost'],
    ['User-Agent', 'merlon waf test'],
    ['Accept', '*/*'],
    ...(body === undefined ? [] : [['Content-Length', String(Buffer.byteLength(body))] as const]),
  ];
  return {
    method,
    uri: latin1(url === undefined ? target : target.slice(url.origin.length) || '/'),
    protocol: 'HTTP/1.1',
    headers: [...given, ...missing.filter(([key]) => !hasField(given, key.toLowerCase()))],
    ...(body === undefined ? {} : { body: Buffer.from(body) }),
    remoteAddress: '127.0.0.1',
    id: name,
  };
}

const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

const separator = /^###.*$/m;

/** Requests as they stand on the wire, parted by lines that begin with `###`. A line break may be LF alone. */
export function readRawRequests(file: string, text: string): WrittenRequest[] {
  let line = 1;
  return text
    .replaceAll('\r\n', '\n')
    .split(separator)
    .flatMap((part) => {
      const first = line + (/^\s*/.exec(part)?.[0].split('\n').length ?? 1) - 1;
      line += part.split('\n').length - 1;
      return part.trim() === '' ? [] : [readRaw(`${file}:${first}`, part.replace(/^\s+/, ''))];
    });
}

/** Lines of a form are parted by CRLF, or else it is none (RFC 2046, section 4.1.1). */
const isMultipart = (headers: readonly HeaderField[]): boolean =>
  headers.some(([name, value]) => name.toLowerCase() === 'content-type' && /^\s*multipart\//i.test(value));

function readRaw(name: string, written: string): WrittenRequest {
  const [head = '', ...rest] = written.split('\n\n');
  const [line = '', ...fields] = head.split('\n');
  const [method, target] = /^([A-Za-z]{1,32})\s+(.+?)(?:\s+HTTP\/[\d.]+)?$/.exec(line.trim())?.slice(1) ?? [];
  if (method === undefined || target === undefined)
    throw new MerlonError({
      code: 'waf.bad-request-file',
      message: `${name}: \`${line.slice(0, 64)}\` is not a request line`,
      hint: 'write it as `POST /search?q=tea`, header fields below it, an empty line, the body; `###` parts requests',
    });
  const headers = fields.flatMap((field): HeaderField[] => {
    const colon = field.indexOf(':');
    return colon < 1 ? [] : [[field.slice(0, colon).trim(), field.slice(colon + 1).trim()]];
  });
  const text = rest.join('\n\n').replace(/\n$/, '');
  const body = isMultipart(headers) ? text.replaceAll('\n', '\r\n') : text;
  return { name, method, target, headers, ...(body === '' ? {} : { body }) };
}
