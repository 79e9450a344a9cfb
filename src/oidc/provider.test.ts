import { decodeJwt, decodeProtectedHeader } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { audience, callback, issuer, type Rig, startRig } from '../../test/fakes/openid-provider.ts';
import { clientCredentials, obtainToken, refreshTokens } from './token-client.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await startRig();
});
afterEach(() => rig.stop());

const login = (overrides: Partial<Parameters<typeof obtainToken>[0]> = {}) =>
  obtainToken({
    issuer,
    clientId: 'web',
    username: 'alice',
    password: rig.passwords.get(overrides.username ?? 'alice') ?? '',
    scopes: ['openid', 'profile', 'orders:read', 'orders:write'],
    redirectUri: callback,
    fetch: rig.fetch,
    ...overrides,
  });

describe('authorization code with PKCE', () => {
  test('gives an access token for the API, an ID token and a refresh token', async () => {
    const tokens = await login();
    expect(decodeProtectedHeader(tokens.accessToken)).toMatchObject({
      alg: 'ES256',
      typ: 'at+jwt',
      kid: rig.provider.jwks()[0]?.kid,
    });
    expect(decodeJwt(tokens.accessToken)).toMatchObject({
      iss: issuer,
      aud: audience,
      sub: 'alice',
      client_id: 'web',
      roles: ['customer'],
      scope: 'openid profile orders:read orders:write',
    });
    expect(decodeJwt(tokens.idToken ?? '')).toMatchObject({ aud: 'web', sub: 'alice', name: 'Alice <b>Liddell</b>' });
    expect(tokens.refreshToken).toBeTypeOf('string');
  });

  test('grants no scope that the roles do not carry', async () => {
    const tokens = await login({ username: 'bob', scopes: ['orders:read', 'orders:write'] });
    expect(tokens.scopes).toEqual(['orders:read']);
  });
});

test('client credentials', async () => {
  const tokens = await clientCredentials({
    issuer,
    clientId: 'robot',
    clientSecret: rig.clientSecrets.get('robot') ?? '',
    scopes: ['orders:read'],
    fetch: rig.fetch,
  });
  expect(decodeJwt(tokens.accessToken)).toMatchObject({
    sub: 'robot',
    client_id: 'robot',
    aud: audience,
    scope: 'orders:read',
    roles: ['auditor'],
  });
});

test('refresh', async () => {
  const first = await login();
  const second = await refreshTokens({
    issuer,
    clientId: 'web',
    refreshToken: first.refreshToken ?? '',
    fetch: rig.fetch,
  });
  expect(second.refreshToken).not.toBe(first.refreshToken);
});
