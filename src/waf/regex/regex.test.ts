import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createBacktracker } from './backtrack.ts';
import { defaultFlags, parseRegex } from './parse.ts';
import { compileRegex } from './regex.ts';
import { work } from './work.ts';

const same: readonly string[] = [
  'a',
  'a|b',
  'ab*c',
  '(a+)(b?)',
  '^a',
  'a$',
  '^$',
  '\\ba',
  'a\\b',
  'a\\Bb',
  '(?:a|ab)(?:c|bcd)(d*)',
  'a{2}',
  'a{1,2}b',
  '(a|b)*c',
  'a.*?b',
  'a.*b',
  '[^a]b',
  '[a-c]+',
  '(?:^|b)a',
  'a(?:$|b)',
  '(?=a)[ab]',
  '(?!a)[abc]',
  'b(?=a)',
  'c(?!a)',
  '(?<=a)b',
  '(?<!a)b',
  '(?:(?!b).)*c',
  '(a)|(b)',
  '(a(b(c)?)?)',
  'a(?=b(?!c))',
  '',
  'a||b',
  '(?:)*',
  '\\w+\\W',
  '(?:a*)*b',
];

describe('compileRegex', () => {
  it('agrees with the language of the platform on random texts', () => {
    for (const source of same) {
      const ours = compileRegex(source);
      const theirs = new RegExp(source, 's');
      fc.assert(
        fc.property(fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd', ' ', '\n'), maxLength: 12 }), (text) => {
          const expected = theirs.exec(text);
          expect(ours.test(text), `${source} on ${JSON.stringify(text)}`).toBe(expected !== null);
          expect(ours.exec(text)?.[0], `${source} on ${JSON.stringify(text)}`).toBe(expected?.[0]);
        }),
        { numRuns: 60, seed: 7 },
      );
    }
  });

  it('never requires what a matching text lacks', () => {
    for (const source of same) {
      const { requirements, test } = compileRegex(source);
      fc.assert(
        fc.property(fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd', ' '), maxLength: 10 }), (text) => {
          if (!test(text)) return;
          expect(text.length).toBeGreaterThanOrEqual(requirements.minLength);
          if (requirements.literals) expect(requirements.literals.some((literal) => text.includes(literal))).toBe(true);
          for (const set of requirements.sets) {
            expect([...text].some((c) => (set[c.charCodeAt(0) >>> 5]! & (1 << (c.charCodeAt(0) & 31))) !== 0)).toBe(
              true,
            );
          }
        }),
        { numRuns: 40, seed: 8 },
      );
    }
  });

  it('reads the syntax that rule sets use', () => {
    expect(compileRegex('(?i)SeLect\\s+\\x27').test("select  '")).toBe(true);
    expect(compileRegex('a(?i:b)c').test('aBc')).toBe(true);
    expect(compileRegex('a(?i:b)c').test('aBC')).toBe(false);
    expect(compileRegex('[[:alpha:]_]+[^[:space:]]$').exec('1ab_9')?.[0]).toBe('ab_9');
    expect(compileRegex('\\x{bc}[^>]*').test('\xbcx')).toBe(true);
    expect(compileRegex('[\\x5c/]').test('\\')).toBe(true);
    expect(compileRegex('(?i)x[^a-z]').test('xB')).toBe(false);
    expect(compileRegex('a++b').test('aaab')).toBe(true);
    expect(compileRegex('(?x) a b # comment\n c').test('abc')).toBe(true);
    expect(compileRegex('(?m)^b$').test('a\nb\nc')).toBe(true);
    expect(compileRegex('a\\Z').test('a\n')).toBe(true);
    expect(compileRegex('a\\z').test('a\n')).toBe(false);
    expect(compileRegex('x{,3}').test('x{,3}')).toBe(true);
    expect(compileRegex('\\Qa.b\\E').test('a.b')).toBe(true);
  });

  it('refuses what it cannot read or bound, with the place', () => {
    expect(() => compileRegex('\\1(a)')).toThrow(/stands before it/);
    expect(() => compileRegex('a{1,99999}')).toThrow(/1000/);
    expect(() => compileRegex('(a')).toThrow(/character 3/);
    expect(() => compileRegex('[a')).toThrow(/not closed/);
    expect(() => compileRegex('((?:a{1000}){1000})')).toThrow(/too large/);
  });

  it('agrees with the language of the platform on back-references', () => {
    const sources = [
      '(a|b)\\1',
      '\\b([a-c]+)\\b ?(?!\\b\\1\\b)[a-c]+',
      '(?:(a)|b)*\\1c',
      '(a+?)(b*)\\2\\1',
      '(a)(?<=\\1)b',
      '[ a]*?\\b([a-c]+)\\b *(?:b|c\\1)',
      ' *(b)*? *(?:\\1c|a+\\1)',
    ];
    for (const source of sources) {
      const ours = compileRegex(source);
      const theirs = new RegExp(source, 's');
      fc.assert(
        fc.property(fc.string({ unit: fc.constantFrom('a', 'b', 'c', ' '), maxLength: 12 }), (text) => {
          const expected = theirs.exec(text);
          // A group that took no part: any match of PCRE is one of the platform's, whose reference then is empty.
          if ((expected as readonly (string | undefined)[] | null)?.includes(undefined) === true) return;
          expect(ours.exec(text)?.[0], `${source} on ${JSON.stringify(text)}`).toBe(expected?.[0]);
        }),
        { numRuns: 80, seed: 9 },
      );
    }
  });

  it('calls it a match when a back-reference costs too much', () => {
    const bomb = compileRegex('^(?:(a|b)*)*\\1c');
    const text = `${'ab'.repeat(2000)}dc`;
    const started = process.cpuUsage().user;
    expect(bomb.test(text)).toBe(true);
    expect(process.cpuUsage().user - started).toBeLessThan(2_000_000);
  });

  it('compares words as a backtracking engine would', () => {
    const sources = [
      String.raw`(?i)[\s'"]*?\b(\w+)\b[\s'"]*?(?:=|(?:sounds\s+)?like)[\s'"]*?\b\1\b`,
      String.raw`(?i:[\s(]*?\b([\d\w]+)\b[\s(]*?(?:<(?:=(?:[\s(]*?(?!\b\1\b)\w+|>[\s(]*?(?:\b\1\b))|>?[\s(]*?(?!\b\1\b)\w+)|is\s+not[\s(]*?(?!\b\1\b)\w+|=[\s(]*?(?:\b\1\b)))`,
    ];
    const unit = fc.constantFrom(
      'a',
      'A',
      'ab',
      '1',
      ' ',
      ' = ',
      '<',
      '<=',
      '<>',
      'like',
      'is not ',
      'sounds ',
      '(',
      "'",
      '.',
      '\xe9',
    );
    for (const source of sources) {
      const { node, groups } = parseRegex(source, defaultFlags);
      const backtrack = createBacktracker(node, groups);
      const regex = compileRegex(source);
      fc.assert(
        fc.property(fc.array(unit, { maxLength: 12 }), (parts) => {
          const text = parts.join('');
          const found = backtrack(text);
          const expected = found && [text.slice(found[0], found[1]), text.slice(found[2], found[3])];
          expect(regex.exec(text), JSON.stringify(text)).toEqual(expected);
          expect(regex.test(text), JSON.stringify(text)).toBe(found !== undefined);
        }),
        { numRuns: 3000, seed: 10 },
      );
    }
  });

  it('keeps of a counted repetition what matters, and finds the same', () => {
    const sources = [
      'a[ab]{0,4}c',
      'a[ab]{2,}c',
      'a(?:b|ab){1,3}c',
      '(?:a[bc]{0,2}){2,4}d',
      '(?:a[bc]{0,2}){3}',
      'a(?:b?c){3}',
      '[ab]{2}c|b{1,3}d{2,}',
      '(?:\\ba{0,3}\\b ?){2,}c',
      '(?:(?:a|b){0,2}c){0,3}d',
      'a.{0,3}(?:b.{0,2}){2}$',
    ];
    for (const source of sources) {
      const ours = compileRegex(source);
      const theirs = new RegExp(source, 's');
      fc.assert(
        fc.property(fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'd', ' '), maxLength: 16 }), (text) => {
          expect(ours.test(text), `${source} on ${JSON.stringify(text)}`).toBe(theirs.test(text));
        }),
        { numRuns: 600, seed: 13 },
      );
    }
  });

  it('has few states for a counted repetition, whatever the text', () => {
    let state = 1;
    const coin = (): boolean => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 31 === 1;
    const text = Array.from({ length: 20_000 }, () => (coin() ? '{{' : '{a')).join('');
    const regex = compileRegex('\\{\\{[^}]{0,200}self');
    const before = work.steps;
    expect(regex.test(text)).toBe(false);
    // Without ranking each place where a count began would be told apart: 2 to the power of 200.
    expect(work.steps - before).toBeLessThan(text.length + 20_000);
  });

  it('finds the same where it keeps no states', () => {
    let lot = 3;
    const draw = (most: number): number => ((lot = (Math.imul(lot, 1_664_525) + 1_013_904_223) >>> 0) % 65_521) % most;
    const noise = Array.from({ length: 4000 }, () => 'ab'[draw(2)]).join('');
    for (const source of ['a[ab]{12}c', 'a[ab]{12}$', '(?:\\ba|b)[ab]{12}\\b', 'a[ab]{12}(?:cc|\\Bd)']) {
      const ours = compileRegex(source);
      for (const end of ['', 'c', 'd', ' a', 'cc', 'abbabababbabab', 'b']) {
        const theirs = new RegExp(source).test(noise + end);
        expect(ours.test(noise + end), `${source} ... ${end}`).toBe(theirs);
        // A thing of 13 counts has thousands of states; a text of 4,000 bytes may build some 512.
        expect(ours.test(noise), source).toBe(new RegExp(source).test(noise));
      }
    }
  });

  it('tries a run of what an expression begins with once, and each word of a text once', () => {
    const twice = compileRegex(String.raw`[\s'"]*?\b(\w+)\b[\s'"]*?(?:=|like)[\s'"]*?\b\1\b`);
    const stepsOf = (text: string): number => {
      const before = work.steps;
      expect(twice.test(text)).toBe(false);
      return work.steps - before;
    };
    for (const unit of [' ', 'a ', 'a=b ', "'", 'a like b ', 'aaaa', '<=a', 'a like  b '])
      expect(stepsOf(`${unit.repeat(20_000 / unit.length)}=x=`), unit).toBeLessThan(3 * 20_000);
  });

  it('takes linear time where a backtracking engine would not return', () => {
    const bomb = compileRegex('^(?:a|a)*(?:a*)*b$');
    const text = 'a'.repeat(50_000);
    const started = process.cpuUsage().user;
    expect(bomb.test(text)).toBe(false);
    expect(bomb.exec(text.slice(0, 2000))).toBeUndefined();
    expect(process.cpuUsage().user - started).toBeLessThan(2_000_000);
  });
});
