import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { defaultHttpLimits } from './config.ts';
import { RequestHeadParser } from './request-head.ts';

/** What a parser makes of one head, fed in pieces of `size`. */
function parse(parser: RequestHeadParser, head: string, size: number): unknown {
  try {
    for (let at = 0; at < head.length; at += size) {
      const end = parser.feed(Buffer.from(head.slice(at, at + size), 'latin1'), 0);
      if (end >= 0) return { target: parser.target, fields: [...parser.headers], end: at + end };
    }
    return 'more';
  } catch (error) {
    return (error as { code: string }).code;
  }
}

const name = fc.constantFrom('A', 'a', 'B', 'Host', 'host', 'X-A');
const value = fc.constantFrom('', 'x', ' x', 'x ', 'y', 'xx', '"x"', 'x\ty', 'x\0');
const field = fc.tuple(name, value).map(([key, text]) => `${key}:${text}\r\n`);
const head = fc.array(field, { maxLength: 5 }).map((fields) => `GET / HTTP/1.1\r\n${fields.join('')}\r\n`);

describe('a parser that has read other heads', () => {
  test('reads the next as a new one does', () => {
    fc.assert(
      fc.property(fc.array(head, { maxLength: 6 }), fc.integer({ min: 1, max: 60 }), (heads, size) => {
        let parser = new RequestHeadParser(defaultHttpLimits);
        for (const text of heads) {
          const expected = parse(new RequestHeadParser(defaultHttpLimits), text, text.length);
          expect(parse(parser, text, size)).toEqual(expected);
          // A connection ends with its first error.
          if (typeof expected === 'string') parser = new RequestHeadParser(defaultHttpLimits);
        }
      }),
      { numRuns: 3000 },
    );
  });

  test('reads them again when it has let go of them', () => {
    const parser = new RequestHeadParser(defaultHttpLimits);
    const text = 'GET /a HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n';
    const first = parse(parser, text, text.length);
    parser.forget();
    expect({ method: parser.method, target: parser.target, fields: [...parser.headers] }).toEqual({
      method: '',
      target: '',
      fields: [],
    });
    expect(parse(parser, text, text.length)).toEqual(first);
    expect(parser.repeats).toBe(false);
    expect(parse(parser, text, text.length)).toEqual(first);
    expect(parser.repeats).toBe(true);
  });

  test('is not misled by who edits the fields of a head before', () => {
    const parser = new RequestHeadParser(defaultHttpLimits);
    const text = 'GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n\r\n';
    parse(parser, text, text.length);
    parser.headers.set('x', 'edited').delete('host').append('y', '2');
    parse(parser, text, text.length);
    expect([...parser.headers]).toEqual([
      ['host', 'a'],
      ['x', '1'],
    ]);
  });
});

test('every byte means the same wherever it stands in a value, a short or a long one', () => {
  for (let code = 0; code < 256; code++) {
    const char = String.fromCharCode(code);
    const verdicts = [0, 1, 62, 63, 64, 65, 66, 200].map((before) => {
      const text = `GET / HTTP/1.1\r\nA: x${'v'.repeat(before)}${char}y\r\n\r\n`;
      const read = parse(new RequestHeadParser(defaultHttpLimits), text, text.length);
      return typeof read === 'string' ? read : JSON.stringify((read as { fields: unknown }).fields).replace(/v/g, '');
    });
    expect(new Set(verdicts).size, `byte ${code}`).toBe(1);
    const isAllowed = code === 9 || (code >= 0x20 && code !== 0x7f);
    expect(verdicts[0]?.startsWith('[['), `byte ${code}`).toBe(isAllowed);
  }
});
