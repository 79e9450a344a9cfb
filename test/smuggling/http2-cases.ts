// Fields and frames of HTTP/2 that would become something else in HTTP/1.1 (RFC 9113, sections 8.2 and 8.3, and 10.3).
import { connectionPreface, encodeFields, frame, type Http2Field } from '../../src/prove/wire/http2.ts';
import { endThenEvil, evil, mark, type Sent, seen, smuggled } from './cases.ts';

export interface Http2Case {
  readonly name: string;
  readonly fields: readonly Http2Field[];
  readonly data: string | undefined;
  readonly trailers?: readonly Http2Field[] | undefined;
  readonly sends: readonly Sent[];
}

const pseudo = (method: string, path = seen, authority = 'a'): Http2Field[] => [
  [':method', method],
  [':scheme', 'https'],
  [':authority', authority],
  [':path', path],
];

const posting = (name: string, fields: readonly Http2Field[], data = endThenEvil, ...sends: Sent[]): Http2Case => ({
  name,
  fields: [...pseudo('POST'), ...fields],
  data,
  sends,
});

const getting = (name: string, fields: readonly Http2Field[], ...sends: Sent[]): Http2Case => ({
  name,
  fields,
  data: undefined,
  sends,
});

const injected = `x\r\n\r\n${evil}`;
const posted = (body: string): Sent => ({ method: 'POST', target: seen, host: 'a', body });
const got: Sent = { method: 'GET', target: seen, host: 'a', body: '' };

/** A field that is not valid never leaves Node's HTTP/2: the request comes without it. */
const withoutField = (each: Http2Case): Http2Case => ({
  ...each,
  sends: [each.data === undefined ? got : posted(each.data)],
});

export const http2Cases: readonly Http2Case[] = [
  posting('Transfer-Encoding', [['transfer-encoding', 'chunked']]),
  posting('Transfer-Encoding and a length', [
    ['content-length', String(endThenEvil.length)],
    ['transfer-encoding', 'chunked'],
  ]),
  posting('Transfer-Encoding in capitals', [['Transfer-Encoding', 'chunked']]),
  withoutField(posting('Transfer-Encoding with a space', [['transfer-encoding ', 'chunked']])),
  withoutField(posting('Transfer-Encoding in another value', [['x', 'y\r\ntransfer-encoding: chunked']])),
  withoutField(posting('Transfer-Encoding behind LF', [['x', 'y\ntransfer-encoding: chunked']])),
  withoutField(posting('Transfer-Encoding in a name', [['x: y\r\ntransfer-encoding', 'chunked']])),
  posting('Transfer-Encoding in the path', [[':path', `${seen} HTTP/1.1\r\ntransfer-encoding: chunked\r\nx: y`]]),
  posting('a length of nothing', [['content-length', '0']], evil),
  posting('a length that is too short', [['content-length', '4']], `abcd${evil}`),
  posting('a length that is too long', [['content-length', String(evil.length * 2)]], evil),
  posting('a length with a sign', [['content-length', '+0']], evil),
  posting('a list of lengths', [['content-length', `0, ${evil.length}`]], evil),
  posting(
    'two lengths',
    [
      ['content-length', '0'],
      ['content-length', String(evil.length)],
    ],
    evil,
  ),
  posting('no length', [], evil, posted(evil)),
  posting('the true length', [['content-length', String(evil.length)]], evil, posted(evil)),
  withoutField(getting('a request in a value', [...pseudo('GET'), ['x', injected]])),
  withoutField(getting('a request behind LF in a value', [...pseudo('GET'), ['x', `x\n\n${evil}`]])),
  withoutField(getting('a request in a name', [...pseudo('GET'), [`x: y\r\n\r\n${evil}x`, 'z']])),
  getting('a request in the path', pseudo('GET', `${seen} HTTP/1.1\r\nHost: a\r\n\r\nGET ${smuggled}`)),
  getting('a request in the method', pseudo(`GET ${smuggled} HTTP/1.1\r\nHost: a\r\n\r\nGET`)),
  getting('a request in the authority', pseudo('GET', seen, `a\r\n\r\n${evil}`)),
  getting('a space in the path', pseudo('GET', `${smuggled} HTTP/1.1`)),
  getting('a space in the method', pseudo(`GET ${smuggled}`)),
  getting('a path without a slash', pseudo('GET', `${mark}/seen`)),
  getting('an absolute path', pseudo('GET', `http://b${seen}`)),
  getting('an empty path', pseudo('GET', '')),
  getting('two paths', [...pseudo('GET'), [':path', smuggled]]),
  getting('two authorities', [...pseudo('GET'), [':authority', 'b']]),
  getting('no method', pseudo('GET').slice(1)),
  getting('a pseudo-field that is none', [...pseudo('GET'), [':smuggled', 'x']]),
  getting('a pseudo-field after a field', [['x', 'y'], ...pseudo('GET')]),
  getting('another host in Host', [...pseudo('GET'), ['host', 'b']]),
  getting('two hosts', [...pseudo('GET').filter(([name]) => name !== ':authority'), ['host', 'a'], ['host', 'b']]),
  getting('an authority with a user', pseudo('GET', seen, 'b@a')),
  getting('an authority with a path', pseudo('GET', seen, `a${smuggled}`)),
  getting('Connection', [...pseudo('GET'), ['connection', 'x-forwarded-for']]),
  getting('Keep-Alive', [...pseudo('GET'), ['keep-alive', 'timeout=5']]),
  getting('Proxy-Connection', [...pseudo('GET'), ['proxy-connection', 'keep-alive']]),
  getting('Upgrade', [...pseudo('GET'), ['upgrade', 'websocket']]),
  getting('HTTP2-Settings', [...pseudo('GET'), ['http2-settings', 'AAMAAABkAAQAAP__']]),
  getting('TE that is not trailers', [...pseudo('GET'), ['te', 'chunked']]),
  withoutField(getting('NUL in a value', [...pseudo('GET'), ['x', 'a\0b']])),
  withoutField(getting('NUL in a name', [...pseudo('GET'), ['x\0y', 'a']])),
  withoutField(getting('CR in a value', [...pseudo('GET'), ['x', 'a\rb']])),
  withoutField(getting('a colon in a name', [...pseudo('GET'), ['x:y', 'a']])),
  getting('capitals in a name', [...pseudo('GET'), ['X-Y', 'a']]),
  withoutField(getting('an empty name', [...pseudo('GET'), ['', 'a']])),
  withoutField(getting('8 bits in a name', [...pseudo('GET'), ['x\xe9', 'a']])),
  getting('CONNECT', pseudo('CONNECT')),
  getting('an honest request', [...pseudo('GET'), ['x', 'y']], got),
  { ...posting('a length in the trailers', [], 'hi', posted('hi')), trailers: [['content-length', '40']], sends: [] },
  { ...posting('a path in the trailers', [], 'hi'), trailers: [[':path', smuggled]] },
  { ...posting('a request in the trailers', [], 'hi', posted('hi')), trailers: [['x', injected]] },
];

/** A connection that carries the case on its first stream. */
export function framesOf({ fields, data, trailers }: Http2Case): Buffer {
  const endsHere = data === undefined && trailers === undefined;
  return Buffer.concat([
    connectionPreface,
    frame('headers', 0x4 | (endsHere ? 1 : 0), 1, encodeFields(fields)),
    ...(data === undefined ? [] : [frame('data', trailers === undefined ? 1 : 0, 1, Buffer.from(data, 'latin1'))]),
    ...(trailers === undefined ? [] : [frame('headers', 0x5, 1, encodeFields(trailers))]),
  ]);
}

/** What a front writes that checks nothing: names, values and content as they came. */
export function downgraded({ fields, data, trailers }: Http2Case): string {
  const value = (name: string): string => fields.findLast(([each]) => each === name)?.[1] ?? '';
  const ordinary = fields.filter(([name]) => !/^:(?:method|scheme|authority|path)$/.test(name));
  const isFramed = ordinary.some(([name]) => /content-length|transfer-encoding/i.test(name));
  const needsLength = data !== undefined && !isFramed && trailers === undefined;
  const head = [
    `${value(':method')} ${value(':path')} HTTP/1.1`,
    ...(ordinary.some(([name]) => name === 'host') && value(':authority') === ''
      ? []
      : [`host: ${value(':authority')}`]),
    ...ordinary.map(([name, text]) => `${name}: ${text}`),
    ...(needsLength ? [`content-length: ${data.length}`] : []),
    ...(trailers === undefined ? [] : ['transfer-encoding: chunked']),
  ].join('\r\n');
  if (trailers === undefined) return `${head}\r\n\r\n${data ?? ''}`;
  const tail = trailers.map(([name, text]) => `${name}: ${text}\r\n`).join('');
  return `${head}\r\n\r\n${(data ?? '').length.toString(16)}\r\n${data ?? ''}\r\n0\r\n${tail}\r\n`;
}
