import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileShop, shop } from '../../test/fakes/policy-shop.ts';
import type { PolicyModel, RouteRules } from '../api/policy.ts';
import { loadCedar } from './cedar-wasm.ts';
import { checkModel, compileGatewayPolicies, generateBaseline, generateSchema } from './control.ts';

const word = fc.constantFrom(
  'orders',
  'a b',
  'é😀',
  'if',
  'quo"te',
  'back\\slash',
  'new\nline',
  '__proto__',
  '*x',
  '0',
  'has',
);
const words = fc.uniqueArray(word, { maxLength: 3 });
const methods = fc.constantFrom('GET', 'POST', 'PROPFIND', '*');

const route: fc.Arbitrary<RouteRules> = fc
  .record(
    {
      path: word.map((name) => `/${name}/{${name}}`),
      service: fc.constantFrom('s', 't'),
      auth: fc.constantFrom('public', 'optional', 'required'),
      permits: fc.constantFrom('manifest', 'policies'),
      scopes: fc.dictionary(methods, words, { maxKeys: 3, noNullPrototype: true }),
      roles: fc.oneof(words, fc.dictionary(methods, words, { maxKeys: 3, noNullPrototype: true })),
      owner: fc.record({ claim: word, unless: words }, { requiredKeys: [] }),
      source: word,
    },
    { requiredKeys: ['path', 'service', 'auth'] },
  )
  .map(({ owner, ...rest }) => {
    const param = rest.path.slice(rest.path.indexOf('{') + 1, -1);
    return owner === undefined ? rest : { ...rest, owner: { ...owner, param } };
  }) as never;

const model: fc.Arbitrary<PolicyModel> = fc.record({
  services: fc.constant([{ name: 's', data: ['pii'] }, { name: 't' }]),
  routes: fc.uniqueArray(route, { maxLength: 4, selector: ({ path }) => path }),
  operations: fc.uniqueArray(
    word.map((name) => ({ service: 's', id: name, method: 'GET', path: `/${name}/{${name}}`, params: [name] })),
    { maxLength: 3, selector: ({ id }) => id },
  ),
});

describe('the generated baseline', () => {
  it('is valid Cedar under the generated schema, whatever the names', { timeout: 60_000 }, async () => {
    const cedar = await loadCedar();
    fc.assert(
      fc.property(model, (each) => {
        expect(checkModel(each)).toEqual([]);
        const answer = cedar.validate({
          schema: generateSchema(each) as never,
          policies: { staticPolicies: generateBaseline(each) },
        });
        expect(answer).toMatchObject({ type: 'success', validationErrors: [] });
      }),
      { numRuns: 60 },
    );
  });

  it('reads as the manifest does', () => {
    const [orders] = shop.routes;
    expect(generateBaseline({ ...shop, routes: [orders as RouteRules] })).toBe(`@id("route:/api/orders:permit")
@manifest("merlon.yaml routes[0].scopes")
@check("permit")
permit(principal, action in [Merlon::Action::"GET", Merlon::Action::"POST"], resource == Merlon::Route::"/api/orders")
when { context.authenticated };

@id("route:/api/orders:auth")
@manifest("merlon.yaml routes[0].auth")
@check("auth")
forbid(principal, action, resource == Merlon::Route::"/api/orders")
unless { context.authenticated };

@id("route:/api/orders:GET:scopes")
@manifest("merlon.yaml routes[0].scopes.GET")
@check("scopes")
forbid(principal, action in Merlon::Action::"GET", resource == Merlon::Route::"/api/orders")
unless { context.scopes.contains("orders:read") };

@id("route:/api/orders:POST:scopes")
@manifest("merlon.yaml routes[0].scopes.POST")
@check("scopes")
forbid(principal, action in Merlon::Action::"POST", resource == Merlon::Route::"/api/orders")
unless { context.scopes.contains("orders:read") && context.scopes.contains("orders:write") };
`);
  });
});

describe('a model that contradicts itself', () => {
  const customers = shop.routes[2] as RouteRules;
  const problems = (routes: readonly RouteRules[], rest: Partial<PolicyModel> = {}) =>
    checkModel({ ...shop, ...rest, routes }).map(({ message }) => message);

  it('names an unknown service, or one path twice', () => {
    expect(problems([{ ...customers, service: 'nope' }])[0]).toBe('no service `nope` (merlon.yaml routes[2])');
    expect(problems([customers, customers])).toContain('route `/api/customers` is declared twice');
  });

  it('is not one for a route that has a host', () => {
    expect(problems([{ ...customers, path: 'shop.example/api/customers' }])).toEqual([]);
  });

  it('cannot tell an owner', () => {
    const owner = { param: 'nope' };
    expect(problems([{ ...customers, owner }])).toEqual([
      'neither the route nor an operation on it has the path parameter `nope` (merlon.yaml routes[2])',
      'operation `getCustomer` has no path parameter `nope` to tell the owner by (merlon.yaml routes[2])',
    ]);
    expect(problems([{ ...customers, owner: { param: 'customerId', claim: 'level' } }])).toEqual([
      'claim `level` must be a string to name an owner (merlon.yaml routes[2])',
    ]);
  });

  it('is not compiled', async () => {
    const compiled = await compileGatewayPolicies({ model: { ...shop, services: [] }, files: [] });
    expect(compiled).toMatchObject({ errors: [{ code: 'policy.model' }, {}, {}, {}, {}, {}] });
  });
});

describe('policies of users', () => {
  const errorOf = async (text: string) => {
    const compiled = await compileGatewayPolicies({ model: shop, files: [{ name: 'p.cedar', text }] });
    return 'errors' in compiled ? compiled.errors[0] : undefined;
  };

  it('may read what the schema has for the action', async () => {
    await compileShop(
      'permit(principal, action == Merlon::Action::"orders:getOrder", resource) when { context.params.orderId == "1" };',
    );
    const error = await errorOf(
      'permit(principal, action == Merlon::Action::"orders:listOrders", resource) when { context.params.orderId == "1" };',
    );
    expect(error).toMatchObject({ code: 'policy.invalid', line: 1, file: 'p.cedar' });
  });

  it('are told of anonymous callers', async () => {
    const error = await errorOf('permit(principal, action, resource) when { principal.sub == "root" };');
    expect(error?.hint).toContain('principal is Merlon::User');
  });

  it('may not name what does not exist', async () => {
    expect(await errorOf('permit(principal, action == Merlon::Action::"orders:nope", resource);')).toMatchObject({
      code: 'policy.invalid',
    });
    expect(await errorOf('permit(principal is Merlon::Robot, action, resource);')).toMatchObject({
      code: 'policy.invalid',
    });
  });

  it('may name an action with escapes', async () => {
    await compileShop('permit(principal, action == Merlon::Action::"\\u{6f}rders:getOrder", resource);');
  });
});
