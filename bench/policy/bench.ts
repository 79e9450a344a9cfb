// How many decisions a second does our evaluator make, and how many the official one, on the same requests? Both judge
// through the same generated schema and policies; ours gets the request as the gateway hands it over, the official one as
// its API wants it, with its policies parsed beforehand.
import type { PolicyModel, PolicyRequest } from '../../src/api/policy.ts';
import { compileGatewayPolicies } from '../../src/policy/control.ts';
import { createGatewayAuthorizer } from '../../src/policy/index.ts';
import {
  describeMachine,
  formatNumber,
  formatSample,
  perSecond,
  printTable,
  printTargets,
  type Question,
  sampleOf,
  takeTurns,
  writeResult,
} from '../harness.ts';

const model: PolicyModel = {
  services: [{ name: 'orders', data: ['pii'] }, { name: 'catalog' }],
  routes: [
    {
      path: '/api/orders',
      service: 'orders',
      auth: 'required',
      scopes: { GET: ['orders:read'], POST: ['orders:write'] },
    },
    { path: '/api/catalog', service: 'catalog', auth: 'required', roles: { PUT: ['editor'], '*': [] } },
    {
      path: '/api/customers',
      service: 'orders',
      auth: 'required',
      owner: { param: 'customerId', unless: ['manager'] },
    },
  ],
  operations: [
    { service: 'orders', id: 'listOrders', method: 'GET', path: '/api/orders', params: [] },
    {
      service: 'orders',
      id: 'getCustomer',
      method: 'GET',
      path: '/api/customers/{customerId}',
      params: ['customerId'],
    },
  ],
  claims: { department: 'String', level: 'Long' },
};

const text = `@id("no-night-shift")
forbid(principal is Merlon::User, action, resource in Merlon::Service::"orders")
when { principal.claims has department && principal.claims.department == "night" };
@id("blocked-network")
forbid(principal, action, resource) when { context.ip.isInRange(ip("198.51.100.0/24")) };
`;

const issuer = 'https://op.example';

function user(
  id: string,
  route: string,
  more: Partial<PolicyRequest> & { roles?: string[]; scopes?: string[] },
): PolicyRequest {
  const { roles = [], scopes = [], ...rest } = more;
  return {
    principal: { kind: 'user', id, issuer, roles, scopes, claims: { department: 'day', level: 2 } },
    method: 'GET',
    route,
    path: route,
    host: 'shop.example',
    ip: '192.0.2.7',
    nowMs: Date.UTC(2026, 0, 1),
    ...rest,
  };
}

const requests: readonly PolicyRequest[] = [
  user('alice', '/api/orders', { scopes: ['orders:read'], operation: 'listOrders', params: {} }),
  user('alice', '/api/orders', { scopes: ['orders:read'], method: 'POST' }),
  user('bob', '/api/catalog', { method: 'PUT', roles: ['editor'] }),
  user('bob', '/api/catalog', { method: 'PUT', roles: ['reader'] }),
  user('carol', '/api/customers', { operation: 'getCustomer', params: { customerId: 'carol' } }),
  user('carol', '/api/customers', { operation: 'getCustomer', params: { customerId: 'dave' } }),
];

const parsedName = 'bench';

/** The request as the official API takes it. */
function officialCall(request: PolicyRequest): object {
  const { principal, route, method, operation, params, path, host, ip, nowMs } = request;
  const uid = { type: 'Merlon::User', id: `${principal.issuer}|${principal.id}` };
  const service = model.routes.find((rules) => rules.path === route)?.service ?? '';
  const actionId = operation === undefined ? method : `${service}:${operation}`;
  const extension = (fn: string, arg: string): object => ({ __extn: { fn, arg } });
  return {
    principal: uid,
    action: { type: 'Merlon::Action', id: actionId },
    resource: { type: 'Merlon::Route', id: route },
    context: {
      scopes: principal.scopes ?? [],
      roles: principal.roles ?? [],
      method,
      path,
      host,
      ip: extension('ip', ip),
      now: extension('datetime', new Date(nowMs).toISOString()),
      authenticated: true,
      mfa: false,
      ...(operation === undefined ? {} : { operation }),
      params: params ?? {},
    },
    preparsedPolicySetId: parsedName,
    entities: [
      {
        uid,
        attrs: { sub: principal.id, issuer: principal.issuer ?? '', claims: principal.claims ?? {} },
        parents: (principal.roles ?? []).map((id) => ({ type: 'Merlon::Role', id })),
      },
      ...model.routes.map((rules) => ({
        uid: { type: 'Merlon::Route', id: rules.path },
        attrs: { path: rules.path, data: [] },
        parents: [{ type: 'Merlon::Service', id: rules.service }],
      })),
      {
        uid: { type: 'Merlon::Action', id: actionId },
        attrs: {},
        parents: method === actionId ? [] : [{ type: 'Merlon::Action', id: method }],
      },
    ],
  };
}

export const question: Question = async (settings) => {
  const machine = describeMachine();
  const compiled = await compileGatewayPolicies({ model, files: [{ name: 'policies/bench.cedar', text }] });
  if ('errors' in compiled) throw new Error(JSON.stringify(compiled.errors, null, 1));
  const ours = createGatewayAuthorizer(compiled.policies);
  const cedar = await import('@cedar-policy/cedar-wasm/nodejs');
  const parsed = cedar.preparsePolicySet(parsedName, { staticPolicies: `${compiled.baseline}\n${text}` });
  if (parsed.type !== 'success') throw new Error(JSON.stringify(parsed));
  const calls = requests.map(officialCall);
  const official = (call: object): string => {
    const answer = cedar.statefulIsAuthorized(call as Parameters<typeof cedar.statefulIsAuthorized>[0]);
    if (answer.type !== 'success') throw new Error(JSON.stringify(answer));
    return answer.response.decision;
  };
  const verdicts = requests.map((request, at) => [ours.decide(request).decision, official(calls[at] as object)]);
  if (verdicts.some(([mine, theirs]) => mine !== theirs))
    throw new Error(`the verdicts differ: ${JSON.stringify(verdicts)}`);

  const forMs = settings.quick ? 100 : 2000;
  let turn = 0;
  const results = await takeTurns(
    [
      {
        name: 'merlon',
        measure: () =>
          perSecond((times) => {
            for (let at = 0; at < times; at++) ours.decide(requests[turn++ % requests.length] as PolicyRequest);
          }, forMs),
      },
      {
        name: 'cedar-wasm',
        measure: () =>
          perSecond(
            (times) => {
              for (let at = 0; at < times; at++) official(calls[turn++ % calls.length] as object);
            },
            forMs,
            20,
          ),
      },
    ],
    settings.quick ? 1 : 7,
  );
  const samples = new Map([...results].map(([name, values]) => [name, sampleOf(values)]));
  const rate = (name: string): number => samples.get(name)?.median ?? Number.NaN;
  const ratio = rate('merlon') / rate('cedar-wasm');
  printTable(
    'Decisions per second, one core',
    ['evaluator', 'decisions/s', 'of cedar-wasm'],
    [...samples].map(([name, sample]) => [
      name,
      formatSample(sample),
      `${formatNumber(sample.median / rate('cedar-wasm'))} x`,
    ]),
  );
  const targets = [
    { what: 'decisions/s of our evaluator', wanted: 1e6, bound: 'at least', found: rate('merlon') } as const,
  ];
  printTargets(targets);
  writeResult('policy', settings, machine, {
    requests: requests.length,
    verdicts: verdicts.map(([verdict]) => verdict),
    results: Object.fromEntries(samples),
    ratio,
    targets,
  });
};
