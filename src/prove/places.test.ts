import { describe, expect, test } from 'vitest';
import type { OpenApiDocument, Operation } from '../api/openapi.ts';
import { checkManifest, memoryFiles } from '../manifest/index.ts';
import { findPlaces, isOwned, nameOf, type Place, policyRequest, requestTo, scopesOf } from './places.ts';
import type { ProveTarget, ServiceApi } from './ports.ts';

const text = `
version: 1
trustDomain: shop.example
gateway: { listen: "https://127.0.0.1:8443" }
services:
  orders: { run: node orders.js, openapi: orders.yaml }
  plain: { run: node plain.js }
routes:
  - { path: /api/orders, service: orders, scopes: { GET: [orders:read], POST: [orders:write] } }
  - { path: /api/customers, service: orders, owner: { param: id } }
  - { path: /stripped, service: orders, stripPrefix: true }
  - { path: /files, service: plain, host: files.example }
  - { path: /any, service: plain, host: "*.example", stripPrefix: true, methods: [GET] }
  - { path: /inbox, service: plain, methods: [POST] }
`;

const openapi = `
openapi: 3.1.0
info: { title: orders, version: "1" }
paths:
  /api/orders: { get: { responses: { "200": { description: ok } } } }
  /api/customers/{id}/profile:
    parameters: [{ name: id, in: path, required: true, schema: { type: string } }]
    get: { responses: { "200": { description: ok } } }
`;

const operation = (method: string, template: string): Operation => ({
  id: `${method} ${template}`,
  method,
  template,
  parameters: [],
  responses: [],
  security: [],
  credentials: [],
  deprecated: false,
  dataClasses: [],
});
const operations = [
  operation('GET', '/api/orders'),
  operation('POST', '/api/orders'),
  operation('DELETE', '/api/orders'),
  operation('GET', '/api/customers/{id}/profile'),
  operation('GET', '/internal'),
];
const document: OpenApiDocument = {
  format: 1,
  title: 'orders',
  version: '1',
  basePaths: [''],
  operations,
  schemas: {},
  warnings: [],
};
const api: ServiceApi = {
  document,
  sampleRequest: ({ method, template }) => ({
    method,
    path: template.replace('{id}', 'sample'),
    query: method === 'GET' ? 'q=1' : '',
    headers: {},
  }),
  mutations: () => [],
};

const { manifest, problems } = checkManifest('/p/merlon.yaml', text, {
  files: memoryFiles(new Map([['/p/orders.yaml', openapi]])),
});
if (manifest === undefined) throw new Error(JSON.stringify(problems));
const target = {
  manifest,
  apis: new Map([['orders', api]]),
  edge: { authority: 'localhost:8443' },
  clock: { now: () => 0 },
} as unknown as ProveTarget;
const places = findPlaces(target);
const at = (name: string): Place => {
  const found = places.find((place) => nameOf(place) === name);
  if (found === undefined) throw new Error(`no ${name} among ${places.map(nameOf).join(', ')}`);
  return found;
};

describe('places', () => {
  test('are the operations below routes, by the methods that the routes take', () => {
    expect(places.map(nameOf)).toEqual([
      'GET /api/orders',
      'POST /api/orders',
      'GET /api/customers/{id}/profile',
      ...operations.map(({ method, template }) => `${method} /stripped${template}`),
      'GET /files',
      'GET /any',
    ]);
  });

  test('are asked for on the object of whoever is meant', () => {
    const place = at('GET /api/customers/{id}/profile');
    expect(isOwned(place)).toBe(true);
    expect(isOwned(at('GET /api/orders'))).toBe(false);
    expect(requestTo(place, 'a b').target).toBe('/api/customers/a%20b/profile?q=1');
  });

  test('are asked for as callers write them', () => {
    expect(requestTo(at('GET /stripped/api/orders'), 'a').target).toBe('/stripped/api/orders?q=1');
    expect(requestTo(at('GET /files'), 'a')).toMatchObject({ target: '/files', headers: [['host', 'files.example']] });
    expect(requestTo(at('GET /any'), 'a')).toMatchObject({
      target: '/any',
      headers: [['host', 'merlon-prove.example']],
    });
  });

  test('want the scopes of their method', () => {
    expect(scopesOf(at('GET /api/orders'))).toEqual(['orders:read']);
    expect(scopesOf(at('POST /api/orders'))).toEqual(['orders:write']);
    expect(scopesOf(at('GET /files'))).toEqual([]);
  });

  test('are asked about as the gateway asks', () => {
    const person = { subject: 'merlon-prove-a', roles: ['customer'], scopes: ['orders:read'] };
    expect(policyRequest(at('GET /api/customers/{id}/profile'), person, target)).toMatchObject({
      method: 'GET',
      route: '/api/customers',
      operation: 'GET /api/customers/{id}/profile',
      params: { id: 'merlon-prove-a' },
      path: '/api/customers/merlon-prove-a/profile',
      principal: { kind: 'user', id: 'merlon-prove-a', roles: ['customer'], claims: { sub: 'merlon-prove-a' } },
    });
    expect(policyRequest(at('GET /files'), person, target)).not.toHaveProperty('operation');
  });
});
