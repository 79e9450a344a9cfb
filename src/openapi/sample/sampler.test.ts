import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OpenApiDocument } from '../../api/openapi.ts';
import { bodyDocument, documentOf, gate, loadFiles, parameterDocument } from '../document.suite.ts';
import type { SampleRequest } from './request.ts';
import { createSampler } from './sampler.ts';

/** A sender of sample requests, and the sampler. */
function sampled(document: OpenApiDocument) {
  const send = gate(document);
  return {
    sampler: createSampler(document),
    send: ({ method, path, query, headers, body }: SampleRequest) =>
      send({ method, path, query, headers, bytes: Buffer.from(body ?? '') })?.reason.code,
  };
}

const shop = loadFiles({
  'shop.yaml': `openapi: 3.0.3
info: { title: shop, version: '1' }
servers: [{ url: /api }]
paths:
  /orders:
    get:
      parameters:
        - { name: page, in: query, required: true, schema: { type: integer, minimum: 1, maximum: 100 } }
        - { name: state, in: query, schema: { type: string, enum: [open, paid] } }
        - { name: ids, in: query, required: true, style: pipeDelimited, explode: false, schema: { type: array, minItems: 2, uniqueItems: true, items: { type: string } } }
        - { name: filter, in: query, required: true, style: deepObject, schema: { type: object, required: [from], properties: { from: { type: string, format: date } } } }
        - { name: X-Request, in: header, required: true, schema: { type: string, pattern: '^[a-f0-9]{8}-x$' } }
        - { name: session, in: cookie, required: true, schema: { type: string, minLength: 3 } }
      responses: { '200': { description: ok } }
    post:
      requestBody:
        required: true
        content: { application/json: { schema: { $ref: '#/components/schemas/NewOrder' } } }
      responses: { '201': { description: ok } }
  /orders/{id}/{kind}.{ext}:
    put:
      parameters:
        - { name: id, in: path, required: true, schema: { type: string, format: uuid } }
        - { name: kind, in: path, required: true, schema: { type: string, enum: [bill, note] } }
        - { name: ext, in: path, required: true, style: label, schema: { type: integer } }
      requestBody: { required: true, content: { application/x-www-form-urlencoded: { schema: { type: object, required: [a, b], properties: { a: { type: string }, b: { type: array, minItems: 2, items: { type: integer } } } } } } }
      responses: { '200': { description: ok } }
    post:
      parameters:
        - { name: id, in: path, required: true, schema: { type: string } }
        - { name: kind, in: path, required: true, schema: { type: string } }
        - { name: ext, in: path, required: true, schema: { type: string } }
      requestBody: { required: true, content: { multipart/form-data: { schema: { type: object, required: [file, meta], properties: { file: { type: string, format: binary }, meta: { type: object, required: [x], properties: { x: { type: integer } } } } } } } }
      responses: { '200': { description: ok } }
components:
  schemas:
    NewOrder:
      allOf:
        - { $ref: '#/components/schemas/Base' }
        - type: object
          required: [lines, pay, at]
          properties:
            lines: { type: array, minItems: 1, items: { type: object, required: [sku, qty], properties: { sku: { type: string, minLength: 2, maxLength: 8 }, qty: { type: integer, exclusiveMinimum: true, minimum: 0 } } } }
            pay: { oneOf: [{ $ref: '#/components/schemas/Card' }, { $ref: '#/components/schemas/Cash' }], discriminator: { propertyName: how } }
            at: { type: string, format: date-time }
            note: { type: string, maxLength: 20 }
    Base: { type: object, required: [id, customer], properties: { id: { type: integer, readOnly: true }, customer: { type: string, format: email } } }
    Card: { type: object, required: [how, number], properties: { how: { type: string }, number: { type: string, pattern: '^\\d{16}$' } } }
    Cash: { type: object, required: [how], properties: { how: { type: string } } }
`,
});

describe('sample requests', () => {
  const { sampler, send } = sampled(shop);

  it.each(shop.operations.map((operation) => [operation.id, operation] as const))(
    '%s passes its own checks, and each mutation fails as foretold',
    (_id, operation) => {
      const request = sampler.sampleRequest(operation);
      expect(request && send(request)).toBeUndefined();
      expect(request?.path).toMatch(/^\/api\/orders/);
      const mutations = sampler.mutations(operation);
      expect(mutations.length).toBeGreaterThanOrEqual(4);
      expect(mutations.map(({ label, request: wrong }) => [label, send(wrong)])).toEqual(
        mutations.map(({ label, expected }) => [label, expected]),
      );
    },
  );

  it('are always the same', () => {
    const again = createSampler(shop);
    for (const operation of shop.operations) expect(again.mutations(operation)).toEqual(sampler.mutations(operation));
  });

  it('mutate each field of a body', () => {
    const post = shop.operations.find(({ id }) => id === 'POST /orders') as (typeof shop.operations)[0];
    expect(sampler.mutations(post).map(({ label }) => label)).toEqual(
      expect.arrayContaining([
        'body /merlon-undeclared undeclared',
        'body /customer missing',
        'body /note too long',
        'body malformed',
        'body of another media type',
      ]),
    );
  });

  it('get through a gateway whose protections are off', () => {
    const open = gate(shop, {
      weaknesses: new Set([
        'openapi.body',
        'openapi.parameters',
        'openapi.undeclared-operation',
        'openapi.unknown-fields',
      ]),
    });
    for (const operation of shop.operations) {
      for (const { request } of sampler.mutations(operation))
        expect(open({ ...request, bytes: Buffer.from(request.body ?? '') })).toBeUndefined();
    }
  });

  it('prefer an example that is valid', () => {
    const { sampler: other } = sampled(
      documentOf(
        'paths: { /x: { post: { requestBody: { required: true, content: { application/json: { schema: { type: object, properties: { a: { type: integer } } }, example: { a: 42 } } } }, responses: {} } } }\n',
      ),
    );
    expect(other.sampleRequest(shop.operations[0] as never)).toBeDefined();
    const document = documentOf(
      'paths: { /x: { post: { requestBody: { required: true, content: { application/json: { schema: { type: object, properties: { a: { type: integer } } }, example: { a: 42 } } } }, responses: {} } } }\n',
    );
    expect(createSampler(document).sampleRequest(document.operations[0] as never)?.body).toBe('{"a":42}');
  });

  it('are none where the schema cannot be met', () => {
    const document = bodyDocument('{ allOf: [{ type: string }, { type: integer }] }');
    expect(createSampler(document).sampleRequest(document.operations[0] as never)).toBeUndefined();
    expect(createSampler(document).mutations(document.operations[0] as never)).toEqual([]);
  });

  const leaf = fc.constantFrom<object>(
    { type: 'integer', minimum: 3, maximum: 9 },
    { type: 'integer', multipleOf: 7, minimum: 8 },
    { type: 'number', exclusiveMinimum: 0, maximum: 1 },
    { type: 'string', minLength: 3, maxLength: 5 },
    { type: 'string', format: 'ipv6' },
    { type: 'string', pattern: '^[A-Z]{2}\\d+$', minLength: 6 },
    { enum: ['x', 2] },
    { type: 'boolean' },
    { type: ['string', 'null'] },
    { const: [1] },
    { type: 'string', format: 'uri' },
  );
  const { schema } = fc.letrec<{ schema: object }>((tie) => ({
    schema: fc.oneof(
      { maxDepth: 3 },
      leaf,
      fc
        .tuple(tie('schema'), tie('schema'))
        .map(([a, b]) => ({ type: 'object', required: ['a'], properties: { a, b } })),
      tie('schema').map((items) => ({ type: 'array', minItems: 1, items })),
      fc.tuple(tie('schema'), tie('schema')).map((anyOf) => ({ anyOf })),
      tie('schema').map((a) => ({ allOf: [{ type: 'object', properties: { a } }, { required: ['a'] }] })),
    ),
  }));

  it('are made up for any schema', () => {
    fc.assert(
      fc.property(schema, (each) => {
        const { sampler: one, send: sendOne } = sampled(bodyDocument(JSON.stringify(each)));
        const document = bodyDocument(JSON.stringify(each));
        const request = one.sampleRequest(document.operations[0] as never);
        expect([each, request && sendOne(request)]).toEqual([each, undefined]);
        expect(request).toBeDefined();
        for (const mutation of one.mutations(document.operations[0] as never))
          expect([each, mutation.label, sendOne(mutation.request)]).not.toEqual([each, mutation.label, undefined]);
      }),
      { numRuns: 150 },
    );
  });

  it('are made up for parameters of any style', () => {
    for (const [style, location] of [
      ['matrix', 'path'],
      ['label', 'path'],
      ['simple', 'path'],
      ['form', 'query'],
      ['spaceDelimited', 'query'],
      ['pipeDelimited', 'query'],
    ] as const) {
      for (const explode of [true, false]) {
        for (const type of [
          '{ type: integer }',
          '{ type: array, minItems: 2, items: { type: integer } }',
          '{ type: object, required: [a], properties: { a: { type: integer } } }',
        ]) {
          // Of these two styles only lists are defined (OpenAPI 3.1.1, section 4.8.12.3).
          if (style.endsWith('Delimited') && explode && type.includes('object')) continue;
          const document = parameterDocument(
            `{ name: v, in: ${location}, required: true, style: ${style}, explode: ${explode}, schema: ${type} }`,
            location === 'path' ? "'/x/{v}'" : '/x',
          );
          const { sampler: one, send: sendOne } = sampled(document);
          const request = one.sampleRequest(document.operations[0] as never);
          expect([style, explode, type, request, request && sendOne(request)]).toEqual([
            style,
            explode,
            type,
            request,
            undefined,
          ]);
        }
      }
    }
  });
});
