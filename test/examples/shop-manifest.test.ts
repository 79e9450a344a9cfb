// The shop's manifest, documents and policies: they hold together, and decide as the shop's README says.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { noWeaknesses, type Protection } from '../../src/api/protections.ts';
import { compilePolicyModel } from '../../src/control/compile/policy-model.ts';
import { loadManifest } from '../../src/manifest/index.ts';
import { loadOpenApi } from '../../src/openapi/control.ts';
import { compileGatewayPolicies } from '../../src/policy/control.ts';
import { createGatewayAuthorizer } from '../../src/policy/index.ts';

const shop = join(import.meta.dirname, '../../examples/shop');
const { manifest, warnings } = loadManifest(join(shop, 'merlon.yaml'));
const documents = new Map(
  Object.entries(manifest.services).map(([name, { openapi }]) => [
    name,
    loadOpenApi(join(shop, openapi as string), (path) => readFileSync(path, 'utf8')),
  ]),
);
const files = readdirSync(join(shop, 'policies')).map((name) => ({
  name: `policies/${name}`,
  text: readFileSync(join(shop, 'policies', name), 'utf8'),
}));
const model = compilePolicyModel(manifest, documents);
const compiled = await compileShop();

async function compileShop() {
  const result = await compileGatewayPolicies({ model, files });
  if ('errors' in result) throw new Error(JSON.stringify(result.errors));
  return result;
}

interface Asked {
  readonly who: string;
  readonly method: string;
  readonly path: string;
  readonly off?: Protection;
}

/** What the gateway would ask, were `who` to call with all the scopes of their roles. */
function decide({ who, method, path, off }: Asked): 'allow' | 'deny' {
  const client = manifest.clients[who];
  const roles = (client ?? manifest.users[who])?.roles ?? [];
  const scopes = client === undefined ? roles.flatMap((role) => manifest.roles[role]?.scopes ?? []) : client.scopes;
  const route = manifest.routes
    .filter((each) => each.path === '/' || path === each.path || path.startsWith(`${each.path}/`))
    .sort((a, b) => b.path.length - a.path.length)[0];
  if (route === undefined) throw new Error(`no route for ${path}`);
  const matches = (template: string): RegExpExecArray | null =>
    new RegExp(`^${template.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`).exec(path);
  const operation = documents
    .get(route.service)
    ?.operations.find((each) => each.method === method && matches(each.template) !== null);
  const authorizer = createGatewayAuthorizer(compiled.policies, off === undefined ? noWeaknesses : new Set([off]));
  return authorizer.decide({
    principal: {
      kind: client === undefined ? 'user' : 'client',
      id: who,
      issuer: 'https://localhost:8443/oidc',
      roles,
      scopes,
    },
    method,
    route: route.path,
    ...(operation === undefined ? {} : { operation: operation.id }),
    params: { ...(operation === undefined ? {} : matches(operation.template)?.groups) },
    path,
    host: 'localhost',
    ip: '127.0.0.1',
    nowMs: 0,
  }).decision;
}

const id = '4d0c1f6e-3f0a-4b57-9b0e-0a6a6f5f6f10';

describe('the shop', () => {
  it('has a manifest, documents and policies without a warning', () => {
    expect(warnings).toEqual([]);
    for (const document of documents.values()) expect(document.warnings).toEqual([]);
    expect(compiled.warnings).toEqual([]);
  });

  it('gives an example of every request body, and bounds on every text that comes in', () => {
    for (const document of documents.values()) {
      for (const { id: name, body, parameters } of document.operations) {
        for (const content of body?.content ?? []) expect(content.example, name).toBeDefined();
        for (const { schema, name: parameter } of parameters) {
          const shape =
            typeof schema === 'object' && schema.$ref !== undefined ? document.schemas[schema.$ref] : schema;
          if (typeof shape === 'object' && shape.type === 'string')
            expect(shape.maxLength, `${name} ${parameter}`).toBeGreaterThan(0);
        }
      }
    }
  });

  it.each([
    ['alice', 'GET', '/api/catalog/products'],
    ['alice', 'POST', '/api/orders'],
    ['alice', 'POST', `/api/orders/${id}/cancel`],
    ['alice', 'GET', '/api/customers/alice/profile'],
    ['alice', 'PUT', '/api/customers/alice/profile'],
    ['sam', 'GET', '/api/customers/alice/profile'],
    ['sam', 'GET', `/api/orders/${id}`],
    ['sam', 'GET', `/api/payments/charges/${id}`],
    ['mia', 'POST', '/api/catalog/products'],
    ['mia', 'PUT', '/api/catalog/products/kettle'],
    ['mia', 'POST', `/api/orders/${id}/ship`],
    ['mia', 'PUT', '/api/customers/alice/profile'],
    ['reporting', 'GET', '/api/orders'],
  ])('lets %s %s %s', (who, method, path) => expect(decide({ who, method, path })).toBe('allow'));

  it.each([
    ['alice', 'GET', '/api/customers/bob/profile'],
    ['alice', 'PUT', '/api/customers/bob/profile'],
    ['alice', 'POST', '/api/catalog/products'],
    ['alice', 'POST', `/api/orders/${id}/ship`],
    ['alice', 'GET', `/api/payments/charges/${id}`],
    ['sam', 'POST', '/api/orders'],
    ['sam', 'POST', `/api/orders/${id}/cancel`],
    ['sam', 'PUT', '/api/customers/alice/profile'],
    ['sam', 'POST', '/api/catalog/products'],
    ['mia', 'POST', '/api/payments/charges'],
    ['mia', 'GET', '/api/legacy/search'],
    ['reporting', 'GET', '/api/customers/alice/profile'],
    ['reporting', 'POST', '/api/orders'],
  ])('refuses %s %s %s', (who, method, path) => expect(decide({ who, method, path })).toBe('deny'));

  it('would let customers read each other were the check of owners off', () => {
    const asked = { who: 'alice', method: 'GET', path: '/api/customers/bob/profile' };
    expect(decide({ ...asked, off: 'authz.owner' })).toBe('allow');
  });

  it('refuses by policy what a scope alone would let through', () => {
    expect(decide({ who: 'alice', method: 'POST', path: '/api/catalog/products', off: 'authz.scopes' })).toBe('deny');
    expect(decide({ who: 'alice', method: 'POST', path: `/api/orders/${id}/ship`, off: 'authz.policy' })).toBe('allow');
  });
});
