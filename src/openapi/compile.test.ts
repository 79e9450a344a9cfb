import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileOpenApi } from './compile.ts';
import { documentOf, gate } from './document.suite.ts';
import { denialCodes } from './errors.ts';

const everything = documentOf(`paths:
  /a/{id}/{list}:
    post:
      parameters:
        - { name: id, in: path, required: true, schema: { type: integer } }
        - { name: list, in: path, required: true, style: matrix, explode: true, schema: { type: array, items: { type: string, pattern: '^(a|ab)*$' } } }
        - { name: f, in: query, style: deepObject, schema: { type: object, properties: { a: { type: integer } } } }
        - { name: o, in: query, schema: { type: object, properties: { x: { type: boolean } } } }
        - { name: j, in: query, content: { application/json: { schema: { type: object, properties: { a: {} } } } } }
        - { name: x-h, in: header, schema: { type: object, properties: { a: { type: integer } } }, explode: true }
        - { name: c, in: cookie, schema: { type: integer } }
      requestBody:
        content:
          application/json: { schema: { $ref: '#/components/schemas/Node' } }
          application/x-www-form-urlencoded: { schema: { $ref: '#/components/schemas/Node' } }
          multipart/form-data: { schema: { $ref: '#/components/schemas/Node' } }
          text/*: { schema: { type: string, maxLength: 9 } }
      responses: { '200': { description: ok } }
components:
  schemas:
    Node:
      type: object
      properties: { v: { type: [integer, 'null'] }, kids: { type: array, uniqueItems: true, items: { $ref: '#/components/schemas/Node' } } }
      oneOf: [{ required: [v] }, { required: [kids] }]
`);

describe('undeclared operations', () => {
  it('are refused with 404 or 405, and pass without the protection', () => {
    const send = gate(everything);
    expect(send({ path: '/admin' })).toMatchObject({ status: 404, reason: { code: 'openapi.undeclared-operation' } });
    expect(send({ method: 'DELETE', path: '/a/1/;list=a' })).toMatchObject({ status: 405, headers: { allow: 'POST' } });
    const open = gate(everything, { weaknesses: new Set(['openapi.undeclared-operation']) });
    expect([open({ path: '/admin' }), open({ method: 'DELETE', path: '/a/1/;list=a' })]).toEqual([
      undefined,
      undefined,
    ]);
  });
});

describe('preparing an operation', () => {
  it('changes when its schemas are compiled, and nothing else', () => {
    const [operation] = everything.operations as [never];
    const prepared = compileOpenApi(everything);
    prepared.prepare(operation, 'request');
    prepared.prepare(operation, 'response');
    const fresh = compileOpenApi(everything);
    for (const body of ['{"v":1}', '{"v":"x"}', '{"w":1}', '{"kids":[{"v":1},{"v":1}]}']) {
      const bytes = Buffer.from(body);
      expect(prepared.checkBody(operation, 'application/json', bytes)).toEqual(
        fresh.checkBody(operation, 'application/json', bytes),
      );
    }
  });
});

describe('deprecated operations', () => {
  it('say so in the answer', () => {
    const document = documentOf(
      "paths: { /a: { get: { deprecated: true, x-sunset: '2027-03-31', responses: {} }, put: { deprecated: true, responses: {} }, post: { responses: {} } } }\n",
    );
    const api = compileOpenApi(document);
    expect(Object.fromEntries(document.operations.map((each) => [each.method, api.deprecationHeaders(each)]))).toEqual({
      GET: { deprecation: '@0', sunset: 'Wed, 31 Mar 2027 00:00:00 GMT' },
      PUT: { deprecation: '@0' },
      POST: undefined,
    });
  });
});

describe('hostile requests', () => {
  const token = fc.constantFrom(
    '/a/',
    '1',
    ';list=',
    'a',
    'ab',
    '%',
    '%2f',
    '%00',
    '..',
    '/',
    ';',
    '=',
    '&',
    'f[a]',
    'f[',
    'o',
    'x',
    'j',
    '{',
    '}',
    '"',
    ',',
    '__proto__',
    'constructor',
    'true',
    '+',
    '\u0000',
    'é',
    '\ud800',
  );
  const noise = fc.array(token, { maxLength: 12 }).map((parts) => parts.join(''));
  const type = fc.constantFrom(
    undefined,
    'application/json',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=a',
    'text/x; charset=iso-8859-1',
    'text/plain',
    'x',
    'a/b;c="',
  );

  it('are answered, never thrown at, with a status and a code that is declared', () => {
    const send = gate(everything);
    const codes = new Set<string>(denialCodes);
    fc.assert(
      fc.property(
        fc.oneof(
          noise,
          noise.map((text) => `/a/1/${text}`),
          fc.constant('/a/1/;list=a'),
        ),
        noise,
        noise,
        type,
        fc.oneof(noise, fc.json()),
        (path, query, header, contentType, body) => {
          const headers = {
            'x-h': header,
            cookie: header,
            ...(contentType === undefined ? {} : { 'content-type': contentType }),
          };
          const denial = send({ method: 'POST', path, query, headers, bytes: Buffer.from(body) });
          if (denial === undefined) return;
          expect([400, 404, 405, 413, 415]).toContain(denial.status);
          expect(codes.has(denial.reason.code)).toBe(true);
          expect(denial.reason.fixes?.length ?? 1).toBeGreaterThan(0);
          expect(JSON.stringify(denial).length).toBeLessThan(2000);
        },
      ),
      { numRuns: 1000 },
    );
    expect(Object.keys(Object.prototype)).toEqual([]);
  });

  it('take no more time than their size allows', () => {
    const send = gate(everything, { maxValues: 200_000 });
    const start = performance.now();
    const post = (body: string, contentType = 'application/json') =>
      send({
        method: 'POST',
        path: '/a/1/;list=a',
        headers: { 'content-type': contentType },
        bytes: Buffer.from(body),
      });
    expect(post('['.repeat(1_000_000))?.reason.code).toBe('openapi.too-deep');
    expect(post(`{"kids":[${'{"kids":['.repeat(30)}${']}'.repeat(30)}]}`)).toBeUndefined();
    post(`{${Array.from({ length: 90_000 }, (_, index) => `"k${index}":1`).join()}}`);
    post(`[${'{},'.repeat(190_000)}{}]`);
    post('a'.repeat(1_000_000), 'text/plain');
    post('a=1&'.repeat(250_000), 'application/x-www-form-urlencoded');
    post('--a\r\n'.repeat(200_000), 'multipart/form-data; boundary=a');
    send({ method: 'POST', path: `/a/1/${';list=a'.repeat(50_000)}` });
    send({ method: 'POST', path: `/a/1/;list=${'a'.repeat(200_000)}!` });
    send({
      method: 'POST',
      path: '/a/1/;list=a',
      headers: { cookie: 'a=1;'.repeat(100_000), 'x-h': 'a=1,'.repeat(100_000) },
    });
    expect(performance.now() - start).toBeLessThan(4000);
  });
});
