// A small shop, for tests.
import type { GatewayPolicies, PolicyModel, PolicyRequest } from '../../src/api/policy.ts';
import type { Weaknesses } from '../../src/api/protections.ts';
import { compileGatewayPolicies } from '../../src/policy/control.ts';

/** Routes of every kind. */
export const shop: PolicyModel = {
  services: [{ name: 'orders', data: ['pii', 'payment'] }, { name: 'catalog' }, { name: 'customers', data: ['pii'] }],
  routes: [
    {
      path: '/api/orders',
      service: 'orders',
      auth: 'required',
      scopes: { GET: ['orders:read'], POST: ['orders:read', 'orders:write'] },
      source: 'merlon.yaml routes[0]',
    },
    { path: '/api/catalog', service: 'catalog', auth: 'public', roles: { PUT: ['editor', 'manager'], '*': [] } },
    {
      path: '/api/customers',
      service: 'customers',
      auth: 'required',
      owner: { param: 'customerId', unless: ['manager'] },
      source: 'merlon.yaml routes[2]',
    },
    {
      path: '/api/tenants/{tenant}',
      service: 'customers',
      auth: 'required',
      owner: { param: 'tenant', claim: 'https://shop.example/tenant' },
      source: 'merlon.yaml routes[3]',
    },
    { path: '/admin', service: 'orders', auth: 'required', permits: 'policies', source: 'merlon.yaml routes[4]' },
    {
      path: '/reports',
      service: 'orders',
      auth: 'optional',
      scopes: { '*': ['reports'], GET: [] },
      roles: ['manager'],
    },
  ],
  operations: [
    { service: 'orders', id: 'listOrders', method: 'GET', path: '/api/orders', params: [] },
    { service: 'orders', id: 'createOrder', method: 'POST', path: '/api/orders', params: [] },
    { service: 'orders', id: 'getOrder', method: 'GET', path: '/api/orders/{orderId}', params: ['orderId'] },
    { service: 'customers', id: 'listCustomers', method: 'GET', path: '/api/customers', params: [] },
    {
      service: 'customers',
      id: 'getCustomer',
      method: 'GET',
      path: '/api/customers/{customerId}',
      params: ['customerId'],
    },
  ],
  claims: { department: 'String', level: 'Long', verified: 'Boolean', regions: 'StringSet' },
};

/** Policies of the shop's team. */
export const shopPolicies = `// The shop's own rules.
@id("managers-administer")
permit(principal in Merlon::Role::"manager", action, resource == Merlon::Route::"/admin")
when {
  context.mfa &&
  context.ip.isInRange(ip("10.0.0.0/8"))
}
unless { principal has claims && principal.claims has department && principal.claims.department == "sales" };

@id("support-reads")
permit(principal is Merlon::User, action in Merlon::Action::"GET", resource in Merlon::Service::"orders")
when { principal.claims has level && principal.claims.level >= 3 && context.scopes.contains("support") };

@id("no-payment-abroad")
forbid(principal is Merlon::User, action, resource)
when { resource.data.contains("payment") && principal.claims has regions && !principal.claims.regions.contains("eu") };

@id("odd-orders")
forbid(principal, action == Merlon::Action::"orders:getOrder", resource)
when { context.params.orderId like "x-*" };
`;

/** The shop, compiled. */
export async function compileShop(text = shopPolicies, weaknesses?: Weaknesses): Promise<GatewayPolicies> {
  const compiled = await compileGatewayPolicies(
    { model: shop, files: [{ name: 'policies/shop.cedar', text }] },
    weaknesses,
  );
  if ('errors' in compiled) throw new Error(JSON.stringify(compiled.errors, null, 1));
  return compiled.policies;
}

type RequestParts = Partial<Omit<PolicyRequest, 'principal'>> & { principal?: Partial<PolicyRequest['principal']> };

/** Alice lists orders, unless told otherwise. */
export function shopRequest({ principal, ...rest }: RequestParts = {}): PolicyRequest {
  return {
    principal: { kind: 'user', id: 'alice', issuer: 'https://op.shop.example', scopes: ['orders:read'], ...principal },
    method: 'GET',
    route: '/api/orders',
    path: rest.route ?? '/api/orders',
    host: 'shop.example',
    ip: '192.0.2.7',
    nowMs: Date.UTC(2026, 0, 1),
    ...rest,
  };
}

/** Nobody in particular. */
export const nobody = { kind: 'anonymous', id: '', scopes: [] } as const;
