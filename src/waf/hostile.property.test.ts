import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { MerlonError } from '../core/errors.ts';
import { bodyProcessors } from './body/index.ts';
import { compileWaf } from './index.ts';
import { kindsIn } from './match/byte-kinds.ts';
import { buildSieve, hasBit } from './match/sieve.ts';
import { createText } from './match/text.ts';
import { detectSqli } from './operators/sqli/detect-sqli.ts';
import { detectXss } from './operators/xss/detect-xss.ts';
import { compileRegex } from './regex/regex.ts';
import { transformations } from './transformations/index.ts';
import { isIdle, triggerOf } from './transformations/triggers.ts';

const pieces = [
  '%',
  '%u',
  '&#x',
  '&lt',
  '\\',
  '\\u00',
  '\\x4',
  '/*',
  '*/',
  '<!--',
  '--',
  '#',
  "'",
  '"',
  '`',
  '<a ',
  '</',
  '<![CDATA[',
  '<!DOCTYPE a [',
  '>',
  '=',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '"a":',
  '\\ud83d',
  '..',
  '/',
  '//',
  '\0',
  '\r\n',
  '\n',
  '--q',
  'Content-Disposition: form-data; name="',
  'union',
  ' select ',
  ' or ',
  '1',
  '0x',
  '@@',
  '\xe2\x82',
  '\xff',
  'on',
  '(',
  ')',
  ';',
];
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(...pieces),
      fc.string({ maxLength: 3 }).map((text) => text.replace(/[^\x00-\xff]/g, '')),
    ),
    { maxLength: 24 },
  )
  .map((parts) => parts.join(''));
const runs = { numRuns: 400, seed: 11 };

describe('hostile input', () => {
  it('goes through every transformation as bytes', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        for (const transform of transformations.values()) expect(transform(text)).not.toMatch(/[^\x00-\xff]/);
      }),
      runs,
    );
  });

  it('comes out of a transformation no longer than said, and unchanged where nothing sets it off', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        for (const [name, transform] of transformations) {
          const trigger = triggerOf(name);
          const result = transform(text);
          expect(result.length).toBeLessThanOrEqual(text.length === 0 ? result.length : text.length * trigger.growth);
          if (isIdle(trigger, kindsIn(text))) expect(result).toBe(text);
        }
      }),
      runs,
    );
  });

  it('never makes a body processor or a detector throw', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        for (const process of bodyProcessors.values()) {
          const { fields, error } = process(text, 'multipart/form-data; boundary=q', { maxFields: 20, maxDepth: 8 });
          expect(fields.length).toBeLessThanOrEqual(20);
          expect(error === undefined || error.length < 100).toBe(true);
        }
        detectSqli(text);
        detectXss(text);
      }),
      runs,
    );
  });

  it('is refused as rules with an error of ours, or loads', () => {
    const rules = fc.array(
      fc.constantFrom(
        'SecRule ',
        'SecAction ',
        'ARGS',
        '|',
        '!',
        '&',
        ':/a/',
        ' "',
        '"',
        '@rx ',
        '@pm ',
        '(',
        '[',
        '\\',
        '\n',
        "'",
        ',',
        'id:1',
        'chain',
        'setvar:tx.a=+1',
        'ctl:x=1',
        't:none',
        'phase:9',
      ),
      { maxLength: 14 },
    );
    fc.assert(
      fc.property(rules, (parts) => {
        try {
          compileWaf(
            { ruleSets: [{ name: 'x', files: [{ name: 'x.conf', text: parts.join('') }], data: {} }] },
            new ManualClock(),
          );
        } catch (error) {
          expect(error).toBeInstanceOf(MerlonError);
        }
      }),
      { numRuns: 150, seed: 12 },
    );
  });

  it('never slips through the sieve', () => {
    const sources = [
      '(?i)union\\s+select',
      '[\'"]\\s*or',
      '<a[^>]+on',
      '\\.\\./',
      '[a-c]{3}',
      '%u00',
      '(?:ab|cd)e?',
      '^x',
      'on|or',
      '\\x00',
    ];
    const regexes = sources.map((source) => compileRegex(source));
    const sieve = buildSieve(
      0,
      regexes.map(({ requirements }) => requirements),
    );
    fc.assert(
      fc.property(hostile, (raw) => {
        const candidates = sieve.candidates(createText(raw));
        for (const [index, regex] of regexes.entries())
          if (regex.test(raw)) expect(hasBit(candidates, index), sources[index]!).toBe(true);
      }),
      runs,
    );
  });
});

describe('detectors', () => {
  const injections = [
    "' or 1=1--",
    "1' and '1'='1",
    '1 union select null,null',
    "'; drop table users;--",
    "admin' #",
    '" or ""="',
    '1;select pg_sleep(1)',
    "') or ('a'='a",
    '1 or sleep(5)',
    "' union all select 1,2,3 from users--",
    '(select 1 from dual)',
    "1' order by 5--",
    "x' and extractvalue(1,concat(0x7e,version()))--",
    "' having 1=1--",
    '-1 or 2>1',
  ];
  const plain = [
    'hello world',
    "it's a nice day",
    "O'Brien & Sons",
    'select a colour',
    '10-12 rue de la Paix',
    'a=b',
    'C# and F#',
    'rock & roll',
    'price: 10,50',
    '50% off -- today only',
    'user@example.com',
    'union of states',
    '2026-01-01T00:00:00Z',
    'drop me a line',
    'where are you from?',
    "don't you like it or not?",
    'a or b',
    'tom and jerry',
    '#hashtag',
    '(555) 123-4567',
    'x > y',
    'the group, order by phone',
  ];

  it('tell an injection from a sentence', () => {
    expect(injections.filter((text) => detectSqli(text) === undefined)).toEqual([]);
    expect(plain.filter((text) => detectSqli(text) !== undefined)).toEqual([]);
  });

  it('tell a script from a text', () => {
    const scripts = [
      '<script>x</script>',
      '<img src=x onerror=x>',
      '" onfocus=x autofocus "',
      "' style='x' '",
      '<svg onload=x>',
      '<a href=javascript:x>',
      '<iframe src=x>',
      '` onclick=x `',
      '<x onpointerdown=a>',
      '<math><mi xlink:href="javascript:x">',
      '<form action="java\tscript:x">',
      '<object data=x>',
      '<!DOCTYPE html>',
      '<a href="&#106;avascript:x">',
    ];
    const texts = [
      '1 < 2',
      'a => b',
      '<b>bold</b>',
      'x = "y"',
      'if (a<b) c',
      '<3',
      'name="value"',
      'href="https://example.com"',
      '<p class="x">hi</p>',
      'on time',
      'data: 5',
    ];
    expect(scripts.filter((text) => detectXss(text) === undefined)).toEqual([]);
    expect(texts.filter((text) => detectXss(text) !== undefined)).toEqual([]);
  });
});
