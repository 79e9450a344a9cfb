import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { Framing } from './framing.ts';
import { takeIn } from './intake.ts';
import { RequestHeadParser } from './request-head.ts';
import { formatFields } from './serialise.ts';

const bounds = { headerBytes: 16_384, headerCount: 100, targetBytes: 8192 };

function read(parser: RequestHeadParser, head: string): RequestHeadParser {
  expect(parser.feed(Buffer.from(head, 'latin1'), 0)).toBe(head.length);
  return parser;
}

test('a field section that repeats is told so, and gives fields of its own', () => {
  const parser = new RequestHeadParser(bounds);
  const head = (path: string, fields = 'Host: a\r\nAccept: b\r\n'): string => `GET ${path} HTTP/1.1\r\n${fields}\r\n`;
  const first = read(parser, head('/1')).headers;
  expect(parser.repeats).toBe(false);
  first.set('accept', 'changed').append('merlon-subject', 'ada');
  for (const path of ['/1', '/1', '/2']) {
    const { headers, repeats, target } = read(parser, head(path));
    expect({ repeats, target, pairs: headers.pairs }).toEqual({
      repeats: true,
      target: path,
      pairs: ['host', 'a', 'accept', 'b'],
    });
    headers.delete('accept').append('authorization', 'x');
  }
  expect(read(parser, head('/1', 'Host: a\r\nAccept: c\r\n')).repeats).toBe(false);
  expect(parser.headers.get('accept')).toBe('c');
});

test('field lines that were made once are not those of fields that were changed since', () => {
  const parser = new RequestHeadParser(bounds);
  const head = 'GET / HTTP/1.1\r\nHost: a\r\nCookie: secret\r\n\r\n';
  for (let round = 0; round < 3; round++) {
    const { headers } = read(parser, head);
    expect(formatFields(headers)).toBe('host: a\r\ncookie: secret\r\n');
    expect(formatFields(headers.delete('cookie'))).toBe('host: a\r\n');
    expect(formatFields(headers.append('x', 'y'))).toBe('host: a\r\nx: y\r\n');
  }
});

test('what Connection names is removed from each of them, and framing is judged anew for another version', () => {
  const parser = new RequestHeadParser(bounds);
  const framing = new Framing();
  const fields = 'Host: a\r\nConnection: x-hop\r\nX-Hop: 1\r\nTransfer-Encoding: chunked\r\n\r\n';
  framing.read(read(parser, `POST / HTTP/1.1\r\n${fields}`).headers, '1.1');
  const { headers, repeats } = read(parser, `POST / HTTP/1.1\r\n${fields}`);
  expect(repeats).toBe(true);
  framing.again(headers, '1.1');
  expect(headers.has('x-hop')).toBe(false);
  expect(framing.chunked).toBe(true);
  const older = read(parser, `POST / HTTP/1.0\r\n${fields}`);
  expect(() => framing.again(older.headers, older.version)).toThrow('HTTP/1.0');
});

test('this Node lets accepted sockets be read past their stream', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  const [socket] = await once(server, 'connection');
  const intake = takeIn(socket);
  const taken: string[] = [];
  expect(intake).toBeDefined();
  if (intake !== undefined) intake.take = (bytes) => void taken.push(bytes.toString());
  client.write('one');
  await expect.poll(() => taken).toEqual(['one']);
  // Given back, it is a stream again.
  if (intake !== undefined) intake.take = undefined;
  client.write('two');
  expect(String((await once(socket, 'data'))[0])).toBe('two');
  client.destroy();
  server.close();
});
