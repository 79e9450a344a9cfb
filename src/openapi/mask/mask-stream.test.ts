import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ResponseMask } from '../../api/edge.ts';
import { compileMask } from './mask-place.ts';
import { createMaskStream } from './mask-stream.ts';
import { type MaskPlace, maskJson, NotJson } from './rewrite.ts';

const rootOf = (fields: string[]): MaskPlace => {
  const mask: ResponseMask = { fields, declared: true, unless: [], keepLast: 0 };
  return compileMask(mask, undefined)(undefined);
};

interface Options {
  readonly keepLast?: number;
  readonly many?: boolean;
}

/** What comes out where the text comes in pieces that end at `cuts`; undefined where it is refused. */
function streamed(
  text: string,
  root: MaskPlace,
  cuts: readonly number[],
  { keepLast = 0, many = false }: Options = {},
) {
  const stream = createMaskStream(root, keepLast, many);
  const ends = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  let out = '';
  let from = 0;
  try {
    for (const end of [...ends, text.length]) {
      out += stream.write(text.slice(from, end));
      from = end;
    }
    return out + stream.end();
  } catch (error) {
    if (error instanceof NotJson) return undefined;
    throw error;
  }
}

const everywhere = (text: string): number[] => Array.from({ length: text.length }, (_, at) => at);
const names = ['a', 'secret', 'card', 'deep', '__proto__', 'é"\\'];
const fields = ['secret', '/a/*/card', '/deep/deep'];

const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(null, true, false, 0, -0.5, 1e21, 12),
    fc.string({ unit: 'grapheme', maxLength: 20 }),
    fc.array(tie('json'), { maxLength: 4 }),
    fc.array(fc.tuple(fc.constantFrom(...names), tie('json')), { maxLength: 4 }).map((pairs) => new Pairs(pairs)),
  ),
}));

/** An object whose keys may stand twice. */
class Pairs {
  readonly pairs: [string, unknown][];
  constructor(pairs: [string, unknown][]) {
    this.pairs = pairs;
  }
}

/** JSON text with spaces and escapes in all places where they may stand. */
function write(value: unknown, space: string, isEscaped: boolean): string {
  const text = (of: string): string =>
    isEscaped
      ? `"${[...Array(of.length).keys()].map((at) => `\\u${of.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')}"`
      : JSON.stringify(of);
  const inner = (one: unknown): string => `${space}${write(one, space, isEscaped)}${space}`;
  if (value instanceof Pairs)
    return `{${space}${value.pairs.map(([name, one]) => `${space}${text(name)}${space}:${inner(one)}`).join(',')}}`;
  if (Array.isArray(value)) return `[${space}${value.map(inner).join(',')}]`;
  return typeof value === 'string' ? text(value) : JSON.stringify(value);
}

describe('masking piece by piece', () => {
  it('writes what masking the whole would, wherever the pieces end', () => {
    fc.assert(
      fc.property(
        fc.array(json, { minLength: 1, maxLength: 3 }),
        fc.constantFrom('', ' ', '\n\t'),
        fc.boolean(),
        fc.array(fc.nat(), { maxLength: 12 }),
        fc.nat(6),
        (values, space, isEscaped, cuts, keepLast) => {
          const root = rootOf(fields);
          const many = values.length > 1;
          const text = values.map((value) => write(value, space, isEscaped)).join('\n');
          const whole = maskJson(text, root, keepLast, many)?.text;
          expect(whole).toBeDefined();
          expect(streamed(text, root, cuts, { keepLast, many })).toBe(whole);
          expect(streamed(text, root, everywhere(text), { keepLast, many })).toBe(whole);
        },
      ),
      { numRuns: 1500 },
    );
  });

  it('refuses what masking the whole refuses, and nothing else', () => {
    const alphabet = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '"',
      '\\',
      'u',
      '0',
      '1',
      '-',
      '.',
      'e',
      '+',
      ' ',
      'true',
      'null',
      '"a"',
      '\u0001',
    ];
    let taken = 0;
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...alphabet), { maxLength: 12 }).map((parts) => parts.join('')),
        fc.array(fc.nat(), { maxLength: 4 }),
        fc.boolean(),
        (text, cuts, many) => {
          const root = rootOf(['a']);
          const whole = maskJson(text, root, 0, many)?.text;
          taken += whole === undefined ? 0 : 1;
          expect([text, streamed(text, root, cuts, { many })]).toEqual([text, whole]);
        },
      ),
      { numRuns: 20_000 },
    );
    expect(taken).toBeGreaterThan(50);
  });

  it('refuses what is broken by one character, wherever', () => {
    fc.assert(
      fc.property(
        json,
        fc.nat(),
        fc.constantFrom('', '"', '}', ']', ',', ':', '\\', '0', 'x', '\u0000'),
        (value, at, other) => {
          const good = write(value, '', false);
          const place = at % (good.length + 1);
          const text = good.slice(0, place) + other + good.slice(place + 1);
          const root = rootOf(fields);
          expect([text, streamed(text, root, everywhere(text))]).toEqual([text, maskJson(text, root, 0, false)?.text]);
        },
      ),
      { numRuns: 3000 },
    );
  });

  it('tells nothing of a value before it is known whether it is hidden, and nothing of it after', () => {
    const stream = createMaskStream(rootOf(['iban']), 4, false);
    expect(stream.write('{"iban":"DE02 1234')).toBe('{"iban":');
    expect(stream.write(' 5678 9012 34')).toBe('');
    expect(stream.write('56","b":1}')).toBe('"***3456","b":1}');
    expect(stream.end()).toBe('');
    const deep = createMaskStream(rootOf(['card']), 0, false);
    expect(deep.write('{"card":{"number":"4111')).toBe('{"card":');
    expect(deep.write('"},"x":[tr')).toBe('null,"x":[tr');
  });

  it('keeps nothing of what it has let go: a value of any length costs no memory', () => {
    const stream = createMaskStream(rootOf(['iban']), 4, false);
    let bytes = stream.write('[').length;
    const piece = `{"note":"${'x'.repeat(60_000)}","iban":"${'9'.repeat(4000)}"},`;
    for (let at = 0; at < 500; at++) bytes += stream.write(piece).length;
    bytes += stream.write('null]').length;
    expect(stream.end()).toBe('');
    expect(bytes).toBe(500 * (piece.length - 4000 + 7) + 6);
    // What it may have to keep has a bound.
    const key = createMaskStream(rootOf(['iban']), 0, false);
    key.write('{"');
    expect(() => {
      for (let at = 0; at < 10; at++) key.write('k'.repeat(10_000));
    }).toThrow(NotJson);
    expect(() => createMaskStream(rootOf(['iban']), 0, false).write('['.repeat(300))).toThrow(NotJson);
  });
});
