// What a document says, held against requests over real sockets: what passes arrives as it was sent, what does not never arrives.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startTestGateway, type TestGateway } from '../../test/fakes/gateway.ts';
import { loadFiles } from '../openapi/document.suite.ts';

const document = loadFiles(
  {
    '/api/api.yaml': `
openapi: 3.1.0
info: { title: t, version: '1' }
paths:
  /orders:
    get:
      parameters:
        - { name: ids, in: query, style: form, explode: false, schema: { type: array, maxItems: 3, items: { type: integer } } }
        - { name: tag, in: query, style: form, explode: true, schema: { type: array, items: { type: string, maxLength: 5 } } }
        - { name: where, in: query, style: deepObject, explode: true, schema: { type: object, properties: { min: { type: integer }, max: { type: integer } } } }
        - { name: pipe, in: query, style: pipeDelimited, explode: false, schema: { type: array, items: { type: integer } } }
        - { name: session, in: cookie, schema: { type: string, pattern: '^[a-f0-9]{8}$' } }
        - { name: X-Tenant, in: header, schema: { type: string, enum: [a, b] } }
      responses: { '200': { description: ok } }
    post:
      requestBody:
        required: true
        content:
          application/json: { schema: { $ref: 'schemas/order.yaml#/Order' } }
          application/x-www-form-urlencoded: { schema: { type: object, properties: { qty: { type: integer } } } }
          multipart/form-data:
            schema: { type: object, required: [title], properties: { title: { type: string, maxLength: 10 }, file: { type: string, format: binary } } }
      responses: { '201': { description: made } }
  /shapes:
    post:
      requestBody:
        required: true
        content:
          application/json:
            schema:
              type: object
              properties:
                list: { type: array, prefixItems: [{ type: integer }], unevaluatedItems: false }
              allOf:
                - { type: object, properties: { kind: { type: string, maxLength: 9 } } }
                - { if: { properties: { kind: { const: disc } }, required: [kind] }, then: { properties: { radius: { type: integer } } } }
              unevaluatedProperties: false
      responses: { '201': { description: made } }
  /labels/{at}:
    get:
      parameters: [{ name: at, in: path, required: true, style: label, explode: true, schema: { type: array, maxItems: 3, items: { type: integer } } }]
      responses: { '200': { description: ok } }
  /points/{at}:
    get:
      parameters: [{ name: at, in: path, required: true, style: matrix, explode: true, schema: { type: object, properties: { x: { type: integer }, y: { type: integer } } } }]
      responses: { '200': { description: ok } }
`,
    '/api/schemas/order.yaml': `
Order: { type: object, required: [qty], properties: { qty: { type: integer, minimum: 1 }, note: { $ref: 'note.yaml' } } }
`,
    '/api/schemas/note.yaml': '{ type: string, maxLength: 20 }',
  },
  '/api',
);

let gateway: TestGateway;
let open: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway({ document, route: { bodyBytes: 100_000 } });
  const weaknesses = new Set(['openapi.unknown-fields', 'openapi.parameters', 'openapi.body'] as const);
  open = await startTestGateway({ document, weaknesses, route: { bodyBytes: 100_000 } });
});
afterAll(async () => {
  await gateway.stop();
  await open.stop();
});

const json = { 'content-type': 'application/json' };
const form = { 'content-type': 'application/x-www-form-urlencoded' };
const parts = { 'content-type': 'multipart/form-data; boundary=b' };
const part = (name: string, value: string): string =>
  `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

const post = (headers: Record<string, string>, body: string): Sent => ({ method: 'POST', headers, body });

describe('what is as declared passes', () => {
  test.each<[string, string, Sent?]>([
    ['a list in one parameter', '/orders?ids=1,2,3'],
    ['a list in many', '/orders?tag=a&tag=b'],
    ['an object', '/orders?where[min]=1&where[max]=2'],
    ['a list between bars', '/orders?pipe=1%7C2'],
    ['a cookie', '/orders', { headers: { cookie: 'session=0011aabb' } }],
    ['a header', '/orders', { headers: { 'x-tenant': 'b' } }],
    ['an object in the path', '/points/;x=1;y=2'],
    ['a list of labels in the path', '/labels/.1.2'],
    ['what a branch of the schema evaluates', '/shapes', post(json, '{"kind":"disc","radius":1,"list":[1]}')],
    ['JSON by a schema of two other files', '/orders', post(json, '{"qty":1,"note":"hello"}')],
    ['a form', '/orders', post(form, 'qty=3')],
    ['parts', '/orders', post(parts, `${part('title', 'Tea')}${part('file', 'bytes')}--b--\r\n`)],
  ])('%s', async (_, target, sent = {}) => {
    gateway.seen.length = 0;
    expect((await gateway.call(target, sent)).status).toBe(200);
    expect(gateway.seen).toMatchObject([{ url: target, body: sent.body ?? '' }]);
  });
});

describe('what is not never arrives, and would, were the checks off', () => {
  test.each<[string, string, string, Sent?]>([
    ['an unknown parameter', 'openapi.unknown-parameter', '/orders?admin=1'],
    ['too many in a list', 'openapi.too-long', '/orders?ids=1,2,3,4'],
    ['a word among numbers', 'openapi.wrong-type', '/orders?ids=1,x'],
    ['a text that is too long', 'openapi.too-long', '/orders?tag=abcdef'],
    ['an unknown member', 'openapi.unknown-field', '/orders?where[admin]=1'],
    ['a parameter twice', 'openapi.repeated-parameter', '/orders?ids=1&ids=2'],
    ['a cookie of another form', 'openapi.wrong-format', '/orders', { headers: { cookie: 'session=zz' } }],
    ['a header of another value', 'openapi.wrong-value', '/orders', { headers: { 'x-tenant': 'c' } }],
    ['an unknown field (mass assignment)', 'openapi.unknown-field', '/orders', post(json, '{"qty":1,"isAdmin":true}')],
    ['a number below its range', 'openapi.out-of-range', '/orders', post(json, '{"qty":0}')],
    ['a missing field', 'openapi.missing-field', '/orders', post(json, '{}')],
    [
      'a text beyond the schema of another file',
      'openapi.too-long',
      '/orders',
      post(json, `{"qty":1,"note":"${'x'.repeat(21)}"}`),
    ],
    ['a word among labels', 'openapi.wrong-type', '/labels/.1.x'],
    ['an unknown member of a matrix', 'openapi.unknown-field', '/points/;x=1;z=2'],
    ['what is no matrix', 'openapi.malformed-parameter', '/points/1'],
    ['what another branch evaluates', 'openapi.unknown-field', '/shapes', post(json, '{"kind":"dot","radius":1}')],
    ['an item that nothing evaluates', 'openapi.too-long', '/shapes', post(json, '{"list":[1,2]}')],
    ['another media type', 'openapi.media-type', '/orders', post({ 'content-type': 'text/xml' }, '<qty/>')],
    ['an unknown field of a form', 'openapi.unknown-field', '/orders', post(form, 'qty=3&admin=1')],
    [
      'an unknown part',
      'openapi.unknown-field',
      '/orders',
      post(parts, `${part('title', 'Tea')}${part('role', 'x')}--b--\r\n`),
    ],
    ['parts that do not end', 'openapi.malformed-body', '/orders', post(parts, part('title', 'Tea'))],
    ['no body', 'openapi.missing-body', '/orders', { method: 'POST' }],
  ])('%s', async (_, code, target, sent = {}) => {
    gateway.seen.length = 0;
    const { status, body } = await gateway.call(target, sent);
    expect([JSON.parse(body).code, Math.floor(status / 100), gateway.seen.length]).toEqual([code, 4, 0]);
    expect((await open.call(target, sent)).status).toBe(200);
  });

  test('a body larger than its schema can use is refused by its length', async () => {
    const body = JSON.stringify({ qty: 1, note: ' '.repeat(90_000) });
    const { status } = await gateway.call('/orders', post(json, body));
    expect([413, 400]).toContain(status);
  });
});
