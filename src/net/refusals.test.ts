import { afterEach, describe, expect, test } from 'vitest';
import { Peers, statusesOf } from '../../test/fakes/http-peers.ts';

const peers = new Peers();
afterEach(() => peers.close());

/** What our server reads from `bytes`: bodies of the requests, in order, and the code of the refusal. */
async function read(bytes: string, split = bytes.length) {
  const requests: string[] = [];
  const codes: string[] = [];
  const { port } = await peers.server({
    onRequest: async (request, reply) => {
      try {
        const body = await request.body.buffer(10_000);
        requests.push(`${request.method} ${request.path} ${body.toString('latin1')}`);
        reply.send(200);
      } catch (error) {
        const { code, status } = error as { code: string; status: number };
        codes.push(code);
        reply.send(status);
      }
    },
    onRefused: ({ code }) => {
      codes.push(code);
      return undefined;
    },
  });
  const client = await peers.client(port);
  for (let at = 0; at < bytes.length; at += split) {
    client.send(bytes.slice(at, at + split));
    if (split < bytes.length) await new Promise((resolve) => setImmediate(resolve));
  }
  client.socket.end();
  const received = await client.untilClosed();
  return { requests, codes, received };
}

const host = 'Host: a.example\r\n';
const refused: readonly [what: string, bytes: string, code: string, status: number][] = [
  ['a bare line feed after the request line', `GET / HTTP/1.1\n${host}\r\n`, 'net.bad-header', 400],
  ['a bare line feed after a field', 'GET / HTTP/1.1\r\nHost: a\nX: y\r\n\r\n', 'net.bad-header', 400],
  ['a bare carriage return in a field', `GET / HTTP/1.1\r\n${host}X: a\rb\r\n\r\n`, 'net.bad-header', 400],
  ['a folded field', `GET / HTTP/1.1\r\n${host}X: a\r\n b\r\n\r\n`, 'net.bad-header', 400],
  ['white space before the first field', `GET / HTTP/1.1\r\n ${host}\r\n`, 'net.bad-header', 400],
  ['white space before the colon', 'GET / HTTP/1.1\r\nHost : a\r\n\r\n', 'net.bad-header', 400],
  ['a tab before the colon', `GET / HTTP/1.1\r\n${host}Content-Length\t: 5\r\n\r\nhello`, 'net.bad-header', 400],
  ['an empty field name', `GET / HTTP/1.1\r\n${host}: x\r\n\r\n`, 'net.bad-header', 400],
  ['a field without a colon', `GET / HTTP/1.1\r\n${host}nothing\r\n\r\n`, 'net.bad-header', 400],
  ['NUL in a field', `GET / HTTP/1.1\r\n${host}X: a\0b\r\n\r\n`, 'net.bad-header', 400],
  ['NUL in a field name', `GET / HTTP/1.1\r\n${host}X\0Y: b\r\n\r\n`, 'net.bad-header', 400],
  ['a control character in a field', `GET / HTTP/1.1\r\n${host}X: a\x0bb\r\n\r\n`, 'net.bad-header', 400],
  ['DEL in a field', `GET / HTTP/1.1\r\n${host}X: a\x7fb\r\n\r\n`, 'net.bad-header', 400],
  ['a byte above ASCII in a field name', `GET / HTTP/1.1\r\n${host}X\xe9: b\r\n\r\n`, 'net.bad-header', 400],
  [
    'both lengths',
    `POST / HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'net.bad-framing',
    400,
  ],
  [
    'two equal lengths',
    `POST / HTTP/1.1\r\n${host}Content-Length: 1\r\nContent-Length: 1\r\n\r\nx`,
    'net.bad-framing',
    400,
  ],
  ['two lengths in one field', `POST / HTTP/1.1\r\n${host}Content-Length: 1, 1\r\n\r\nx`, 'net.bad-framing', 400],
  ['a signed length', `POST / HTTP/1.1\r\n${host}Content-Length: +1\r\n\r\nx`, 'net.bad-framing', 400],
  ['a negative length', `POST / HTTP/1.1\r\n${host}Content-Length: -1\r\n\r\nx`, 'net.bad-framing', 400],
  ['a length in hexadecimal', `POST / HTTP/1.1\r\n${host}Content-Length: 0x1\r\n\r\nx`, 'net.bad-framing', 400],
  ['an empty length', `POST / HTTP/1.1\r\n${host}Content-Length: \r\n\r\nx`, 'net.bad-framing', 400],
  [
    'a length that is too long',
    `POST / HTTP/1.1\r\n${host}Content-Length: 9999999999999999\r\n\r\nx`,
    'net.bad-framing',
    400,
  ],
  [
    'an unknown coding',
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    'net.bad-framing',
    400,
  ],
  ['the identity coding', `POST / HTTP/1.1\r\n${host}Transfer-Encoding: identity\r\n\r\n`, 'net.bad-framing', 400],
  [
    'chunked twice',
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n`,
    'net.bad-framing',
    400,
  ],
  [
    'two codings in two fields',
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n`,
    'net.bad-framing',
    400,
  ],
  [
    'a quoted coding',
    `POST / HTTP/1.1\r\n${host}Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n`,
    'net.bad-framing',
    400,
  ],
  [
    'a coding in HTTP/1.0',
    `POST / HTTP/1.0\r\n${host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'net.bad-framing',
    400,
  ],
  ['no host', 'GET / HTTP/1.1\r\n\r\n', 'net.bad-host', 400],
  ['two hosts', `GET / HTTP/1.1\r\n${host}${host}\r\n`, 'net.bad-host', 400],
  ['an empty host', 'GET / HTTP/1.1\r\nHost:\r\n\r\n', 'net.bad-host', 400],
  ['a host with user information', 'GET / HTTP/1.1\r\nHost: a@b\r\n\r\n', 'net.bad-host', 400],
  ['a host with a path', 'GET / HTTP/1.1\r\nHost: a/b\r\n\r\n', 'net.bad-host', 400],
  ['a list of hosts', 'GET / HTTP/1.1\r\nHost: a, b\r\n\r\n', 'net.bad-host', 400],
  ['a port out of range', 'GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n', 'net.bad-host', 400],
  ['a broken IPv6 host', 'GET / HTTP/1.1\r\nHost: [::1\r\n\r\n', 'net.bad-host', 400],
  ['a target that names another host', `GET http://b.example/ HTTP/1.1\r\n${host}\r\n`, 'net.bad-host', 400],
  ['a target of another scheme', `GET ftp://a.example/ HTTP/1.1\r\n${host}\r\n`, 'net.bad-target', 400],
  ['CONNECT', `CONNECT a.example:443 HTTP/1.1\r\n${host}\r\n`, 'net.connect-refused', 405],
  ['CONNECT with a path', `CONNECT / HTTP/1.1\r\n${host}\r\n`, 'net.connect-refused', 405],
  ['the asterisk for another method', `GET * HTTP/1.1\r\n${host}\r\n`, 'net.bad-target', 400],
  ['a relative target', `GET a/b HTTP/1.1\r\n${host}\r\n`, 'net.bad-target', 400],
  ['a fragment', `GET /a#b HTTP/1.1\r\n${host}\r\n`, 'net.bad-target', 400],
  ['a fragment in the query', `GET /a?b#c HTTP/1.1\r\n${host}\r\n`, 'net.bad-target', 400],
  ['two spaces in the request line', `GET  / HTTP/1.1\r\n${host}\r\n`, 'net.bad-request-line', 400],
  ['a tab in the request line', `GET\t/ HTTP/1.1\r\n${host}\r\n`, 'net.bad-method', 400],
  ['a space after the version', `GET / HTTP/1.1 \r\n${host}\r\n`, 'net.bad-header', 400],
  ['a byte above ASCII in the target', `GET /\xe9 HTTP/1.1\r\n${host}\r\n`, 'net.bad-request-line', 400],
  ['HTTP/0.9', 'GET /\r\n\r\n', 'net.bad-request-line', 400],
  ['HTTP/2.0', `GET / HTTP/2.0\r\n${host}\r\n`, 'net.bad-version', 505],
  ['HTTP/1.2', `GET / HTTP/1.2\r\n${host}\r\n`, 'net.bad-version', 505],
  ['a lower-case version', `GET / http/1.1\r\n${host}\r\n`, 'net.bad-version', 400],
  ['two empty lines before', `\r\n\r\nGET / HTTP/1.1\r\n${host}\r\n`, 'net.bad-method', 400],
  ['TLS where HTTP is spoken', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'net.bad-method', 400],
  ['an encoded NUL', `GET /a%00b HTTP/1.1\r\n${host}\r\n`, 'net.bad-path', 400],
  ['an encoded line break', `GET /a%0d%0ab HTTP/1.1\r\n${host}\r\n`, 'net.bad-path', 400],
  ['a backslash', `GET /a\\..\\b HTTP/1.1\r\n${host}\r\n`, 'net.bad-path', 400],
  ['an encoded backslash', `GET /a%5c..%5Cb HTTP/1.1\r\n${host}\r\n`, 'net.bad-path', 400],
  ['a climb above the root', `GET /../etc/passwd HTTP/1.1\r\n${host}\r\n`, 'net.bad-path', 400],
  ['an encoded climb', `GET /a/%2e%2e/.%2e/b HTTP/1.1\r\n${host}\r\n`, 'net.bad-path', 400],
  ['dots with a parameter', `GET /a/..;/b HTTP/1.1\r\n${host}\r\n`, 'net.bad-path', 400],
  ['an invalid percent-encoding', `GET /a%zz HTTP/1.1\r\n${host}\r\n`, 'net.bad-path', 400],
  ['an unfinished percent-encoding', `GET /a%2 HTTP/1.1\r\n${host}\r\n`, 'net.bad-path', 400],
  ['an invalid percent-encoding in the query', `GET /a?b=%g1 HTTP/1.1\r\n${host}\r\n`, 'net.bad-target', 400],
  ['another expectation', `POST / HTTP/1.1\r\n${host}Expect: 200-ok\r\n\r\n`, 'net.bad-expectation', 417],
  ['Connection that names Host', `GET / HTTP/1.1\r\n${host}Connection: close, host\r\n\r\n`, 'net.bad-header', 400],
  [
    'Connection that names a credential',
    `GET / HTTP/1.1\r\n${host}Connection: Authorization\r\n\r\n`,
    'net.bad-header',
    400,
  ],
  ['Connection that is no list of tokens', `GET / HTTP/1.1\r\n${host}Connection: a b\r\n\r\n`, 'net.bad-header', 400],
  ['a target that is too long', `GET /${'a'.repeat(9000)} HTTP/1.1\r\n${host}\r\n`, 'net.target-too-long', 414],
  ['a method that is too long', `${'A'.repeat(40)} / HTTP/1.1\r\n${host}\r\n`, 'net.bad-method', 400],
  [
    'fields that are too large',
    `GET / HTTP/1.1\r\n${host}X: ${'a'.repeat(20_000)}\r\n\r\n`,
    'net.headers-too-large',
    431,
  ],
  ['too many fields', `GET / HTTP/1.1\r\n${host}${'X: y\r\n'.repeat(101)}\r\n`, 'net.headers-too-large', 431],
];

const chunked = `POST / HTTP/1.1\r\n${host}Transfer-Encoding: chunked\r\n\r\n`;
const badChunks: readonly [what: string, body: string][] = [
  ['no size', '\r\nhello\r\n0\r\n\r\n'],
  ['a size with a prefix', '0x5\r\nhello\r\n0\r\n\r\n'],
  ['a signed size', '+5\r\nhello\r\n0\r\n\r\n'],
  ['a negative size', '-5\r\nhello\r\n0\r\n\r\n'],
  ['a space before the size', ' 5\r\nhello\r\n0\r\n\r\n'],
  ['a space after the size', '5 \r\nhello\r\n0\r\n\r\n'],
  ['a tab before an extension', '5\t;a\r\nhello\r\n0\r\n\r\n'],
  ['a size that is too long', '000000005\r\nhello\r\n0\r\n\r\n'],
  ['a size past 32 bits', '100000005\r\nhello\r\n0\r\n\r\n'],
  ['an underscore in the size', '1_0\r\nhello\r\n0\r\n\r\n'],
  ['a line feed alone after the size', '5\nhello\r\n0\r\n\r\n'],
  ['a carriage return alone after the size', '5\rhello\r\n0\r\n\r\n'],
  ['an empty extension', '5;\r\nhello\r\n0\r\n\r\n'],
  ['an extension without a value', '5;a=\r\nhello\r\n0\r\n\r\n'],
  ['a line feed within an extension', '5;a\nb\r\nhello\r\n0\r\n\r\n'],
  ['a line feed within a quoted extension', '5;a="\n"\r\nhello\r\n0\r\n\r\n'],
  ['extensions without an end', `5;${'a'.repeat(2000)}\r\nhello\r\n0\r\n\r\n`],
  ['a chunk longer than its size', '5\r\nhello!\r\n0\r\n\r\n'],
  ['a chunk that ends in a line feed', '5\r\nhello\n0\r\n\r\n'],
  ['a trailer that frames', '0\r\nContent-Length: 5\r\n\r\n'],
  ['a trailer that names an identity', '0\r\nX-Forwarded-For: 1.1.1.1\r\n\r\n'],
];

describe('refused, and the connection closed', () => {
  test.each(refused)('%s', async (_, bytes, code, status) => {
    // What follows in the same packet must not be read as a request either.
    const { requests, codes, received } = await read(`${bytes}GET /smuggled HTTP/1.1\r\n${host}\r\n`);
    expect(codes).toEqual([code]);
    expect(requests).toEqual([]);
    expect(statusesOf(received)).toEqual([status]);
    expect(received).toContain('connection: close');
  });

  test.each(badChunks)('a chunked body with %s', async (_, body) => {
    const { requests, codes, received } = await read(`${chunked}${body}GET /smuggled HTTP/1.1\r\n${host}\r\n`);
    expect(requests).toEqual([]);
    expect(codes).toEqual(['net.bad-chunk']);
    expect(statusesOf(received)).toEqual([400]);
  });

  test('trailers that are too large', async () => {
    const { codes, received } = await read(`${chunked}0\r\nX: ${'a'.repeat(5000)}\r\n\r\n`);
    expect(codes).toEqual(['net.trailers-too-large']);
    expect(statusesOf(received)).toEqual([431]);
  });
});

const accepted: readonly [what: string, bytes: string, requests: string[]][] = [
  ['a plain request', `GET /a HTTP/1.1\r\n${host}\r\n`, ['GET /a ']],
  ['one empty line before', `\r\nGET /a HTTP/1.1\r\n${host}\r\n`, ['GET /a ']],
  ['HTTP/1.0 without a host', 'GET /a HTTP/1.0\r\n\r\n', ['GET /a ']],
  ['absolute-form that agrees', `GET http://A.example/a HTTP/1.1\r\n${host}\r\n`, ['GET /a ']],
  ['OPTIONS of the server', `OPTIONS * HTTP/1.1\r\n${host}\r\n`, ['OPTIONS * ']],
  ['an IPv6 host', 'GET /a HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n', ['GET /a ']],
  ['a body', `POST /a HTTP/1.1\r\n${host}Content-Length: 5\r\n\r\nhello`, ['POST /a hello']],
  [
    'chunks with extensions and trailers',
    `${chunked}5;a;b=c;d="e\\"f"\r\nhello\r\n1\r\n!\r\n0\r\nX-Sum: 1\r\n\r\n`,
    ['POST / hello!'],
  ],
  ['a coding in capitals', `${chunked.replace('chunked', 'Chunked')}0\r\n\r\n`, ['POST / ']],
  ['bytes above ASCII in a value', `GET /a HTTP/1.1\r\n${host}X: \xe9\r\n\r\n`, ['GET /a ']],
  [
    'several requests in one packet',
    `POST /a HTTP/1.1\r\n${host}Content-Length: 2\r\n\r\nhi${chunked}2\r\nho\r\n0\r\n\r\nGET /c HTTP/1.1\r\n${host}\r\n`,
    ['POST /a hi', 'POST / ho', 'GET /c '],
  ],
  [
    'nothing after Connection: close',
    `GET /a HTTP/1.1\r\n${host}Connection: close\r\n\r\nGET /b HTTP/1.1\r\n${host}\r\n`,
    ['GET /a '],
  ],
];

describe('accepted, at any split', () => {
  test.each(accepted)('%s', async (_, bytes, requests) => {
    const whole = await read(bytes);
    expect(whole.requests).toEqual(requests);
    expect(whole.codes).toEqual([]);
    for (const split of [1, 2, 3, 7]) {
      expect((await read(bytes, split)).requests).toEqual(requests);
      await peers.close();
    }
  });
});
