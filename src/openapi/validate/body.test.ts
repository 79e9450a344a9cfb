import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileOpenApi } from '../compile.ts';
import { bodyDocument, bodyVerdict, documentOf, gate } from '../document.suite.ts';

const ok = "responses: { '200': { description: ok } }";

describe('unknown fields', () => {
  const order =
    '{ type: object, properties: { qty: { type: integer }, to: { type: object, properties: { city: { type: string } } }, lines: { type: array, items: { type: object, properties: { sku: { type: string } } } } } }';
  const hostile = [
    { qty: 1, role: 'admin' },
    { to: { city: 'x', admin: true } },
    { lines: [{ sku: 'a' }, { sku: 'b', price: 0 }] },
  ];

  it('are refused at every depth', () => {
    const check = bodyVerdict(order);
    expect(check({ qty: 1, to: { city: 'x' }, lines: [{ sku: 'a' }] })).toBeUndefined();
    expect(hostile.map(check)).toEqual(hostile.map(() => 'openapi.unknown-field'));
  });

  it('get through without the protection', () => {
    const check = bodyVerdict(order, '', { weaknesses: new Set(['openapi.unknown-fields']) });
    expect(hostile.map(check)).toEqual(hostile.map(() => undefined));
    expect(bodyVerdict(order, '', { unknownFields: 'ignore' })(hostile[0])).toBeUndefined();
    expect(bodyVerdict(order, '', { weaknesses: new Set(['openapi.body']) })({ qty: 'x' })).toBeUndefined();
  });

  it('are let through where the document says so', () => {
    expect(
      bodyVerdict('{ type: object, properties: { a: {} }, additionalProperties: true }')({ b: 1 }),
    ).toBeUndefined();
    expect(bodyVerdict('{ type: object, additionalProperties: { type: integer } }')({ b: 1 })).toBeUndefined();
    expect(bodyVerdict('{ type: object, additionalProperties: { type: integer } }')({ b: 'x' })).toBe(
      'openapi.wrong-type',
    );
    expect(bodyVerdict('{ type: object }')({ b: 1 })).toBeUndefined();
    expect(
      bodyVerdict(
        "{ allOf: [{ $ref: '#/components/schemas/Open' }, { properties: { b: {} } }] }",
        '{ Open: { type: object, properties: { a: {} }, additionalProperties: true } }',
      )({ c: 1 }),
    ).toBeUndefined();
  });

  it('count as declared when any of the combined schemas declares them', () => {
    const components =
      '{ Base: { type: object, required: [id], properties: { id: { type: integer } } }, Extra: { type: object, properties: { extra: { type: string } } } }';
    const check = bodyVerdict(
      "{ allOf: [{ $ref: '#/components/schemas/Base' }, { $ref: '#/components/schemas/Extra' }], properties: { own: { type: boolean } } }",
      components,
    );
    expect(check({ id: 1, extra: 'x', own: true })).toBeUndefined();
    expect(check({ id: 1, other: 1 })).toBe('openapi.unknown-field');
    expect(check({ extra: 'x' })).toBe('openapi.missing-field');
  });

  it('count as declared only by the alternative that applies', () => {
    const check = bodyVerdict(
      '{ type: object, properties: { kind: { type: string } }, oneOf: [{ required: [a], properties: { a: { type: integer } } }, { required: [b], properties: { b: { type: integer } } }] }',
    );
    expect(check({ kind: 'x', a: 1 })).toBeUndefined();
    expect(check({ a: 1, b: 'not even a number' })).toBe('openapi.unknown-field');
    expect(check({ a: 1, c: 1 })).toBe('openapi.unknown-field');
    expect(check({ a: 1, b: 1 })).toBe('openapi.no-match');
  });

  it('cannot hide behind if, then, else, not and dependentSchemas', () => {
    const check = bodyVerdict(
      '{ type: object, properties: { a: {} }, if: { required: [a] }, then: { properties: { b: {} } }, else: { properties: { c: {} } }, dependentSchemas: { b: { properties: { d: {} } } }, not: { properties: { x: {} }, required: [x] } }',
    );
    expect([check({ a: 1, b: 1, d: 1 }), check({ c: 1 })]).toEqual([undefined, undefined]);
    expect([check({ b: 1 }), check({ a: 1, c: 1 }), check({ a: 1, d: 1 }), check({ y: 1 })]).toEqual(
      Array(4).fill('openapi.unknown-field'),
    );
  });

  it('leave the question that `not` and `contains` ask as it is', () => {
    const not = bodyVerdict(
      '{ type: object, properties: { a: { type: object, properties: { x: {}, y: {} } } }, not: { properties: { a: { properties: { x: { const: 1 } }, required: [x] } }, required: [a] } }',
    );
    // Were the schema within `not` closed, the extra field would make it fail and the body pass.
    expect(not({ a: { x: 1, y: 1 } })).toBe('openapi.no-match');
    expect(not({ a: { x: 2, y: 1 } })).toBeUndefined();
    const contains = bodyVerdict(
      '{ type: array, items: { type: object, properties: { x: {}, y: {} } }, contains: { properties: { x: { const: 1 } }, required: [x] } }',
    );
    expect([contains([{ x: 1, y: 2 }]), contains([{ y: 2 }]), contains([{ x: 1, z: 2 }])]).toEqual([
      undefined,
      'openapi.no-match',
      'openapi.unknown-field',
    ]);
  });

  it('are judged where all descriptions of a field meet', () => {
    const components =
      '{ B: { type: object, properties: { meta: { type: object, properties: { b: {} } }, list: { type: array, items: { type: object, properties: { b: {} } } } } } }';
    const check = bodyVerdict(
      "{ allOf: [{ $ref: '#/components/schemas/B' }, { properties: { meta: { properties: { a: {} } }, list: { items: { properties: { a: {} } } } } }] }",
      components,
    );
    expect(check({ meta: { a: 1, b: 1 }, list: [{ a: 1, b: 1 }] })).toBeUndefined();
    expect([check({ meta: { c: 1 } }), check({ list: [{ a: 1 }, { c: 1 }] })]).toEqual([
      'openapi.unknown-field',
      'openapi.unknown-field',
    ]);
  });

  it('hold in schemas that lead back to themselves', () => {
    const check = bodyVerdict(
      "{ $ref: '#/components/schemas/Node' }",
      "{ Node: { allOf: [{ $ref: '#/components/schemas/Base' }], properties: { next: { $ref: '#/components/schemas/Node' } } }, Base: { type: object, properties: { v: { type: integer }, kids: { type: array, items: { $ref: '#/components/schemas/Node' } } } } }",
    );
    expect(check({ v: 1, next: { v: 2, kids: [{ next: { v: 3 } }] } })).toBeUndefined();
    expect(check({ next: { kids: [{ next: { w: 3 } }] } })).toBe('openapi.unknown-field');
  });

  interface Fields {
    readonly [name: string]: Fields | 'leaf';
  }
  const name = fc.constantFrom('a', 'b', 'c');
  const { fields } = fc.letrec<{ fields: Fields; field: Fields | 'leaf' }>((tie) => ({
    fields: fc.dictionary(name, tie('field'), { maxKeys: 3, noNullPrototype: true }) as fc.Arbitrary<Fields>,
    field: fc.oneof({ maxDepth: 3 }, fc.constant('leaf' as const), tie('fields')) as fc.Arbitrary<Fields | 'leaf'>,
  }));
  const schemaOf = (value: Fields | 'leaf'): object =>
    value === 'leaf'
      ? { type: ['integer', 'object'] }
      : {
          type: ['integer', 'object'],
          properties: Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, schemaOf(inner)])),
        };
  const json: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.constant(1),
      fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: true }),
    ),
  })).value;

  /** By the fields alone: whether each field of `value` is in one of `all`, which all describe it. */
  function isDeclared(all: readonly (Fields | 'leaf')[], value: unknown): boolean {
    const described = all.filter((each) => each !== 'leaf');
    if (typeof value !== 'object' || value === null || described.length === 0) return true;
    return Object.entries(value).every(([key, inner]) => {
      const next = described.flatMap((each) => (each[key] === undefined ? [] : [each[key]]));
      return next.length > 0 && isDeclared(next, inner);
    });
  }

  it('are told from declared ones however schemas are combined', () => {
    fc.assert(
      fc.property(
        fc.array(fields, { minLength: 1, maxLength: 3 }),
        fc.constantFrom('inline', 'named', 'nested'),
        fc.array(json, { minLength: 5, maxLength: 5 }),
        (all, how, bodies) => {
          const components = JSON.stringify(
            Object.fromEntries(all.map((each, index) => [`S${index}`, schemaOf(each)])),
          );
          const parts = all.map((each, index) =>
            how === 'inline' ? schemaOf(each) : { $ref: `#/components/schemas/S${index}` },
          );
          const schema =
            how === 'nested' ? parts.reduce((inner, part) => ({ allOf: [part, inner] })) : { allOf: parts };
          const check = bodyVerdict(JSON.stringify(schema), components);
          for (const body of bodies)
            expect([all, body, check(body) === undefined]).toEqual([all, body, isDeclared(all, body)]);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('everything else that a schema says', () => {
  it('is judged as by JSON Schema itself', () => {
    const leaf = fc.constantFrom<object>(
      { type: 'integer', minimum: 2 },
      { type: 'string', maxLength: 2 },
      { enum: [1, 'a', null] },
      { type: 'array', items: { type: 'integer' }, uniqueItems: true },
      { type: ['null', 'string'] },
      { multipleOf: 2 },
      { type: 'array', prefixItems: [{ type: 'string' }], items: { type: 'integer' }, maxItems: 2 },
      { const: { a: 1 } },
    );
    const schema = fc.letrec((tie) => ({
      any: fc.oneof(
        { maxDepth: 3 },
        leaf,
        fc
          .dictionary(fc.constantFrom('a', 'b'), tie('any'), { maxKeys: 2, noNullPrototype: true })
          .map((properties) => ({ type: 'object', properties, additionalProperties: true })),
        fc.array(tie('any'), { minLength: 1, maxLength: 2 }).map((allOf) => ({ allOf })),
        fc.array(tie('any'), { minLength: 1, maxLength: 2 }).map((anyOf) => ({ anyOf })),
        fc.array(tie('any'), { minLength: 1, maxLength: 2 }).map((oneOf) => ({ oneOf })),
        tie('any').map((not) => ({ not })),
        fc.tuple(tie('any'), tie('any'), tie('any')).map((parts) =>
          Object.fromEntries([
            ['if', parts[0]],
            ['then', parts[1]],
            ['else', parts[2]],
          ]),
        ),
      ),
    })).any as fc.Arbitrary<object>;
    const scalar = fc.constantFrom<unknown>(1, 2, 4, 'a', 'abc', null, true, 1.5, ['a', 1], [1, 1], [1, 2], { a: 1 });
    const value = fc.oneof(
      scalar,
      fc.dictionary(fc.constantFrom('a', 'b'), scalar, { maxKeys: 2, noNullPrototype: true }),
    );
    fc.assert(
      fc.property(schema, fc.array(value, { minLength: 6, maxLength: 6 }), (each, values) => {
        const plain = new Ajv2020({ strict: false }).compile(each);
        const check = bodyVerdict(JSON.stringify(each), '', { unknownFields: 'ignore' });
        for (const body of values) expect([each, body, check(body) === undefined]).toEqual([each, body, plain(body)]);
      }),
      { numRuns: 150 },
    );
  });

  it.each([
    ['{ type: integer }', ['1', 1.5, null, true, []], 'openapi.wrong-type'],
    ['{ type: string, maxLength: 3 }', ['four'], 'openapi.too-long'],
    ['{ type: array, maxItems: 1 }', [[1, 2]], 'openapi.too-long'],
    ['{ type: array, minItems: 1 }', [[]], 'openapi.too-short'],
    ['{ type: integer, exclusiveMaximum: 3 }', [3], 'openapi.out-of-range'],
    ['{ type: string, format: email }', ['x@'], 'openapi.wrong-format'],
    [
      '{ type: array, uniqueItems: true }',
      [
        [
          { a: 1, b: [2] },
          { b: [2], a: 1 },
        ],
      ],
      'openapi.wrong-value',
    ],
    ['{ const: 1 }', [2], 'openapi.wrong-value'],
  ])('%s', (schema, bodies, code) => {
    const check = bodyVerdict(schema);
    expect((bodies as unknown[]).map(check)).toEqual(bodies.map(() => code));
  });

  it('does not take what objects inherit for what they hold', () => {
    const check = bodyVerdict(
      '{ type: object, required: [constructor], properties: { constructor: { type: string }, toString: { type: integer }, hasOwnProperty: { type: string } } }',
    );
    expect(check({})).toBe('openapi.missing-field');
    expect(check({ constructor: 'x' })).toBeUndefined();
    expect(check({ constructor: 'x', toString: 1, hasOwnProperty: 'x' })).toBeUndefined();
    expect(check({ constructor: 'x', valueOf: 1 })).toBe('openapi.unknown-field');
  });

  it('compares unique items in linear time', () => {
    const check = bodyVerdict('{ type: array, uniqueItems: true }', '', { maxValues: 100_000 });
    const start = performance.now();
    expect(check(Array.from({ length: 30_000 }, (_, id) => ({ id })))).toBeUndefined();
    expect(performance.now() - start).toBeLessThan(1500);
  });

  it('matches hostile texts against hostile patterns in linear time', () => {
    const check = bodyVerdict('{ type: string, pattern: "^(a+)+$" }');
    const start = performance.now();
    expect(check(`${'a'.repeat(200_000)}!`)).toBe('openapi.wrong-format');
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

describe('read-only and write-only fields', () => {
  const schema =
    '{ type: object, required: [id, name, secret], properties: { id: { type: integer, readOnly: true }, name: { type: string }, secret: { type: string, writeOnly: true } } }';

  it('refuses a read-only field in a request, and does not demand it', () => {
    const check = bodyVerdict(schema);
    expect(check({ name: 'x', secret: 's' })).toBeUndefined();
    expect(check({ id: 1, name: 'x', secret: 's' })).toBe('openapi.read-only-field');
  });

  it('finds them behind references and combinations', () => {
    const components =
      '{ Id: { type: integer, readOnly: true }, Base: { type: object, required: [id], properties: { id: { allOf: [{ $ref: "#/components/schemas/Id" }] } } } }';
    const check = bodyVerdict(
      '{ allOf: [{ $ref: "#/components/schemas/Base" }], required: [id, n], properties: { n: {} } }',
      components,
    );
    expect([check({ n: 1 }), check({ n: 1, id: 1 })]).toEqual([undefined, 'openapi.read-only-field']);
  });
});

describe('discriminators', () => {
  const pets = `{
    Pet: { oneOf: [{ $ref: '#/components/schemas/Cat' }, { $ref: '#/components/schemas/Dog' }], discriminator: { propertyName: kind, mapping: { dog: Dog } } },
    Cat: { type: object, required: [kind], properties: { kind: { type: string }, lives: { type: integer } } },
    Dog: { type: object, required: [kind], properties: { kind: { type: string }, bark: { type: string } } } }`;

  it('choose the one schema by which a value is judged', () => {
    const check = bodyVerdict("{ $ref: '#/components/schemas/Pet' }", pets);
    expect([check({ kind: 'Cat', lives: 9 }), check({ kind: 'dog', bark: 'x' })]).toEqual([undefined, undefined]);
    expect(check({ kind: 'Cat', bark: 'x' })).toBe('openapi.unknown-field');
    expect(check({ kind: 'Cat', lives: 'x' })).toBe('openapi.wrong-type');
    expect(check({ kind: 'Dog', bark: 'x' })).toBe('openapi.wrong-value');
    expect(check({ bark: 'x' })).toBe('openapi.missing-field');
    expect(check('Cat')).toBe('openapi.wrong-type');
  });

  it('choose among the schemas that extend a base', () => {
    const components = `{
      Event: { type: object, required: [type], properties: { type: { type: string } }, discriminator: { propertyName: type } },
      Login: { allOf: [{ $ref: '#/components/schemas/Event' }], properties: { user: { type: string } } },
      Admin: { allOf: [{ $ref: '#/components/schemas/Login' }], properties: { level: { type: integer } } } }`;
    const check = bodyVerdict("{ type: array, items: { $ref: '#/components/schemas/Event' } }", components);
    expect(
      check([{ type: 'Event' }, { type: 'Login', user: 'x' }, { type: 'Admin', user: 'x', level: 1 }]),
    ).toBeUndefined();
    expect(check([{ type: 'Login', level: 1 }])).toBe('openapi.unknown-field');
    expect(check([{ type: 'Other' }])).toBe('openapi.wrong-value');
  });

  it('follow a constant that the schema itself demands', () => {
    const components = `{
      A: { type: object, required: [t], properties: { t: { const: a }, x: {} } },
      B: { type: object, required: [t], properties: { t: { const: b }, y: {} } } }`;
    const check = bodyVerdict(
      "{ anyOf: [{ $ref: '#/components/schemas/A' }, { $ref: '#/components/schemas/B' }], discriminator: { propertyName: t } }",
      components,
    );
    expect([check({ t: 'a', x: 1 }), check({ t: 'b', x: 1 })]).toEqual([undefined, 'openapi.unknown-field']);
  });
});

describe('media types and sizes', () => {
  const document = documentOf(`paths:
  /x:
    post: { requestBody: { required: true, content: { application/json: { schema: { type: object, properties: { a: { type: string, maxLength: 5 } } } }, 'image/*': {}, text/plain: { schema: { type: string, maxLength: 3 } } } }, ${ok} }
    put: { requestBody: { content: { application/vnd.x+json: { schema: { type: integer } } } }, ${ok} }
    get: { ${ok} }
`);
  const send = gate(document);
  const post = (type: string | undefined, bytes: string | Buffer, method = 'POST') =>
    send({ method, headers: type === undefined ? {} : { 'content-type': type }, bytes: Buffer.from(bytes) })?.reason
      .code;

  it.each([
    ['application/json', '{"a":"x"}', undefined],
    ['Application/JSON; charset=UTF-8', '{"a":"x"}', undefined],
    ['application/json; charset="utf-8"', '{"a":"x"}', undefined],
    ['application/json; charset=utf-16', '{"a":"x"}', 'openapi.media-type'],
    ['application/json; charset=utf-8; charset=utf-16', '{"a":"x"}', 'openapi.media-type'],
    ['application/json, text/plain', '{"a":"x"}', 'openapi.media-type'],
    ['application/xml', '<a/>', 'openapi.media-type'],
    ['application/*', '{}', 'openapi.media-type'],
    ['json', '{}', 'openapi.media-type'],
    [undefined, '{}', 'openapi.media-type'],
    ['application/json', '', 'openapi.missing-body'],
    ['application/json', '{"a":', 'openapi.malformed-body'],
    ['image/png', Buffer.from([1, 2, 255]), undefined],
    ['text/plain', 'abc', undefined],
    ['text/plain', 'abcd', 'openapi.too-long'],
    ['text/plain; charset=iso-8859-1', Buffer.from([0xe9, 0xe9, 0xe9]), undefined],
    ['text/plain', Buffer.from([0xe9]), 'openapi.malformed-body'],
  ])('%s with %s', (type, bytes, code) => {
    expect(post(type, bytes)).toBe(code);
  });

  it('lets no content through unchecked because a range declares its schema', () => {
    const send = gate(
      documentOf(
        `paths: { /x: { post: { requestBody: { content: { '*/*': { schema: { type: object, properties: { a: {} } } } } }, ${ok} } }, /y: { post: { requestBody: { content: { '*/*': { schema: { type: string, format: binary } } } }, ${ok} } } }\n`,
      ),
    );
    const codeOf = (path: string, type: string) =>
      send({ method: 'POST', path, headers: { 'content-type': type }, bytes: Buffer.from('{"admin":true}') })?.reason
        .code;
    expect(codeOf('/x', 'application/json')).toBe('openapi.unknown-field');
    expect(['application/octet-stream', 'application/xml', 'text/plain'].map((type) => codeOf('/x', type))).toEqual([
      'openapi.media-type',
      'openapi.media-type',
      'openapi.wrong-type',
    ]);
    expect(codeOf('/y', 'application/octet-stream')).toBeUndefined();
  });

  it('refuses a body that nothing declares, and does not ask for an optional one', () => {
    expect(post('application/json', '{}', 'GET')).toBe('openapi.unexpected-body');
    expect(post(undefined, '', 'PUT')).toBeUndefined();
    expect(post('application/vnd.x+json', '1', 'PUT')).toBeUndefined();
    expect(post('application/json', '1', 'PUT')).toBe('openapi.media-type');
  });

  it('answers 415 with what would be taken, and 413 for what is too large', () => {
    expect(send({ method: 'POST', headers: { 'content-type': 'a/b' }, bytes: Buffer.from('x') })).toMatchObject({
      status: 415,
      headers: { accept: 'application/json, text/plain, image/*' },
    });
    const bounded = gate(bodyDocument('{ type: object, properties: { a: { type: string, maxLength: 5 } } }'));
    expect(bounded({ method: 'POST', body: { a: 'x'.repeat(10_000) } })).toMatchObject({
      status: 413,
      reason: { code: 'openapi.body-too-large' },
    });
  });

  it('derives the largest body from the schema', () => {
    const boundOf = (schema: string, components?: string) => {
      const each = bodyDocument(schema, components);
      return compileOpenApi(each).maxBodyBytes(each.operations[0] as (typeof each.operations)[0]);
    };
    expect(boundOf('{ type: string, maxLength: 10 }')).toBe(2 * 122 + 1024);
    expect(boundOf('{ type: array, maxItems: 3, items: { type: boolean } }')).toBeLessThan(2000);
    expect(
      boundOf("{ $ref: '#/components/schemas/A' }", '{ A: { type: object, properties: { a: { enum: [x] } } } }'),
    ).toBeLessThan(2000);
    for (const open of [
      '{ type: string }',
      '{}',
      '{ type: array, items: { type: boolean } }',
      '{ type: object }',
      '{ type: object, properties: { a: {} } }',
      '{ allOf: [{ type: object, properties: { a: { type: integer } } }, { properties: { b: { type: string } } }] }',
    ]) {
      expect([open, boundOf(open)]).toEqual([open, undefined]);
    }
  });

  it('finds no bound for, nor loses time on, schemas that lead back to themselves in many ways', () => {
    const fields = Array.from({ length: 12 }, (_, index) => `f${index}: { $ref: '#/components/schemas/N' }`).join(', ');
    const each = bodyDocument(
      "{ $ref: '#/components/schemas/N' }",
      `{ N: { type: object, properties: { v: { type: integer }, ${fields} } } }`,
    );
    const start = performance.now();
    const api = compileOpenApi(each);
    expect(api.maxBodyBytes(each.operations[0] as never)).toBeUndefined();
    expect(api.schemaPins(each.operations[0] as never).length).toBeGreaterThan(0);
    expect(performance.now() - start).toBeLessThan(1500);
  });

  it('never refuses by size what the schema accepts', () => {
    fc.assert(
      fc.property(
        fc.array(fc.string({ unit: 'binary', maxLength: 4 }), { maxLength: 3 }),
        fc.boolean(),
        (items, escaped) => {
          const text = JSON.stringify({ items });
          const each = escaped
            ? text.replace(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
            : text;
          const check = gate(
            bodyDocument(
              '{ type: object, properties: { items: { type: array, maxItems: 3, items: { type: string, maxLength: 4 } } } }',
            ),
          );
          expect(
            check({ method: 'POST', headers: { 'content-type': 'application/json' }, bytes: Buffer.from(each) })
              ?.status,
          ).not.toBe(413);
        },
      ),
    );
  });

  it('tells which bodies must be buffered', () => {
    const api = compileOpenApi(document);
    const [put, post, get] = ['PUT', 'POST', 'GET'].map((method) =>
      document.operations.find((each) => each.method === method),
    ) as [never, never, never];
    expect([api.needsBody(put), api.needsBody(post), api.needsBody(get)]).toEqual([true, true, false]);
    expect([
      api.needsBody(post, 'image/png'),
      api.needsBody(post, 'application/json'),
      api.needsBody(post, 'a/b'),
    ]).toEqual([false, true, false]);
    expect(api.checkContentType(post, 'image/png', true)).toBeUndefined();
    expect(api.checkContentType(post, 'a/b', true)?.status).toBe(415);
    expect(api.checkContentType(get, undefined, true)?.reason.code).toBe('openapi.unexpected-body');
  });
});

describe('denials', () => {
  it('show no value of a sensitive field, of what is within it, or of an undeclared one', () => {
    const check = gate(
      bodyDocument(
        "{ type: object, properties: { pin: { type: integer, format: password }, card: { $ref: '#/components/schemas/Card' }, alt: { oneOf: [{ type: integer, writeOnly: true }, { type: boolean }] } } }",
        '{ Card: { type: object, x-merlon-sensitive: true, properties: { number: { type: integer } } } }',
      ),
    );
    for (const body of [
      { pin: 'hunter2' },
      { card: { number: 'hunter2' } },
      { alt: 'hunter2' },
      { unknown: 'hunter2' },
      { unknown: { deep: 'hunter2' } },
    ]) {
      const denial = check({ method: 'POST', body });
      expect(denial?.status).toBe(400);
      expect(JSON.stringify(denial)).not.toContain('hunter2');
    }
    expect(check({ method: 'POST', body: { pin: 'hunter2' } })?.reason).toMatchObject({
      claim: 'body /pin',
      actual: 'string of 7 characters',
      fixes: ['send `pin` as an integer'],
    });
  });

  it('keep names from outside short and on one line', () => {
    const denial = gate(bodyDocument('{ type: object, properties: { a: {} } }'))({
      method: 'POST',
      body: { [`x\n\`${'y'.repeat(5000)}`]: 1 },
    });
    expect(denial?.reason.code).toBe('openapi.unknown-field');
    expect(JSON.stringify(denial).length).toBeLessThan(600);
    expect(denial?.reason.message).not.toMatch(/[\n]/);
  });

  it('name an unknown field and how to do without it', () => {
    const denial = gate(bodyDocument('{ type: object, properties: { a: {} } }'))({
      method: 'POST',
      body: { role: 'admin' },
    });
    expect(denial?.reason).toEqual({
      filter: 'openapi',
      code: 'openapi.unknown-field',
      message: 'body `/role` is not declared',
      rule: 'POST /x',
      claim: 'body /role',
      clause: 'additionalProperties',
      expected: 'absent',
      actual: 'string of 5 characters',
      fixes: ['remove `role`: the operation does not declare it'],
    });
  });
});
