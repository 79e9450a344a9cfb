import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileOpenApi } from '../compile.ts';
import { loadFiles, problemsOf } from '../document.suite.ts';
import { createSampler } from '../sample/sampler.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const document: Json = {
  openapi: '3.1.0',
  info: { title: 't', version: '1' },
  servers: [{ url: '/v{n}', variables: { n: { default: '1' } } }],
  security: [{ key: [] }],
  paths: {
    '/a/{id}': {
      parameters: [
        { name: 'id', in: 'path', required: true, schema: { type: 'integer', minimum: 1, format: 'int32' } },
      ],
      post: {
        operationId: 'make',
        deprecated: true,
        'x-sunset': '2027-01-01',
        'x-merlon-data': ['pii'],
        parameters: [
          {
            name: 'f',
            in: 'query',
            style: 'deepObject',
            schema: {
              type: 'object',
              properties: { a: { type: 'array', items: { type: 'string', pattern: '^(a|ab)*$' } } },
            },
          },
        ],
        requestBody: {
          required: true,
          content: {
            'application/json': { schema: { $ref: '#/components/schemas/Node' } },
            'multipart/form-data': {
              schema: { type: 'object', properties: { x: { type: 'string' } } },
              encoding: { x: { contentType: 'text/plain' } },
            },
          },
        },
        responses: {
          '200': {
            description: 'ok',
            headers: { 'X-A': { schema: { type: 'integer' } } },
            content: {
              'application/json': { schema: { oneOf: [{ $ref: '#/components/schemas/Node' }, { type: 'null' }] } },
            },
          },
        },
      },
    },
  },
  components: {
    securitySchemes: { key: { type: 'apiKey', in: 'query', name: 'k' } },
    schemas: {
      Node: {
        allOf: [{ $ref: '#/components/schemas/Base' }],
        properties: { next: { $ref: '#/components/schemas/Node' }, n: { enum: [1, 'a'] } },
        required: ['kind'],
      },
      Base: {
        type: 'object',
        discriminator: { propertyName: 'kind', mapping: { n: 'Node' } },
        properties: { kind: { type: 'string', maxLength: 5 }, id: { type: 'integer', readOnly: true } },
        if: { required: ['id'] },
        dependentRequired: { id: ['kind'] },
      },
    },
  },
};

/** Every place in a document, as the way to it. */
function placesOf(value: Json, way: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [way];
  return [way, ...Object.entries(value).flatMap(([key, inner]) => placesOf(inner as Json, [...way, key]))];
}

function replaced(value: Json, [key, ...rest]: readonly string[], by: Json): Json {
  if (key === undefined) return by;
  if (Array.isArray(value))
    return value.map((item, index) => (String(index) === key ? replaced(item, rest, by) : item));
  return {
    ...(value as Record<string, Json>),
    [key]: replaced((value as Record<string, Json>)[key] as Json, rest, by),
  };
}

const places = placesOf(document);
const odd = fc.oneof(
  fc.constantFrom<Json>(
    null,
    true,
    false,
    0,
    -1,
    1.5,
    1e308,
    '',
    'x',
    [],
    {},
    [[]],
    [null],
    { $ref: '#/components/schemas/Node' },
    { $ref: '#/nowhere' },
    { $ref: 7 },
    ['string'],
    'object',
    '^(?=a)b',
    '(((',
    { type: 'object', properties: { constructor: { type: 'integer' } } },
    [{ not: {} }],
    '2027-99-99',
    '__proto__',
    { 'a"b`${1}\\': { minimum: 1 } },
    { type: 'string', pattern: '\'"`;process.exit()\\n' },
  ),
  fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<Json>,
);
const mutated = fc
  .array(fc.tuple(fc.nat({ max: places.length - 1 }), odd), { minLength: 1, maxLength: 3 })
  .map((changes) =>
    changes.reduce<Json>((result, [index, by]) => {
      const way = places[index] as readonly string[];
      const exists =
        way.reduce<Json | undefined>(
          (at, key) =>
            typeof at === 'object' && at !== null && Object.hasOwn(at, key)
              ? (at as Record<string, Json>)[key]
              : undefined,
          result,
        ) !== undefined;
      return exists && way.length > 0 ? replaced(result, way, by) : result;
    }, document),
  );

describe('a document that is wrong anywhere', () => {
  it('is fine as it stands', () => {
    expect(problemsOf(() => loadFiles({ 'api.json': JSON.stringify(document) }))).toEqual([]);
  });

  it('is refused with its problems, or loads, compiles and is enforced', () => {
    let loaded = 0;
    fc.assert(
      fc.property(mutated, fc.constantFrom('3.1.0', '3.0.3'), (each, version) => {
        const text = JSON.stringify({ ...(each as object), openapi: version });
        const problems = problemsOf(() => {
          const result = loadFiles({ 'api.json': text });
          loaded++;
          const api = compileOpenApi(result);
          const sampler = createSampler(result);
          for (const operation of result.operations) {
            api.prepare(operation, 'request');
            api.prepare(operation, 'response');
            api.schemaPins(operation);
            api.maxBodyBytes(operation);
            api.checkBody(operation, 'application/json', Buffer.from('{"kind":"n","next":{"kind":"n","id":1}}'));
            api.checkParameters(operation, { rawParams: ['1'], query: 'f[a]=a&k=1', header: () => 'x', cookie: 'a=b' });
            sampler.mutations(operation);
          }
        });
        for (const { at, code } of problems)
          expect([code.startsWith('openapi.'), /^api\.json:\d+:\d+$/.test(at)]).toEqual([true, true]);
      }),
      { numRuns: 400 },
    );
    expect(loaded).toBeGreaterThan(30);
  });
});
