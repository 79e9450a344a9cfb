import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue, ParameterStyle } from '../../api/openapi.ts';
import { gate, parameterDocument } from '../document.suite.ts';
import { writeParameter } from '../sample/parameter-text.ts';

const query = (parameters: string, options?: Parameters<typeof gate>[1]) => {
  const send = gate(parameterDocument(parameters), options);
  return (text: string) => send({ query: text })?.reason.code;
};
const typed = (schema: string) => query(`{ name: v, in: query, schema: ${schema} }`);

describe('query parameters', () => {
  it('refuses one that is not declared, and lets it through when told to', () => {
    const declared = '{ name: a, in: query, schema: { type: string } }';
    expect(query(declared)('a=1&admin=1')).toBe('openapi.unknown-parameter');
    expect(query(declared)('__proto__=1')).toBe('openapi.unknown-parameter');
    expect(query(declared, { unknownParameters: 'ignore' })('a=1&admin=1')).toBeUndefined();
    expect(query(declared, { weaknesses: new Set(['openapi.parameters']) })('admin=1')).toBeUndefined();
  });

  it('refuses a missing one and a repeated one', () => {
    const check = query('{ name: a, in: query, required: true, schema: { type: string } }');
    expect([check(''), check('a=1'), check('a=1&a=2'), check('a=1&%61=2')]).toEqual([
      'openapi.missing-parameter',
      undefined,
      'openapi.repeated-parameter',
      'openapi.repeated-parameter',
    ]);
  });

  it.each([
    [
      '{ type: integer }',
      ['0', '-1', '7', '9007199254740993', '9223372036854775807'],
      [
        '',
        '01',
        '+1',
        '%2B1',
        '1.0',
        '1e2',
        '0x1',
        '-0',
        '--1',
        ' 1',
        '1%20',
        '٣',
        'NaN',
        '9223372036854775808',
        '9'.repeat(5000),
      ],
    ],
    ['{ type: integer, format: int32 }', ['2147483647', '-2147483648'], ['2147483648', '-2147483649']],
    ['{ type: integer, minimum: 1, maximum: 10 }', ['1', '10'], ['0', '11']],
    ['{ type: number }', ['0', '1.5', '-1e3', '1E-2'], ['', '.5', '1.', '01.5', 'Infinity', '1e999', '1_000', '0x10']],
    ['{ type: boolean }', ['true', 'false'], ['TRUE', '1', 'yes', '']],
    ['{ type: string, maxLength: 2 }', ['', 'ab', '12', '%F0%9F%98%80%F0%9F%98%80'], ['abc']],
    ['{ type: string, enum: [a, b] }', ['a'], ['c', '']],
    ['{ type: integer, enum: [1, 2] }', ['1'], ['3', '1.0']],
    ['{ type: [string, integer] }', ['12', 'x'], []],
    ['{ oneOf: [{ type: string, format: date }, { type: integer }] }', ['2026-01-01', '5'], ['x']],
    ['{ type: string, pattern: "^\\\\d+$" }', ['12'], ['x']],
    ['{ type: string, format: uuid }', ['00000000-0000-4000-8000-000000000000'], ['x', "1' or '1'='1"]],
    ['{}', ['anything'], []],
  ])('%s', (schema, good, bad) => {
    const check = typed(schema);
    expect(good.filter((text) => check(`v=${text}`) !== undefined)).toEqual([]);
    expect(bad.filter((text) => check(`v=${text}`) === undefined)).toEqual([]);
  });

  it.each(['%', '%2', '%zz', '%ff', '%c0%af', '%ed%a0%80'])('refuses the malformed encoding %s', (text) => {
    expect(typed('{ type: string }')(`v=${text}`)).toBe('openapi.malformed-parameter');
    expect(typed('{ type: string }')(`${text}=1`)).toBe('openapi.malformed-query');
  });

  it('bounds their number', () => {
    expect(typed('{ type: array, items: {} }')('v=1&'.repeat(1001))).toBe('openapi.too-many-values');
  });

  it('lets an empty value stand where the document says so', () => {
    expect(query('{ name: v, in: query, allowEmptyValue: true, schema: { type: integer } }')('v')).toBeUndefined();
    expect(typed('{ type: integer }')('v')).toBe('openapi.wrong-type');
  });

  it('knows the credential that stands in the query', () => {
    const document = parameterDocument('');
    const [operation] = document.operations;
    const withKey = {
      ...document,
      operations: [{ ...operation, credentials: [{ in: 'query', name: 'api_key' }] }],
    } as typeof document;
    expect(gate(withKey)({ query: 'api_key=x' })).toBeUndefined();
    expect(gate(document)({ query: 'api_key=x' })?.reason.code).toBe('openapi.unknown-parameter');
  });

  it('reads a value that is a document of its own', () => {
    const check = query(
      '{ name: f, in: query, content: { application/json: { schema: { type: object, properties: { a: { type: integer } } } } } }',
    );
    expect(check(`f=${encodeURIComponent('{"a":1}')}`)).toBeUndefined();
    expect(check(`f=${encodeURIComponent('{"a":"1"}')}`)).toBe('openapi.wrong-type');
    expect(check(`f=${encodeURIComponent('{"a":1,"a":2}')}`)).toBe('openapi.malformed-parameter');
    expect(check(`f=${encodeURIComponent('{"b":1}')}`)).toBe('openapi.unknown-field');
    expect(check('f=x')).toBe('openapi.malformed-parameter');
  });

  it('says what is wrong and how to put it right', () => {
    const denial = gate(parameterDocument('{ name: page, in: query, schema: { type: integer } }'))({
      query: 'page=two',
    });
    expect(denial).toEqual({
      status: 400,
      reason: {
        filter: 'openapi',
        code: 'openapi.wrong-type',
        message: 'query page must be an integer',
        rule: 'GET /x',
        claim: 'query page',
        clause: 'type',
        expected: 'integer',
        actual: 'string `two`',
        fixes: ['send `query page` as an integer'],
      },
    });
  });

  it('never shows a sensitive value', () => {
    for (const marked of [
      '{ type: integer, format: password }',
      '{ type: integer, x-merlon-sensitive: true }',
      '{ type: integer, writeOnly: true }',
    ]) {
      const denial = gate(parameterDocument(`{ name: pin, in: query, schema: ${marked} }`))({ query: 'pin=hunter2' });
      expect(JSON.stringify(denial)).not.toContain('hunter2');
      expect(denial?.reason.actual).toBe('string of 7 characters');
    }
    const denial = gate(
      parameterDocument('{ name: pin, in: query, x-merlon-sensitive: true, schema: { type: integer } }'),
    )({ query: 'pin=hunter2' });
    expect(JSON.stringify(denial)).not.toContain('hunter2');
  });
});

describe('objects and lists', () => {
  it.each([
    ['form', true, 'v=1&v=2', 'v=1,2'],
    ['form', false, 'v=1,2', 'v=1&v=2'],
    ['spaceDelimited', false, 'v=1%202', 'v=1,2'],
    ['spaceDelimited', false, 'v=1+2', 'v=1%7C2'],
    ['pipeDelimited', false, 'v=1|2', 'v=1,2'],
    ['pipeDelimited', false, 'v=1%7c2', 'v=1 2'],
  ])('list in style %s, explode %s', (style, explode, good, bad) => {
    const check = query(
      `{ name: v, in: query, style: ${style}, explode: ${explode}, schema: { type: array, items: { type: integer }, maxItems: 2 } }`,
    );
    expect(check(good)).toBeUndefined();
    expect(check(bad)).toBeDefined();
  });

  it('takes deep objects of one level and nothing that they do not declare', () => {
    const check = query(
      '{ name: f, in: query, style: deepObject, schema: { type: object, required: [a], properties: { a: { type: integer }, t: { type: array, items: { type: string } } } } }',
    );
    expect(check('f[a]=1&f[t]=x&f[t]=y')).toBeUndefined();
    expect(check('f%5Ba%5D=1')).toBeUndefined();
    expect(
      [
        'f[a]=1&f[b]=2',
        'f[a][b]=1&f[a]=1',
        'f[a]=1&f[__proto__]=x',
        'f[a]=1&f[a]=2',
        'f[a',
        'f[t]=x',
        'f[a]=1&f[a]b=2',
        'g[a]=1',
        'f[a]=1&f[__proto__][x]=1',
      ].filter((text) => check(text) === undefined),
    ).toEqual([]);
  });

  it('takes the fields of an exploded object as names of their own', () => {
    const check = query(
      '{ name: f, in: query, schema: { type: object, properties: { a: { type: integer }, b: { type: boolean } } } }, { name: c, in: query, schema: { type: integer } }',
    );
    expect(check('a=1&b=true&c=2')).toBeUndefined();
    expect(check('a=1&b=2')).toBe('openapi.wrong-type');
    expect(check('a=1&d=2')).toBe('openapi.unknown-parameter');
    const open = query('{ name: f, in: query, schema: { type: object, additionalProperties: { type: integer } } }');
    expect([open('a=1&z=2'), open('z=x')]).toEqual([undefined, 'openapi.wrong-type']);
  });

  const item = fc.oneof(
    fc.integer(),
    fc.stringMatching(/^[a-zA-Z0-9 ,.;=|/%&+é-]{1,6}$/).filter((text) => !/^-?\d+$/.test(text)),
  );
  const field = fc.tuple(fc.stringMatching(/^[a-z]{1,4}$/), item);
  const value: fc.Arbitrary<JsonValue> = fc.oneof(
    item,
    fc.array(item, { minLength: 1, maxLength: 3 }),
    fc.array(field, { minLength: 1, maxLength: 3 }).map((fields) => Object.fromEntries(fields)),
  );
  const styled = fc.constantFrom<[string, ParameterStyle, boolean]>(
    ['path', 'simple', false],
    ['path', 'simple', true],
    ['path', 'label', false],
    ['path', 'label', true],
    ['path', 'matrix', false],
    ['path', 'matrix', true],
    ['query', 'form', true],
    ['query', 'form', false],
    ['query', 'deepObject', true],
    ['query', 'pipeDelimited', false],
    ['cookie', 'form', false],
  );

  it('reads each style as it is written', () => {
    fc.assert(
      fc.property(styled, value, ([location, style, explode], wanted) => {
        const isObject = typeof wanted === 'object' && !Array.isArray(wanted);
        fc.pre((style === 'deepObject') === isObject || (style !== 'deepObject' && location !== 'cookie'));
        // Clients encode the pipe or not, so that no item can hold one.
        fc.pre(style !== 'pipeDelimited' || (Array.isArray(wanted) && !JSON.stringify(wanted).includes('|')));
        // Nor a dot: it is never encoded (RFC 6570, section 2.3), and separates them.
        fc.pre(style !== 'label' || !explode || !JSON.stringify(wanted).includes('.'));
        const itemSchema = { type: ['integer', 'string'] };
        const type = Array.isArray(wanted)
          ? { type: 'array', items: itemSchema }
          : isObject
            ? { type: 'object', additionalProperties: itemSchema }
            : itemSchema;
        const schema = { allOf: [type], enum: [wanted] };
        const parameter = { name: 'v', in: location, style, explode, required: true, schema };
        const document = parameterDocument(JSON.stringify(parameter), location === 'path' ? "'/x/{v}'" : '/x');
        const texts = writeParameter(
          document.operations[0]?.parameters[0] as Parameters<typeof writeParameter>[0],
          wanted,
        );
        const pairs = texts.map(([name, text]) => `${name}=${text}`).join('&');
        const denial = gate(document)({
          path: location === 'path' ? `/x/${texts[0]?.[1]}` : '/x',
          query: location === 'query' ? pairs : '',
          headers: location === 'cookie' ? { cookie: pairs.replaceAll('&', '; ') } : {},
        });
        expect([location, style, explode, texts, denial?.reason]).toEqual([location, style, explode, texts, undefined]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('path, header and cookie parameters', () => {
  it('checks what stands in the path', () => {
    const send = gate(
      parameterDocument('{ name: id, in: path, required: true, schema: { type: integer, minimum: 1 } }', "'/x/{id}'"),
    );
    expect(send({ path: '/x/7' })).toBeUndefined();
    expect(send({ path: '/x/0' })?.reason).toMatchObject({ code: 'openapi.out-of-range', claim: 'path id' });
    expect(send({ path: '/x/1%20or%201' })?.reason.code).toBe('openapi.wrong-type');
  });

  it('checks headers by name in any case, and leaves others alone', () => {
    const send = gate(
      parameterDocument(
        '{ name: X-Ids, in: header, required: true, schema: { type: array, items: { type: integer } } }',
      ),
    );
    expect(send({ headers: { 'x-ids': '1, 2,3', 'x-other': 'y' } })).toBeUndefined();
    expect(send({ headers: { 'x-ids': '1,b' } })?.reason).toMatchObject({
      code: 'openapi.wrong-type',
      claim: 'header x-ids /1',
    });
    expect(send({})?.reason.code).toBe('openapi.missing-parameter');
  });

  it('checks declared cookies, and leaves others alone', () => {
    const send = gate(parameterDocument('{ name: n, in: cookie, required: true, schema: { type: integer } }'));
    expect(send({ headers: { cookie: 'session=abc; n=5; theme=x' } })).toBeUndefined();
    expect(send({ headers: { cookie: 'n=five' } })?.reason.code).toBe('openapi.wrong-type');
    expect(send({ headers: { cookie: 'n=5; n=6' } })?.reason.code).toBe('openapi.repeated-parameter');
    expect(send({ headers: { cookie: 'm=5' } })?.reason.code).toBe('openapi.missing-parameter');
  });
});
