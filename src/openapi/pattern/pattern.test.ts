import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern, patternFault, pinsAlphabet, sampleOfPattern } from './pattern.ts';

/** Regular expressions over a small alphabet, nested, quantified and anchored in every way that is supported. */
const { pattern } = fc.letrec<{ pattern: string; atom: string; piece: string; sequence: string }>((tie) => ({
  atom: fc.oneof(
    // Deeper, and the engine of the language takes minutes over the ten characters it is compared on.
    { maxDepth: 2 },
    {
      weight: 6,
      arbitrary: fc.constantFrom(
        'a',
        'b',
        '-',
        '.',
        '[ab]',
        '[^a]',
        '[a-c]',
        '\\d',
        '\\w',
        '\\W',
        '\\s',
        'é',
        '\\u0061',
        '\\x62',
        '\\.',
      ),
    },
    { weight: 2, arbitrary: tie('sequence').map((inner) => `(?:${inner})`) },
    { weight: 1, arbitrary: fc.tuple(tie('sequence'), tie('sequence')).map(([a, b]) => `(${a}|${b})`) },
  ),
  piece: fc
    .tuple(tie('atom'), fc.constantFrom('', '', '', '*', '+', '?', '{2}', '{1,3}', '{0,2}', '{2,}', '*?'))
    .map(([atom, quantifier]) => atom + quantifier),
  sequence: fc.array(tie('piece'), { maxLength: 3 }).map((pieces) => pieces.join('')),
  pattern: fc
    .tuple(fc.constantFrom('', '^', '^(?!.*aa)', '^(?=.*b)'), tie('sequence'), fc.constantFrom('', '$'))
    .map((parts) => parts.join('')),
}));
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '-', '1', ' ', 'é', '😀'), maxLength: 9 });

describe('patterns', () => {
  it('match what the engine of the language matches', () => {
    fc.assert(
      fc.property(pattern, fc.array(text, { minLength: 8, maxLength: 8 }), (source, texts) => {
        const native = new RegExp(source, 'u');
        const ours = compilePattern(source);
        for (const each of texts) expect([source, each, ours.test(each)]).toEqual([source, each, native.test(each)]);
      }),
      { numRuns: 1500 },
    );
  });

  it.each([
    ['^(a+)+$', 'a'],
    ['^(a|a)*$', 'a'],
    ['^(a|aa)+$', 'a'],
    ['(.*)*x', 'a'],
    ['\\d+-\\d+', '1'],
    ['\\s+$', ' '],
    ['^(?:[a-z0-9]+[a-z0-9]*)*$', 'a'],
    ['^([a-zA-Z0-9_.-]+)@([a-zA-Z0-9_.-]+)\\.([a-zA-Z]{2,5})$', '@a.'],
    ['^(?=.*(a+)+b).*$', 'a'],
  ])('%s stays linear on a text that makes backtracking explode', (source, unit) => {
    const matcher = compilePattern(source);
    const hostile = `${unit.repeat(100_000)}!`;
    const start = performance.now();
    matcher.test(hostile);
    expect(performance.now() - start).toBeLessThan(500);
  });

  it('would explode in the engine of the language', () => {
    const vulnerable = /^(a+)+$/;
    const timeOf = (length: number): number => {
      const hostile = `${'a'.repeat(length)}!`;
      const start = performance.now();
      vulnerable.test(hostile);
      return performance.now() - start;
    };
    for (let warm = 0; warm < 5; warm++) timeOf(16);
    // Six more characters, sixty-four times the work.
    const short = Math.min(timeOf(18), timeOf(18), timeOf(18));
    expect(timeOf(24)).toBeGreaterThan(short * 8);
  });

  it('bounds the memory of its automaton', () => {
    const matcher = compilePattern('(?:a|b)*a(?:a|b){14}$');
    const noise = Array.from({ length: 50_000 }, (_, index) => ((index * 7919) % 13 < 6 ? 'a' : 'b')).join('');
    expect(matcher.test(`${noise}abbbbbbbbbbbbbb`)).toBe(true);
    expect(matcher.test(`${noise}bbbbbbbbbbbbbbb`)).toBe(false);
  });

  it.each([
    ['(a)\\1', /refers back/],
    ['(?<=a)b', /look-behind/],
    ['a(?=b)', /look-ahead/],
    ['\\bword\\b', /word boundary/],
    ['(', /not a regular expression/],
    ['a{1,100000}', /too large/],
    ['(?:a{1000}){1000}', /too large/],
    ['\\p{Nope}', /does not exist|not a regular/],
  ])('refuses %s', (source, message) => {
    expect(patternFault(source)?.message).toMatch(message);
  });

  it.each([
    '^[\\w\\-]+$',
    '^[a-z\\_]*$',
    '\\/',
    '^[^\\s]+$',
    '^$|^x$',
    '^\\p{L}+$',
    '^(?<year>\\d{4})$',
    '^[\\u0000-\\u{10FFFF}]*$',
    '[\\w-.]',
  ])('takes %s, as documents write it', (source) => {
    expect(patternFault(source)).toBeUndefined();
  });

  it.each([
    ['^[a-z0-9-]+$', true],
    ['^\\d{4}$', true],
    ['[a-z]+', false],
    ['^[a-z]+', false],
    ['^.*$', false],
    ['^[^a]$', false],
    ["^['a]$", false],
    ['^[a-z ]$', false],
    ['^a$|b', false],
  ])('%s pins a harmless alphabet: %s', (source, pins) => {
    expect(pinsAlphabet(source)).toBe(pins);
  });

  it('makes up a text that matches', () => {
    const anchored = fc.tuple(
      pattern.filter((source) => !source.includes('(?=') && !source.includes('(?!')),
      fc.nat(6),
    );
    fc.assert(
      fc.property(anchored, ([source, minLength]) => {
        expect([source, new RegExp(source, 'u').test(sampleOfPattern(source, minLength))]).toEqual([source, true]);
      }),
    );
  });
});
