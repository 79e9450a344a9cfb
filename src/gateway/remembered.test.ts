// Much of a request is that of the request before: its head, its token, its caller's name and keys, the verdict on it. What any of
// them rests on may change between the two, on one connection, byte for byte the same: the very next request must see it.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { defaultRoute, snapshotOf } from '../../test/fakes/gateway.ts';
import { Peers, type RawClient, statusesOf } from '../../test/fakes/http-peers.ts';
import { ecKey, signToken } from '../../test/fakes/tokens.ts';
import { noWeaknesses } from '../api/protections.ts';
import type { GatewaySnapshot } from '../api/snapshot.ts';
import { silentLogger } from '../core/log.ts';
import { compileLimits, createConcurrencyLimiter, createLimiter, rateSpecOf, tokenRulesOf } from '../limits/index.ts';
import type { Upstream } from '../net/index.ts';
import { createEndpointReport } from '../openapi/index.ts';
import { compileGatewayPolicies } from '../policy/control.ts';
import { createGateway } from './index.ts';

const issuer = 'https://id.example';
const key = ecKey('k1');
const clock = new ManualClock(Date.UTC(2026, 0, 1));
const token = (sub: string, scope: string): string =>
  signToken(
    { iss: issuer, sub, aud: 'api', scope, jti: `of-${sub}`, iat: clock.now() / 1000, exp: clock.now() / 1000 + 600 },
    key,
  );

const peers = new Peers();
afterEach(() => peers.close());

let apply: (version: string, changed?: Partial<GatewaySnapshot>) => void;
let client: RawClient;
let ada: string;
let eve: string;

const policyOf = async (forbidden: string): Promise<GatewaySnapshot['policy']> => {
  const compiled = await compileGatewayPolicies({
    model: {
      services: [{ name: 'echo' }],
      routes: [{ path: '/', service: 'echo', auth: 'required', scopes: { GET: ['read'] } }],
      operations: [],
    },
    files: forbidden === '' ? [] : [{ name: 'policies/own.cedar', text: forbidden }],
  });
  if (!('policies' in compiled)) throw new Error(JSON.stringify(compiled.errors));
  return compiled.policies;
};

const limitOf = (count: number): GatewaySnapshot['limits'] => {
  const name = 'perUser';
  const rule = { kind: 'rate', id: name, name, by: 'user', origin: name, text: '', count, periodMs: 60_000 } as const;
  return { ipv6PrefixBits: 64, gateway: [], routes: { 'routes[0]': [rule] } };
};

const authn = (changed: Partial<GatewaySnapshot['authn']> = {}): GatewaySnapshot['authn'] => ({
  realm: 'test.example',
  issuers: [{ preset: 'generic', issuer, audience: ['api'], keys: [key.jwk] }],
  apiKeys: [],
  revokedTokens: [],
  revokedSubjects: [],
  ...changed,
});

/** Says who it was told that the caller is. */
const service: Upstream = {
  name: 'echo',
  forward: (_, reply, forwarding) => reply.send(200, {}, `<${forwarding?.headers?.get('merlon-subject')}>`),
  fetch: () => Promise.reject(new Error('not here')),
  setEndpoints: () => undefined,
  status: () => [],
  drain: () => Promise.resolve(),
  stop: () => Promise.resolve(),
};

beforeEach(async () => {
  const route = { ...defaultRoute, auth: 'required' as const };
  const base = await snapshotOf(route, 1, { authn: authn(), policy: await policyOf(''), limits: limitOf(1000) });
  const limiter = createLimiter({ maxKeys: 100 });
  const gateway = createGateway({
    clock,
    log: silentLogger,
    weaknesses: noWeaknesses,
    record: () => undefined,
    endpoints: createEndpointReport(),
    svid: () => ({ certificate: '', key: '' }),
    verify: () => ({ code: 'none' }),
    reach: () => service,
    limits: ({ limits: section }) => {
      limiter.configure(tokenRulesOf(section).flatMap((rule) => (rule.kind === 'rate' ? [rateSpecOf(rule)] : [])));
      return compileLimits({ section, limiter, concurrency: createConcurrencyLimiter(), off: noWeaknesses });
    },
  });
  apply = (version, changed = {}) => gateway.apply(version, { ...base, ...changed });
  apply('v1');
  const { port } = await peers.server({ onRequest: gateway.handle });
  client = await peers.client(port);
  ada = token('ada', 'read');
  eve = token('eve', 'write');
});

/** Asks over the one connection; gives the last status and who the service was told that it was. */
async function ask(credential: string, path = '/a'): Promise<string> {
  const before = statusesOf(client.received).length;
  client.send(`GET ${path} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${credential}\r\nAccept: */*\r\n\r\n`);
  await client.until((text) => statusesOf(text).length > before && /(>|\})$/.test(text));
  const who = /<([^>]*)>$/.exec(client.received)?.[1] ?? '';
  return `${statusesOf(client.received).at(-1)} ${who}`.trim();
}

test('the same again passes, as often as it is asked', async () => {
  for (let turn = 0; turn < 5; turn++) expect(await ask(ada)).toBe('200 ada');
});

test('another token on the same connection is another caller, there and back', async () => {
  const bob = token('bob', 'read');
  const answers: string[] = [];
  for (const credential of [ada, bob, ada, eve, ada, `${ada.slice(0, -4)}AAAA`, ada])
    answers.push(await ask(credential));
  expect(answers).toEqual(['200 ada', '200 bob', '200 ada', '403', '200 ada', '401', '200 ada']);
});

test('a token that has expired meanwhile', async () => {
  expect(await ask(ada)).toBe('200 ada');
  clock.advance(600_000 + 31_000);
  expect(await ask(ada)).toBe('401');
});

test.each<[string, () => Partial<GatewaySnapshot>]>([
  ['the token is revoked', () => ({ authn: authn({ revokedTokens: [{ issuer, jti: 'of-ada', expiresAtMs: 1e15 }] }) })],
  [
    'its subject is revoked',
    () => ({ authn: authn({ revokedSubjects: [{ issuer, subject: 'ada', issuedBeforeMs: clock.now() + 1000 }] }) }),
  ],
  [
    'the key of its signature is gone',
    () => ({ authn: authn({ issuers: [{ preset: 'generic', issuer, audience: ['api'], keys: [ecKey('k2').jwk] }] }) }),
  ],
  [
    'another key has its name',
    () => ({ authn: authn({ issuers: [{ preset: 'generic', issuer, audience: ['api'], keys: [ecKey('k1').jwk] }] }) }),
  ],
  [
    'it is meant for others',
    () => ({ authn: authn({ issuers: [{ preset: 'generic', issuer, audience: ['other'], keys: [key.jwk] }] }) }),
  ],
])('a snapshot in which %s', async (_, changed) => {
  for (let turn = 0; turn < 3; turn++) expect(await ask(ada)).toBe('200 ada');
  apply('v2', changed());
  expect(await ask(ada)).toBe('401');
  apply('v3');
  expect(await ask(ada)).toBe('200 ada');
});

test('a snapshot whose policies say otherwise, and one that denies the address', async () => {
  for (let turn = 0; turn < 3; turn++) expect(await ask(ada)).toBe('200 ada');
  apply('v2', { policy: await policyOf('forbid(principal, action, resource);') });
  expect(await ask(ada)).toBe('403');
  apply('v3', { ipDeny: { networks: ['127.0.0.0/8'], files: [] } });
  expect(await ask(ada)).toBe('403');
  apply('v4');
  expect(await ask(ada)).toBe('200 ada');
});

test('a policy that looks at the time or at the path is asked each time', async () => {
  const soon = new Date(clock.now() + 60_000).toISOString().slice(0, 19);
  apply('v2', {
    policy: await policyOf(
      `@id("late") forbid(principal, action, resource) when { context.now > datetime("${soon}Z") };
       @id("place") forbid(principal, action, resource) when { context.path == "/shut" };`,
    ),
  });
  expect([await ask(ada), await ask(ada, '/shut'), await ask(ada)]).toEqual(['200 ada', '403', '200 ada']);
  clock.advance(61_000);
  expect(await ask(ada)).toBe('403');
});

test('a limit that is reached by this caller and by no other', async () => {
  apply('v2', { limits: limitOf(2) });
  const bob = token('bob', 'read');
  const answers: string[] = [];
  for (const credential of [ada, ada, ada, bob, ada]) answers.push(await ask(credential));
  expect(answers).toEqual(['200 ada', '200 ada', '429', '200 bob', '429']);
});
