// What the embedded provider issues, judged by the gateway's verifier: the two agree without knowing each other.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AuthnSnapshot } from '../../src/api/authn.ts';
import { noWeaknesses } from '../../src/api/protections.ts';
import { compileAuthn, isDenial } from '../../src/authn/index.ts';
import { systemClock } from '../../src/core/clock.ts';
import { clientCredentials, createApiKeys, obtainToken } from '../../src/oidc/index.ts';
import { audience, issuer, type Rig, startRig } from '../fakes/openid-provider.ts';

let rig: Rig;
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.stop());

async function judge(token: string, changes: Partial<AuthnSnapshot> = {}) {
  const config: AuthnSnapshot = {
    realm: 'shop.example',
    issuers: [{ preset: 'embedded', issuer, audience: [audience], keys: rig.provider.jwks() }],
    apiKeys: [],
    revokedTokens: await rig.provider.revokedTokens(),
    revokedSubjects: await rig.provider.revokedSubjects(),
    ...changes,
  };
  const authn = compileAuthn(config, { clock: systemClock, weaknesses: noWeaknesses });
  expect(authn.warnings).toEqual([]);
  const headers = {
    get: (name: string) => (name === 'authorization' ? `Bearer ${token}` : undefined),
    count: (name: string) => Number(name === 'authorization'),
  };
  const result = authn.authenticate(headers, 'required');
  return isDenial(result) ? result.reason.code : result.principal;
}

const login = () =>
  obtainToken({
    issuer,
    clientId: 'web',
    username: 'alice',
    password: rig.passwords.get('alice') ?? '',
    scopes: ['openid', 'orders:read', 'orders:write'],
    fetch: rig.fetch,
  });

test("a user's access token is let in, the ID token and the refresh token are not", async () => {
  const { accessToken, idToken = '', refreshToken = '' } = await login();
  expect(await judge(accessToken)).toEqual({
    kind: 'user',
    id: 'alice',
    issuer,
    client: 'web',
    roles: ['customer'],
    scopes: ['openid', 'orders:read', 'orders:write'],
  });
  expect(await judge(idToken)).toBe('authn.type');
  expect(await judge(refreshToken)).toBe('authn.token-malformed');
});

test("a client's own token names the client", async () => {
  const { accessToken } = await clientCredentials({
    issuer,
    clientId: 'robot',
    clientSecret: rig.clientSecrets.get('robot') ?? '',
    scopes: ['orders:read'],
    fetch: rig.fetch,
  });
  expect(await judge(accessToken)).toMatchObject({
    kind: 'client',
    id: 'robot',
    roles: ['auditor'],
    scopes: ['orders:read'],
  });
});

test('a token that its client revokes is refused, one that another client sends in is not', async () => {
  const { accessToken } = await login();
  const revoke = (client: string, token: string) =>
    rig.fetch(`${issuer}/revoke`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ client_id: client, token }).toString(),
    });
  expect((await revoke('narrow', accessToken)).status).toBe(200);
  expect(await judge(accessToken)).toMatchObject({ id: 'alice' });
  expect((await revoke('robot', accessToken)).status).toBe(401);
  expect((await revoke('web', `${accessToken.slice(0, -4)}AAAA`)).status).toBe(200);
  expect(await judge(accessToken)).toMatchObject({ id: 'alice' });
  expect((await revoke('web', accessToken)).status).toBe(200);
  expect(await judge(accessToken)).toBe('authn.token-revoked');
});

test('a minted API key is let in until it is revoked', async () => {
  const { store } = rig;
  const keys = createApiKeys({ store, clock: systemClock, emit: () => undefined, onChange: () => undefined });
  const { key, record } = await keys.mint({
    label: 'ci',
    client: 'ci',
    roles: ['deployer'],
    scopes: ['deploy'],
    ttlSeconds: 60,
  });
  expect(await judge(key, { apiKeys: await keys.list() })).toEqual({
    kind: 'client',
    id: 'ci',
    roles: ['deployer'],
    scopes: ['deploy'],
  });
  await keys.revoke(record.id);
  expect(await judge(key, { apiKeys: await keys.list() })).toBe('authn.api-key');
});

test('a token outlives a rotation of keys, and not the revocation of its user', async () => {
  const { accessToken } = await login();
  await rig.provider.rotateKeys();
  expect(await judge(accessToken)).toMatchObject({ id: 'alice' });
  await rig.provider.revokeUser('alice');
  expect(await judge(accessToken)).toBe('authn.token-revoked');
});
