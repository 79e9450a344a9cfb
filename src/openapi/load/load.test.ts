import { describe, expect, it } from 'vitest';
import { documentOf, loadFiles, problemsOf } from '../document.suite.ts';
import { OpenApiError } from '../errors.ts';

const head = "openapi: 3.1.0\ninfo: { title: t, version: '1' }\n";
const ok = "responses: { '200': { description: ok } }";
const codes = (text: string) => problemsOf(() => loadFiles({ 'api.yaml': text })).map(({ code }) => code);
const pathsProblems = (paths: string) => codes(`${head}paths:\n${paths}`);

describe('loading a document', () => {
  it('gives every operation with its parameters, security and classes', () => {
    const document = loadFiles({
      'api.yaml': `${head}
servers: [{ url: 'https://api.example/{v}/', variables: { v: { default: v2 } } }]
x-merlon-data: [pii]
security: [{ oauth: [orders:read] }]
components:
  securitySchemes:
    oauth: { type: oauth2, flows: {} }
    key: { type: apiKey, in: query, name: api_key }
paths:
  /orders/{id}:
    parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
    get:
      operationId: getOrder
      deprecated: true
      x-sunset: '2027-01-01'
      parameters: [{ name: id, in: path, required: true, schema: { type: integer } }, { name: X-Trace, in: header, schema: {} }]
      ${ok}
    delete:
      security: [{ key: [] }, {}]
      x-merlon-data: [payment]
      ${ok}
`,
    });
    expect(document.basePaths).toEqual(['/v2']);
    const [get, remove] = document.operations;
    expect(get).toMatchObject({
      id: 'getOrder',
      method: 'GET',
      template: '/orders/{id}',
      deprecated: true,
      sunset: '2027-01-01',
      security: [{ schemes: ['oauth'], scopes: ['orders:read'] }],
      dataClasses: ['pii'],
    });
    expect(get?.parameters).toMatchObject([
      { name: 'id', schema: { type: 'integer' }, style: 'simple', explode: false, required: true },
      { name: 'x-trace', in: 'header', required: false },
    ]);
    expect(remove).toMatchObject({
      id: 'DELETE /orders/{id}',
      dataClasses: ['pii', 'payment'],
      credentials: [{ in: 'query', name: 'api_key' }],
    });
    expect(remove?.security).toEqual([
      { schemes: ['key'], scopes: [] },
      { schemes: [], scopes: [] },
    ]);
  });

  it('takes JSON as well as YAML', () => {
    const text = JSON.stringify({ openapi: '3.0.3', info: { title: 't', version: '1' }, paths: {} });
    expect(loadFiles({ 'api.json': text }).operations).toEqual([]);
  });

  it('reports every problem at once, each with its line and column', () => {
    const problems = problemsOf(() =>
      loadFiles({
        'api.yaml': `${head}paths:
  /a/{id}:
    get:
      parameters:
        - { name: q, in: body, schema: {} }
      ${ok}
    post:
      requestBody:
        content: { application/json: { schema: { type: strng } } }
      ${ok}
`,
      }),
    );
    expect(problems.map(({ code, at }) => [code, at])).toEqual([
      ['openapi.parameter', 'api.yaml:7:22'],
      ['openapi.path-parameter', 'api.yaml:5:5'],
      ['openapi.path-parameter', 'api.yaml:9:5'],
      ['openapi.schema', 'api.yaml:11:50'],
    ]);
  });

  it('says where in a JSON file, too', () => {
    const text = `{"openapi": "3.1.0",\n "info": {"title": "t", "version": "1"},\n "paths": {"/a": {"get": {"parameters": [\n  {"name": "x", "in": "query"}\n ]}}}}`;
    expect(problemsOf(() => loadFiles({ 'a.json': text })).map(({ at }) => at)).toEqual(['a.json:4:3']);
  });

  it('refuses a key that stands twice in JSON, too, and says where', () => {
    const text = `{ "openapi": "3.1.0", "info": { "title": "t", "version": "1" },\n  "paths": {},\n  "paths": {} }`;
    expect(problemsOf(() => loadFiles({ 'a.json': text }))).toMatchObject([
      { code: 'openapi.syntax', at: 'a.json:3:3' },
    ]);
    expect(problemsOf(() => loadFiles({ 'a.json': '{ "openapi": "3.1.0",\n x }' }))).toMatchObject([
      { code: 'openapi.syntax', at: 'a.json:2:2' },
    ]);
    expect(loadFiles({ 'a.yaml': "{ openapi: 3.1.0, info: { title: t, version: '1' } }" }).operations).toEqual([]);
  });

  it('reports faults of syntax with their place', () => {
    const [problem] = problemsOf(() => loadFiles({ 'api.yaml': `${head}paths:\n  /a: {\n` }));
    expect(problem).toMatchObject({ code: 'openapi.syntax', at: expect.stringMatching(/^api\.yaml:\d+:\d+$/) });
    expect(codes(`${head}paths: {}\npaths: {}\n`)).toEqual(['openapi.syntax']);
  });

  it.each([
    ['another version', 'swagger: "2.0"\n', 'openapi.version'],
    ['a future version', "openapi: 4.0.0\ninfo: { title: t, version: '1' }\n", 'openapi.version'],
    ['no object', '[]', 'openapi.shape'],
    ['no title', 'openapi: 3.1.0\ninfo: {}\n', 'openapi.shape'],
    ['a foreign dialect', `${head}jsonSchemaDialect: https://json-schema.org/draft-04/schema\n`, 'openapi.unsupported'],
  ])('refuses %s', (_what, text, code) => {
    expect(codes(text)).toEqual([code]);
  });

  it.each([
    ['a path without a slash', `  a: { get: { ${ok} } }`, 'openapi.path-template'],
    ['a brace left open', `  '/a/{b': { get: { ${ok} } }`, 'openapi.path-template'],
    ['parameters without text between them', `  '/{a}{b}': { get: { ${ok} } }`, 'openapi.path-template'],
    [
      'two templates that match the same',
      `  '/a/{b}': { get: { parameters: [{ $ref: '#/components/parameters/b' }], ${ok} } }\n  '/a/{c}': { get: { parameters: [{ $ref: '#/components/parameters/c' }], ${ok} } }\ncomponents: { parameters: { b: { name: b, in: path, required: true, schema: {} }, c: { name: c, in: path, required: true, schema: {} } } }`,
      'openapi.path-conflict',
    ],
    [
      'one operationId twice',
      `  /a: { get: { operationId: x, ${ok} }, put: { operationId: x, ${ok} } }`,
      'openapi.duplicate-operation-id',
    ],
    [
      'a path parameter that no path has',
      `  /a: { get: { parameters: [{ name: b, in: path, required: true, schema: {} }], ${ok} } }`,
      'openapi.path-parameter',
    ],
    [
      'an optional path parameter',
      `  '/{b}': { get: { parameters: [{ name: b, in: path, schema: {} }], ${ok} } }`,
      'openapi.path-parameter',
    ],
    [
      'a parameter twice',
      `  /a: { get: { parameters: [{ name: b, in: query, schema: {} }, { name: b, in: query, schema: {} }], ${ok} } }`,
      'openapi.duplicate-parameter',
    ],
    [
      'a parameter without a schema',
      `  /a: { get: { parameters: [{ name: b, in: query }], ${ok} } }`,
      'openapi.parameter',
    ],
    [
      'a parameter of two media types',
      `  /a: { get: { parameters: [{ name: b, in: query, content: { a/b: {}, a/c: {} } }], ${ok} } }`,
      'openapi.parameter',
    ],
    [
      'a style of another place',
      `  /a: { get: { parameters: [{ name: b, in: query, style: matrix, schema: {} }], ${ok} } }`,
      'openapi.style',
    ],
    ['an undeclared security scheme', `  /a: { get: { security: [{ x: [] }], ${ok} } }`, 'openapi.security'],
    ['a status that is none', "  /a: { get: { responses: { '20': { description: x } } } }", 'openapi.shape'],
    [
      'a dead reference',
      `  /a: { get: { parameters: [{ $ref: '#/components/parameters/none' }], ${ok} } }`,
      'openapi.unresolved-ref',
    ],
    ['a reference to the network', "  /a: { $ref: 'https://evil.example/a.yaml' }", 'openapi.foreign-ref'],
    ['a reference to an absolute path', "  /a: { $ref: '/etc/passwd' }", 'openapi.foreign-ref'],
    ['a reference out of the folder', "  /a: { $ref: '../../etc/passwd' }", 'openapi.foreign-ref'],
    ['an encoded way out of the folder', "  /a: { $ref: '%2e%2e/secret.yaml' }", 'openapi.foreign-ref'],
    ['references in a circle', "  /a: { $ref: '#/paths/~1b' }\n  /b: { $ref: '#/paths/~1a' }", 'openapi.ref-cycle'],
  ])('refuses %s', (_what, paths, code) => {
    expect(pathsProblems(paths)).toContain(code);
  });

  it.each([
    ['a keyword of the wrong kind', '{ maxLength: -1 }'],
    ['a required that is no list', '{ required: true }'],
    ['a field called __proto__', '{ properties: { __proto__: {} } }'],
    ['a schema that is a text', 'text'],
  ])('refuses a schema with %s', (_what, schema) => {
    expect(codes(`${head}components: { schemas: { A: ${schema} } }\n`)).toEqual(['openapi.schema']);
  });

  it.each(['$dynamicRef: "#a"', '$id: x', 'dependencies: {}'])('refuses what it cannot honour: %s', (keyword) => {
    expect(codes(`${head}components: { schemas: { A: { ${keyword} } } }\n`)).toEqual(['openapi.unsupported']);
  });

  it('refuses a schema that applies itself without end', () => {
    const schemas =
      "A: { allOf: [{ $ref: '#/components/schemas/B' }] }, B: { anyOf: [{ $ref: '#/components/schemas/A' }] }";
    expect(codes(`${head}components: { schemas: { ${schemas} } }\n`)).toEqual(['openapi.ref-cycle']);
  });

  it('refuses a schema nested without end by aliases', () => {
    const bomb = [
      'a0: &a0 [x, x]',
      ...Array.from({ length: 30 }, (_, index) => `a${index + 1}: &a${index + 1} [*a${index}, *a${index}]`),
    ].join('\n');
    expect(codes(`${head}${bomb}\n`)).toEqual(['openapi.syntax']);
  });

  it('follows references across files and names what it cannot read', () => {
    const files = {
      'api/main.yaml': `${head}paths: { /a: { $ref: 'paths/a.yaml' } }\n`,
      'api/paths/a.yaml': `post: { requestBody: { content: { application/json: { schema: { $ref: '../schemas.yaml#/Order' } } } }, ${ok} }\n`,
      'api/schemas.yaml':
        "Order: { type: object, properties: { next: { $ref: '#/Order' }, item: { $ref: 'item.json' } } }\n",
      'api/item.json': '{ "type": "string" }',
    };
    const document = loadFiles(files);
    expect(document.operations[0]?.body?.content[0]?.schema).toEqual({ $ref: 'Order' });
    expect(document.schemas).toEqual({
      Order: { type: 'object', properties: { next: { $ref: 'Order' }, item: { $ref: 'item' } } },
      item: { type: 'string' },
    });
    const { 'api/item.json': _gone, ...rest } = files;
    expect(problemsOf(() => loadFiles(rest))).toMatchObject([
      { code: 'openapi.unresolved-ref', at: 'api/schemas.yaml:1:73' },
    ]);
  });

  it('reads beyond the folder of the document only within a root that was given', () => {
    const files = {
      'a/api.yaml': `${head}paths: { /a: { $ref: '../shared/a.yaml' } }\n`,
      'shared/a.yaml': `get: { ${ok} }\n`,
    };
    expect(problemsOf(() => loadFiles(files)).map(({ code }) => code)).toEqual(['openapi.foreign-ref']);
    expect(loadFiles(files, '.').operations).toHaveLength(1);
  });

  it('keeps two schemas of one name apart', () => {
    const document = loadFiles({
      'api.yaml': `${head}paths: { /a: { post: { requestBody: { content: { a/b: { schema: { $ref: 'x.yaml#/A' } }, a/c: { schema: { $ref: '#/components/schemas/A' } } } }, ${ok} } } }\ncomponents: { schemas: { A: { type: string } } }\n`,
      'x.yaml': 'A: { type: integer }\n',
    });
    const kinds = document.operations[0]?.body?.content.map(
      ({ schema }) => document.schemas[(schema as { $ref: string }).$ref],
    );
    expect(kinds).toEqual([{ type: 'integer' }, { type: 'string' }]);
  });

  it('says 3.0 in the words of 3.1', () => {
    const schemas = `{ A: { type: string, nullable: true, enum: [x] }, B: { type: integer, minimum: 1, exclusiveMinimum: true }, C: { nullable: true, allOf: [{ $ref: '#/components/schemas/A' }] }, D: { $ref: '#/components/schemas/A', maxLength: 1 } }`;
    const names = ['A', 'B', 'C', 'D'].map(
      (name) => `{ name: ${name}, in: query, schema: { $ref: '#/components/schemas/${name}' } }`,
    );
    const document = documentOf(
      `paths: { /a: { get: { parameters: [${names}], ${ok} } } }\ncomponents: { schemas: ${schemas} }\n`,
      '3.0.3',
    );
    expect(document.schemas).toEqual({
      A: { type: ['string', 'null'], enum: ['x', null] },
      B: { type: 'integer', exclusiveMinimum: 1 },
      C: { anyOf: [{ allOf: [{ $ref: 'A' }] }, { type: 'null' }] },
      D: { $ref: 'A' },
    });
  });

  it('warns of keys that mean nothing and of bodies that may hold anything', () => {
    const document = documentOf(
      `paths: { /a: { post: { sumary: x, requestBody: { content: { application/json: { schema: { type: object } } } }, ${ok} } } }\n`,
    );
    expect(document.warnings.map(({ code }) => code).sort()).toEqual(['openapi.free-form', 'openapi.unknown-key']);
  });

  it('throws an error whose sentence names the first problem', () => {
    expect(() => loadFiles({ 'api.yaml': 'openapi: 9\n' })).toThrow(OpenApiError);
    expect(() => loadFiles({ 'api.yaml': 'openapi: 9\n' })).toThrow(/`api.yaml` has 1 problem: api.yaml:1:1: /);
  });
});
