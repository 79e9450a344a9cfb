import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChunkedDecoder } from './chunked.ts';

const extension = fc.constantFrom('', '', ';a', ';a=b', ';a="b;\\"c"', ';a;b=c');
const trailers = fc.constantFrom<readonly [wire: string, kept: [string, string][]]>(
  ['', []],
  ['X-Sum: 1\r\n', [['x-sum', '1']]],
  ['Content-Type: x\r\nX-Sum:2 \r\n', [['x-sum', '2']]],
);
const chunk = fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), extension, fc.boolean());

interface Encoded {
  readonly wire: string;
  readonly content: string;
  readonly kept: readonly [string, string][];
}

const encoded: fc.Arbitrary<Encoded> = fc
  .tuple(fc.array(chunk, { maxLength: 6 }), trailers)
  .map(([chunks, [fields, kept]]) => {
    let wire = '';
    let content = '';
    for (const [bytes, suffix, isUpper] of chunks) {
      const text = Buffer.from(bytes).toString('latin1');
      const size = bytes.length.toString(16);
      wire += `${isUpper ? `0${size.toUpperCase()}` : size}${suffix}\r\n${text}\r\n`;
      content += text;
    }
    return { wire: `${wire}0\r\n${fields}\r\n`, content, kept };
  });

/** Decodes `wire` cut at `cuts`; gives the content and what was left over. */
function decode(wire: string, cuts: readonly number[], holdEach = false) {
  const decoder = new ChunkedDecoder(4096);
  let content = '';
  let rest = '';
  let from = 0;
  for (const to of [...cuts, wire.length]) {
    const piece = Buffer.from(wire.slice(from, to), 'latin1');
    let at = 0;
    // A taker that says no is asked again from where it stopped.
    while (at < piece.length && !decoder.done) {
      at = decoder.decode(piece, at, (bytes) => {
        content += bytes.toString('latin1');
        return !holdEach;
      });
    }
    rest += piece.toString('latin1', at);
    from = Math.max(from, to);
  }
  return { content, rest, done: decoder.done, trailers: [...(decoder.trailers ?? [])] };
}

describe('chunked content', () => {
  test('is decoded at any cut, at any pace, and not beyond its end', () => {
    fc.assert(
      fc.property(
        encoded,
        fc.array(fc.nat(), { maxLength: 8 }),
        fc.boolean(),
        ({ wire, content, kept }, positions, holdEach) => {
          const text = `${wire}GET / HTTP/1.1\r\n`;
          const cuts = positions.map((position) => position % text.length).sort((a, b) => a - b);
          expect(decode(text, cuts, holdEach)).toEqual({
            content,
            rest: 'GET / HTTP/1.1\r\n',
            done: true,
            trailers: kept,
          });
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('is never complete before its last byte', () => {
    fc.assert(
      fc.property(encoded, fc.nat(), ({ wire }, position) => {
        expect(decode(wire.slice(0, position % wire.length), []).done).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });

  test('of a decoder that is used again holds nothing of the last', () => {
    const decoder = new ChunkedDecoder(4096);
    for (const trailer of ['X-A: 1\r\n', '']) {
      decoder.reset();
      decoder.decode(Buffer.from(`1;a=b\r\nx\r\n0\r\n${trailer}\r\n`), 0, () => true);
      expect(decoder.done).toBe(true);
      expect(decoder.trailers?.size ?? 0).toBe(trailer === '' ? 0 : 1);
    }
  });
});
