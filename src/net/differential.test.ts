import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readAsMerlon, readAsNode } from '../../test/fakes/http-drivers.ts';

const runs = Number(process.env.MERLON_FUZZ_RUNS ?? 10_000);

// The pieces that request smuggling is made of.
const lines = [
  'Host: a',
  'Host: b',
  'Content-Length: 5',
  'Content-Length: 0',
  'Content-Length: 05',
  'Content-Length: +5',
  'Content-Length: 5, 5',
  'content-length:5',
  'Content-Length : 5',
  'Content-Length\t: 5',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: Chunked',
  'Transfer-Encoding:\tchunked',
  'Transfer-Encoding: chunked, identity',
  'Transfer-Encoding: identity, chunked',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding:\x0bchunked',
  'X: y\r\n Transfer-Encoding: chunked',
  'X: y\nTransfer-Encoding: chunked',
  'X: y\rTransfer-Encoding: chunked',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: Content-Length',
  'Expect: 100-continue',
  'X: \0',
  'X\0: y',
  'X: \xff',
  ': y',
  'X',
  '',
];
const starts = [
  'GET / HTTP/1.1',
  'POST /a HTTP/1.1',
  'POST /a HTTP/1.0',
  'GET  / HTTP/1.1',
  'GET / HTTP/1.1 ',
  'GET /',
  '\r\nPUT /b HTTP/1.1',
];
const bodies = [
  'hello',
  '0\r\n\r\n',
  '5\r\nhello\r\n0\r\n\r\n',
  '5;a=b\r\nhello\r\n0\r\n\r\n',
  '05\r\nhello\r\n00\r\n\r\n',
  '0x5\r\nhello\r\n0\r\n\r\n',
  '5 \r\nhello\r\n0\r\n\r\n',
  '5\nhello\n0\n\n',
  '5;\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n',
  '5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n',
  '',
];
const ends = ['\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\r\n', '\n', '\r', '\r\r\n'];

const message = fc
  .record({
    start: fc.constantFrom(...starts),
    fields: fc.array(fc.constantFrom(...lines), { maxLength: 4 }),
    end: fc.constantFrom(...ends),
    body: fc.constantFrom(...bodies),
    hasHost: fc.integer({ min: 0, max: 9 }),
  })
  .map(({ start, fields, end, body, hasHost }) =>
    [start, ...(hasHost > 0 ? ['Host: a'] : []), ...fields, '', body].join('\r\n').replace('\r\n\r\n', `${end}\r\n`),
  );

const mutation = fc.record({
  at: fc.nat(),
  byte: fc.constantFrom('\r', '\n', '\0', ' ', '\t', ':', ',', ';', '\x7f', '\x80', '0', 'a', ''),
});

/** A stream of one or two messages with up to two bytes changed. */
const stream = fc
  .tuple(fc.array(message, { minLength: 1, maxLength: 2 }), fc.array(mutation, { maxLength: 2 }))
  .map(([messages, mutations]) => {
    let text = messages.join('');
    for (const { at, byte } of mutations) {
      const position = at % (text.length + 1);
      text = text.slice(0, position) + byte + text.slice(position + 1);
    }
    return text;
  });

// Node refuses methods that it has no name for; we take any token, and the routes say which are served.
const unknownToNode = /^(?!(?:GET|POST|PUT) )/;

describe('against Node', () => {
  test('nothing that Node refuses is accepted, and what both accept is the same', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(stream, async (bytes) => {
        const ours = await readAsMerlon(bytes);
        if (ours.requests.length === 0 || ours.requests.some((request) => unknownToNode.test(request))) return;
        const nodes = readAsNode(bytes);
        compared++;
        expect(nodes.requests.slice(0, ours.requests.length)).toEqual(ours.requests);
      }),
      { numRuns: runs },
    );
    expect(compared).toBeGreaterThan(runs / 100);
  }, 120_000);
});

describe('the same message in pieces', () => {
  test('any cut gives the same reading', async () => {
    const cut = fc.tuple(stream, fc.array(fc.nat(), { minLength: 1, maxLength: 3 }));
    await fc.assert(
      fc.asyncProperty(cut, async ([bytes, positions]) => {
        const cuts = positions.map((position) => position % (bytes.length + 1)).sort((a, b) => a - b);
        const whole = await readAsMerlon(bytes);
        const pieces = await readAsMerlon(bytes, cuts);
        expect(pieces.requests).toEqual(whole.requests);
        expect(pieces.error === undefined).toBe(whole.error === undefined);
      }),
      { numRuns: runs / 4 },
    );
  }, 120_000);

  test('every cut of a long message gives the same reading', async () => {
    const bytes =
      '\r\nPOST /a?b=c HTTP/1.1\r\nHost: a.example:80\r\nX: \t y z \t\r\nTransfer-Encoding: chunked\r\n\r\n' +
      '5;x="y\\""\r\nhello\r\n10\r\n0123456789abcdef\r\n0\r\nT: u\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n';
    const { requests } = await readAsMerlon(bytes);
    expect(requests).toEqual(['POST /a?b=c hello0123456789abcdef', 'GET / ']);
    for (let cut = 1; cut < bytes.length; cut++) {
      expect((await readAsMerlon(bytes, [cut])).requests, `cut at ${cut}`).toEqual(requests);
    }
  });

  test('any bytes at all are read or refused, never more', async () => {
    const noise = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1'));
    await fc.assert(
      fc.asyncProperty(noise, async (bytes) => {
        expect((await readAsMerlon(bytes)).requests).toEqual([]);
      }),
      { numRuns: runs / 4 },
    );
  }, 120_000);
});
