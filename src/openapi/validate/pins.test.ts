import { describe, expect, it } from 'vitest';
import type { OpenApiDocument } from '../../api/openapi.ts';
import { compileOpenApi } from '../compile.ts';
import type { OpenApiOptions } from '../config.ts';
import { bodyDocument, parameterDocument } from '../document.suite.ts';

function pinsOf(document: OpenApiDocument, options?: OpenApiOptions) {
  const pins = compileOpenApi(document, options).schemaPins(document.operations[0] as (typeof document.operations)[0]);
  return pins.map((pin) => `${pin.in} ${pin.name}: ${pin.kind}`);
}

describe('pins', () => {
  it('name the parameters that leave no room', () => {
    const schemas = [
      '{ type: integer }',
      '{ type: string }',
      '{ type: string, format: uuid }',
      '{ enum: [a, b] }',
      '{ type: [boolean, "null"] }',
      '{ type: string, pattern: "^[a-z0-9-]{1,20}$" }',
      '{ type: string, pattern: "[a-z]" }',
      '{ type: array, items: { type: number } }',
      '{ format: uuid }',
      '{}',
      '{ anyOf: [{ type: integer }, { type: string }] }',
      '{ type: string, format: email }',
    ];
    const document = parameterDocument(
      schemas.map((schema, index) => `{ name: p${index}, in: query, schema: ${schema} }`).join(', '),
    );
    expect(pinsOf(document)).toEqual([
      'query p0: integer',
      'query p2: uuid',
      'query p3: enum',
      'query p4: boolean',
      'query p5: pattern',
      'query p7: number',
    ]);
  });

  it('name the fields of a body, whatever combines them', () => {
    const document = bodyDocument(
      "{ allOf: [{ $ref: '#/components/schemas/A' }, { type: object, properties: { note: { type: string }, 'a/b': { type: string, format: date } } }] }",
      '{ A: { type: object, properties: { id: { type: integer }, lines: { type: array, items: { type: object, properties: { sku: { enum: [x] }, memo: { type: string } } } } } } }',
    );
    expect(pinsOf(document).sort()).toEqual(['body /a~1b: date', 'body /id: integer', 'body /lines/*/sku: enum']);
  });

  it('name a field of alternatives only where each of them pins it', () => {
    const document = bodyDocument(
      '{ oneOf: [{ type: object, properties: { a: { type: integer }, b: { type: integer } } }, { type: object, properties: { a: { type: number }, b: { type: string } } }] }',
    );
    expect(pinsOf(document)).toEqual(['body /a: integer']);
  });

  it('are none where nothing is checked', () => {
    expect(
      pinsOf(parameterDocument('{ name: a, in: query, schema: { type: integer } }'), {
        weaknesses: new Set(['openapi.parameters']),
      }),
    ).toEqual([]);
    expect(
      pinsOf(bodyDocument('{ type: object, properties: { a: { type: integer } } }'), {
        weaknesses: new Set(['openapi.body']),
      }),
    ).toEqual([]);
  });

  it('end in schemas without end', () => {
    const document = bodyDocument(
      "{ $ref: '#/components/schemas/N' }",
      "{ N: { type: object, properties: { v: { type: integer }, a: { $ref: '#/components/schemas/N' }, b: { $ref: '#/components/schemas/N' } } } }",
    );
    const start = performance.now();
    expect(pinsOf(document).length).toBeLessThanOrEqual(2000);
    expect(performance.now() - start).toBeLessThan(2000);
  });
});
