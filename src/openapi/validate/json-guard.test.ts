import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseJson } from './json-guard.ts';

const limits = { maxDepth: 64, maxValues: 10_000 };
const parse = (text: string | Buffer) => parseJson(typeof text === 'string' ? Buffer.from(text) : text, limits);
const codeOf = (text: string | Buffer): string | undefined => {
  const result = parse(text);
  return 'fault' in result ? `${result.fault.code}${result.fault.pointer ?? ''}` : undefined;
};

describe('strict JSON', () => {
  it('reads what is written, whatever the white space', () => {
    const json = fc.jsonValue({ maxDepth: 5 }).filter((value) => !JSON.stringify(value).includes('__proto__'));
    fc.assert(
      fc.property(json, fc.constantFrom(0, 1, 2), (value, indent) => {
        // -0 is written as 0.
        const text = JSON.stringify(value, null, indent);
        expect(parse(text)).toEqual({ value: JSON.parse(text) });
      }),
    );
  });

  it('never throws and never takes what JSON.parse does not', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom('{', '}', '[', ']', '"', ':', ',', '\\', 'a', '1', '\\u', ' ', '\n', '-', 'e', 'null'),
          { maxLength: 30 },
        ),
        (pieces) => {
          const text = pieces.join('');
          const result = parse(text);
          if ('value' in result) expect(result.value).toEqual(JSON.parse(text));
        },
      ),
    );
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => void parse(Buffer.from(bytes))));
  });

  it('refuses a key that stands twice, wherever', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.integer(), { minKeys: 1, maxKeys: 6, noNullPrototype: true }),
        fc.nat(),
        (object, pick) => {
          const members = Object.entries(object).map(([key, value]) => `${JSON.stringify(key)}:${value}`);
          const text = `[1,{"in":{${[...members, members[pick % members.length]].join()}}}]`;
          expect(codeOf(text)).toMatch(/^openapi\.duplicate-key\/1\/in\/|^openapi\.unknown-field/);
        },
      ),
    );
  });

  it.each([
    ['a key that is spelt in two ways', '{"role":"user","r\\u006fle":"admin"}', 'openapi.duplicate-key/role'],
    ['a pointer through lists', '{"a":[0,{"b":1,"b":2}]}', 'openapi.duplicate-key/a/1/b'],
    ['a key with a slash', '{"a/b":1,"a/b":2}', 'openapi.duplicate-key/a~1b'],
    ['__proto__', '{"__proto__":{"admin":true}}', 'openapi.unknown-field/__proto__'],
    ['__proto__ in escapes', '{"a":{"\\u005f_proto__":1}}', 'openapi.unknown-field/__proto__'],
    ['half a surrogate pair', '"\\ud800"', 'openapi.malformed-body'],
    ['half a surrogate pair in a key', '{"\\udc00":1}', 'openapi.malformed-body'],
    ['a number beyond range', '1e400', 'openapi.malformed-body'],
    ['a byte order mark', '\ufeff{}', 'openapi.malformed-body'],
    ['bytes that are not UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'openapi.malformed-body'],
    ['overlong UTF-8', Buffer.from([0x22, 0xc0, 0xaf, 0x22]), 'openapi.malformed-body'],
    ['UTF-16', Buffer.from('{}', 'utf16le'), 'openapi.malformed-body'],
    ['two texts', '{}{}', 'openapi.malformed-body'],
    ['comments', '{}//', 'openapi.malformed-body'],
    ['single quotes', "{'a':1}", 'openapi.malformed-body'],
    ['NaN', 'NaN', 'openapi.malformed-body'],
    ['nothing', '', 'openapi.malformed-body'],
    ['deep nesting', '['.repeat(100_000), 'openapi.too-deep'],
    ['nesting one too deep', '['.repeat(65) + ']'.repeat(65), 'openapi.too-deep'],
    ['a long list', `[${'0,'.repeat(20_000)}0]`, 'openapi.too-many-values'],
  ])('refuses %s', (_what, text, code) => {
    expect(codeOf(text)).toBe(code);
  });

  it('takes the deepest nesting that is allowed, and a colon or brace in a text', () => {
    expect(codeOf('['.repeat(64) + ']'.repeat(64))).toBeUndefined();
    expect(codeOf('{"a":":{[,\\"","constructor":1,"toString":2}')).toBeUndefined();
  });

  it('leaves the prototype of everything alone', () => {
    parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}');
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});
