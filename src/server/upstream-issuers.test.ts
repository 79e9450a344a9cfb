import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createTlsAuthority } from '../../test/fakes/certificates.ts';
import { ManualClock } from '../../test/fakes/clock.ts';
import type { PublicJwk } from '../api/authn.ts';
import { silentLogger } from '../core/log.ts';
import type { Manifest } from '../manifest/index.ts';
import { createUpstreamIssuers, type UpstreamIssuers } from './upstream-issuers.ts';

const authority = createTlsAuthority('issuers');
const usual = tls.getCACertificates('default');
const { certificate, key } = authority.issue({ addresses: ['127.0.0.1'] });

/** An issuer elsewhere, over TLS. `answer` may change what it says. */
let url = '';
let keys: PublicJwk[] = [];
let answer: (path: string) => { status?: number; headers?: Record<string, string>; body?: string } | undefined;
let asked: string[] = [];
const server = createServer({ cert: certificate, key }, (request, response) => {
  const path = request.url as string;
  asked.push(path);
  const usually =
    path === '/jwks'
      ? { keys }
      : path === '/.well-known/openid-configuration'
        ? { issuer: url, jwks_uri: `${url}/jwks` }
        : undefined;
  const changed = answer(path);
  response.writeHead(changed?.status ?? (usually === undefined ? 404 : 200), changed?.headers);
  response.end(changed?.body ?? JSON.stringify(usually));
});

const clock = new ManualClock();
let warnings: string[] = [];
let changes = 0;
let upstream: UpstreamIssuers;

beforeAll(async () => {
  tls.setDefaultCACertificates([...usual, authority.bundle]);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  tls.setDefaultCACertificates(usual);
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  [warnings, asked, changes, keys, answer] = [[], [], 0, [jwk('one')], () => undefined];
  upstream = createUpstreamIssuers({
    clock,
    log: { ...silentLogger, warn: (fields, message) => void warnings.push(`${message} ${JSON.stringify(fields)}`) },
    onChange: () => changes++,
  });
});
afterEach(() => upstream.stop());

function jwk(kid: string): PublicJwk {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256' } as unknown as PublicJwk;
}

const manifest = (change: object = {}): Manifest =>
  ({ issuers: ['embedded', { preset: 'generic', issuer: url, audience: ['api'], ...change }] }) as unknown as Manifest;
const kids = async (change?: object): Promise<unknown[]> =>
  (await upstream.issuers(manifest(change))).map((each) => each.keys.map((one) => (one as { kid?: string }).kid));

async function settled(what: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200 && !what(); turn++) await new Promise((resume) => setTimeout(resume, 10));
  expect(what()).toBe(true);
}

test('keys are found by discovery, and the embedded issuer is not asked', async () => {
  expect(await upstream.issuers(manifest({ roles: 'realm_access.roles' }))).toEqual([
    { preset: 'generic', issuer: url, audience: ['api'], keys, rolesClaims: ['/realm_access/roles'] },
  ]);
  expect(asked).toEqual(['/.well-known/openid-configuration', '/jwks']);
});

test('they are looked at again each ten minutes, and a change is told once', async () => {
  await kids();
  clock.advance(9 * 60_000);
  await kids();
  expect(asked).toHaveLength(2);
  keys = [jwk('one'), jwk('two')];
  clock.advance(2 * 60_000);
  await settled(() => changes === 1);
  expect(await kids()).toEqual([['one', 'two']]);
  clock.advance(11 * 60_000);
  await settled(() => asked.length >= 6);
  expect(await kids()).toEqual([['one', 'two']]);
  expect(changes).toBe(1);
});

test('an issuer that is slow to answer is asked once at a time, and its change is told once', async () => {
  await kids();
  keys = [jwk('two')];
  // Three times it falls due before it can have answered.
  clock.advance(11 * 60_000);
  const meanwhile = kids();
  await settled(() => changes > 0);
  expect(await meanwhile).toEqual([['two']]);
  expect([asked.length, changes]).toEqual([4, 1]);
});

test('while the issuer is away its keys stay in use; one that was never reached has none, and is asked sooner', async () => {
  await kids();
  answer = () => ({ status: 503 });
  clock.advance(11 * 60_000);
  await settled(() => warnings.length > 0);
  expect(await kids()).toEqual([['one']]);
  await upstream.stop();
  upstream = createUpstreamIssuers({ clock, log: silentLogger, onChange: () => changes++ });
  expect(await kids()).toEqual([[]]);
  answer = () => undefined;
  clock.advance(60_000);
  await settled(() => changes > 0);
  expect(await kids()).toEqual([['one']]);
});

test.each([
  ['names another issuer', () => JSON.stringify({ issuer: 'https://evil.example', jwks_uri: `${url}/jwks` })],
  ['names this issuer with a slash more', () => JSON.stringify({ issuer: `${url}/`, jwks_uri: `${url}/jwks` })],
  ['names no issuer', () => JSON.stringify({ jwks_uri: `${url}/jwks` })],
  ['names keys over plain HTTP', () => JSON.stringify({ issuer: url, jwks_uri: 'http://127.0.0.1/jwks' })],
  ['names keys in a file', () => JSON.stringify({ issuer: url, jwks_uri: 'file:///etc/passwd' })],
  ['names no keys', () => JSON.stringify({ issuer: url })],
  ['is null', () => 'null'],
  ['is a page', () => '<html>'],
  ['is endless', () => `"${'x'.repeat(2 * 1024 * 1024)}"`],
])('a discovery document that %s is refused: no key is trusted', async (_, body) => {
  answer = (path) => (path === '/jwks' ? undefined : { body: body() });
  expect(await kids()).toEqual([[]]);
  expect(asked).toEqual(['/.well-known/openid-configuration']);
  expect(warnings).toHaveLength(1);
});

test('a redirect is not followed', async () => {
  answer = (path) => (path === '/jwks' ? undefined : { status: 302, headers: { location: `${url}/jwks` } });
  expect(await kids()).toEqual([[]]);
  expect(asked).not.toContain('/jwks');
});

test.each(['{}', '{"keys":{}}', 'null', '[]'])('a key set that is `%s` is refused', async (body) => {
  answer = (path) => (path === '/jwks' ? { body } : undefined);
  expect(await kids()).toEqual([[]]);
  expect(warnings).toHaveLength(1);
});

test('an issuer whose certificate nobody vouches for is refused', async () => {
  tls.setDefaultCACertificates(usual);
  const { port } = server.address() as AddressInfo;
  expect(await kids({ issuer: `https://localhost:${port}` })).toEqual([[]]);
  tls.setDefaultCACertificates([...usual, authority.bundle]);
});

test('keys may be named by their own address, or lie in a file', async () => {
  expect(await kids({ jwks: `${url}/jwks` })).toEqual([['one']]);
  expect(asked).toEqual(['/jwks']);
  await upstream.stop();
  const folder = mkdtempSync(join(tmpdir(), 'merlon-issuers-'));
  writeFileSync(join(folder, 'jwks.json'), JSON.stringify({ keys: [jwk('of the file')] }));
  upstream = createUpstreamIssuers({ clock, log: silentLogger, onChange: () => undefined });
  expect(await kids({ jwks: join(folder, 'jwks.json') })).toEqual([['of the file']]);
  rmSync(folder, { recursive: true });
});
