import { describe, expect, it } from 'vitest';
import { compileOpenApi } from '../compile.ts';
import { documentOf } from '../document.suite.ts';

const document = documentOf(`paths:
  /users:
    get:
      responses:
        '200':
          description: ok
          headers: { X-Total: { required: true, schema: { type: integer } } }
          content: { application/json: { schema: { type: array, items: { $ref: '#/components/schemas/User' } } } }
        4XX: { description: no, content: { application/problem+json: { schema: { type: object, properties: { title: { type: string } } } } } }
    delete: { responses: { '204': { description: gone }, default: { description: else } } }
    put: { responses: {} }
components:
  schemas:
    User: { type: object, required: [id, password], properties: { id: { type: integer, readOnly: true }, name: { type: string }, password: { type: string, writeOnly: true } } }
`);
const api = compileOpenApi(document);

function findingsOf(method: string, status: number, headers: Readonly<Record<string, string>>, body?: string) {
  const operation = document.operations.find((each) => each.method === method) as (typeof document.operations)[0];
  const findings = api.checkResponse(operation, {
    status,
    header: (name) => headers[name],
    body: body === undefined ? undefined : Buffer.from(body),
  });
  return findings.map(({ severity, reason }) => [severity, reason.code, reason.claim]);
}

const json = { 'content-type': 'application/json', 'x-total': '1' };

describe('responses', () => {
  it('may be as they are declared', () => {
    expect(findingsOf('GET', 200, json, '[{"id":1,"name":"x"}]')).toEqual([]);
    expect(findingsOf('GET', 404, { 'content-type': 'application/problem+json' }, '{"title":"x"}')).toEqual([]);
    expect(findingsOf('DELETE', 204, {}, '')).toEqual([]);
    expect(findingsOf('DELETE', 500, {})).toEqual([]);
    expect(findingsOf('PUT', 200, {}, 'anything')).toEqual([]);
  });

  it('are reported where they leak', () => {
    expect(findingsOf('GET', 200, json, '[{"id":1,"password":"x"}]')).toEqual([
      ['leak', 'openapi.write-only-field', 'body /0/password'],
    ]);
    expect(findingsOf('GET', 200, json, '[{"id":1,"ssn":"x"}]')).toEqual([
      ['leak', 'openapi.unknown-field', 'body /0/ssn'],
    ]);
  });

  it('are reported where they differ', () => {
    expect(findingsOf('GET', 200, json, '[{"name":"x"}]')).toEqual([
      ['mismatch', 'openapi.missing-field', 'body /0/id'],
    ]);
    expect(findingsOf('GET', 200, { ...json, 'x-total': 'many' }, '[]')).toEqual([
      ['mismatch', 'openapi.wrong-type', 'header x-total'],
    ]);
    expect(findingsOf('GET', 200, { 'content-type': 'application/json' }, '[]')).toEqual([
      ['mismatch', 'openapi.missing-parameter', 'header x-total'],
    ]);
    expect(findingsOf('GET', 200, { ...json, 'content-type': 'text/html' }, '<b>')).toEqual([
      ['mismatch', 'openapi.undeclared-content', 'header content-type'],
    ]);
    expect(findingsOf('GET', 302, {})).toEqual([['mismatch', 'openapi.undeclared-status', 'status']]);
    expect(findingsOf('DELETE', 204, { 'content-type': 'text/plain' }, 'x')).toEqual([
      ['mismatch', 'openapi.undeclared-content', 'header content-type'],
    ]);
    expect(findingsOf('GET', 200, json, '{')).toEqual([['mismatch', 'openapi.malformed-body', 'body']]);
  });
});
