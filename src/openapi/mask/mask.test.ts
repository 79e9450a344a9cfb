import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ResponseMask } from '../../api/edge.ts';
import { documentOf } from '../document.suite.ts';
import { compileMask } from './mask-place.ts';
import { maskJson, nowhere } from './rewrite.ts';

const maskOf = (fields: string[], more: Partial<ResponseMask> = {}): ResponseMask => ({
  fields,
  declared: true,
  unless: [],
  keepLast: 0,
  ...more,
});

/** What `fields` leave of a JSON text. */
function masked(text: string, fields: string[], keepLast = 0, many = false): string | undefined {
  return maskJson(text, compileMask(maskOf(fields), undefined)(undefined), keepLast, many)?.text;
}

describe('masking by the manifest', () => {
  it('hides a name wherever it stands, and what lies within', () => {
    expect(masked('{"iban":"DE02","a":[{"iban":{"x":1,"iban":"y"}},{"b":"iban"}]}', ['iban'])).toBe(
      '{"iban":"***","a":[{"iban":null},{"b":"iban"}]}',
    );
  });

  it('hides a pointer, with stars for keys and indices, and nothing beside it', () => {
    const text = '{"items":[{"card":"1","id":2},{"card":3}],"card":"seen","m":{"k":{"card":true}}}';
    expect(masked(text, ['/items/*/card'])).toBe(
      '{"items":[{"card":"***","id":2},{"card":null}],"card":"seen","m":{"k":{"card":true}}}',
    );
    expect(masked(text, ['/m/*/card'])).toContain('{"k":{"card":null}}');
    expect(masked('{"a/b":"x"}', ['/a~1b'])).toBe('{"a/b":"***"}');
  });

  it('leaves every other byte as it was written', () => {
    const text = ' {"n" : 12345678901234567890.10e+2 ,\n"u":"\\u00e9\\/", "x":null,"secret" : "a\\"b" } ';
    expect(masked(text, ['secret'])).toBe(text.replace('"a\\"b"', '"***"'));
    expect(masked(text, ['other'])).toBe(text);
  });

  it.each([
    ['an escaped name', '{"sec\\u0072et":"x"}', '{"sec\\u0072et":"***"}'],
    ['a name that stands twice', '{"secret":"x","secret":"y"}', '{"secret":"***","secret":"***"}'],
    ['a name of the prototype', '{"__proto__":{"secret":"x"}}', '{"__proto__":{"secret":"***"}}'],
    ['numbers and booleans', '{"secret":-1.5e3,"a":{"secret":false}}', '{"secret":null,"a":{"secret":null}}'],
    ['null', '{"secret":null}', '{"secret":null}'],
  ])('is not fooled by %s', (_, text, expected) => {
    expect(masked(text, ['secret'])).toBe(expected);
  });

  it('keeps the end of a text where enough stays hidden', () => {
    expect(masked('{"card":"4111111111111111"}', ['card'], 4)).toBe('{"card":"***1111"}');
    expect(masked('{"card":"12345"}', ['card'], 4)).toBe('{"card":"***"}');
  });

  it('reads several values only where they are promised', () => {
    expect(masked('{"s":1}\n{"s":2}\n', ['s'], 0, true)).toBe('{"s":null}\n{"s":null}\n');
    expect(masked('{"s":1}\n{"s":2}', ['s'])).toBeUndefined();
  });

  it.each([
    '',
    '{',
    '{"a":1,}',
    '{a:1}',
    '[1 2]',
    "{'a':1}",
    '"\n"',
    '01',
    '{"a":"\\x"}',
    'nul',
    `${'['.repeat(300)}${']'.repeat(300)}`,
  ])('does not take %j for JSON', (text) => {
    expect(masked(text, ['a'])).toBeUndefined();
  });

  it('reads whatever JSON there is, changes nothing it need not, and never throws', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(maskJson(text, nowhere, 0, false)).toEqual({ text, count: 0, found: 0 });
        const hidden = masked(text, ['a', 'b', '/*']);
        expect(() => JSON.parse(hidden as string)).not.toThrow();
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        const result = maskJson(text, nowhere, 0, false);
        let isJson = true;
        try {
          JSON.parse(text);
        } catch {
          isJson = false;
        }
        expect(result !== undefined).toBe(isJson);
      }),
    );
  });
});

describe('masking by the document', () => {
  const document = documentOf(`
paths:
  /customers/{id}:
    get:
      parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
      responses:
        '200': { description: ok, content: { application/json: { schema: { $ref: '#/components/schemas/Customer' } } } }
        default: { description: no, content: { application/problem+json: { schema: { type: object, properties: { hint: { type: string, x-merlon-sensitive: true } } } } } }
components:
  schemas:
    Customer:
      allOf:
        - type: object
          properties:
            id: { type: string }
            ssn: { type: string, x-merlon-sensitive: true }
        - type: object
          properties:
            contact: { oneOf: [{ $ref: '#/components/schemas/Mail' }, { $ref: '#/components/schemas/Phone' }] }
            friends: { type: array, items: { $ref: '#/components/schemas/Customer' } }
            notes: { type: object, additionalProperties: { type: string, x-merlon-sensitive: true } }
            pin: { type: string, format: password }
    Mail: { type: object, properties: { address: { $ref: '#/components/schemas/Private' } } }
    Phone: { type: object, properties: { number: { type: string, writeOnly: true } } }
    Private: { type: string, x-merlon-sensitive: true }
`);
  const [operation] = document.operations;
  const hide = (value: unknown, mask = maskOf([]), isDeclared = true): unknown =>
    JSON.parse(
      maskJson(JSON.stringify(value), compileMask(mask, document)(isDeclared ? operation : undefined), 0, false)
        ?.text ?? '',
    );

  it('follows references, combinations, recursion and maps', () => {
    const friend = { id: '2', ssn: 's', contact: { number: '1' }, friends: [{ ssn: 't', id: '3' }] };
    expect(
      hide({ id: '1', ssn: 's', pin: 'p', contact: { address: 'a@b' }, notes: { x: 'y' }, friends: [friend] }),
    ).toEqual({
      id: '1',
      ssn: '***',
      pin: '***',
      contact: { address: '***' },
      notes: { x: '***' },
      friends: [{ id: '2', ssn: '***', contact: { number: '***' }, friends: [{ ssn: '***', id: '3' }] }],
    });
  });

  it('holds for every declared answer, and adds the fields of the manifest', () => {
    expect(hide({ hint: 'x', id: '1' }, maskOf(['/id']))).toEqual({ hint: '***', id: '***' });
  });

  it('hides by name where the operation is not declared', () => {
    expect(hide({ data: { ssn: 's', id: '1' } }, maskOf([]), false)).toEqual({ data: { ssn: '***', id: '1' } });
  });

  it('shows all of it where the mask does not ask the document', () => {
    expect(hide({ ssn: 's' }, maskOf([], { declared: false }))).toEqual({ ssn: 's' });
  });

  it('does not grow with the depth of what is answered', () => {
    let value: unknown = {};
    for (let depth = 0; depth < 90; depth++) value = { friends: [value], ssn: 's' };
    expect(JSON.stringify(hide(value)).match(/"\*\*\*"/g)).toHaveLength(90);
  });
});
