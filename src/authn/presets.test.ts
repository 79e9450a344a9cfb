import { sign } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { encode, rsaKey } from '../../test/fakes/tokens.ts';
import type { IssuerSnapshot } from '../api/authn.ts';
import { noWeaknesses } from '../api/protections.ts';
import { compileAuthn, isDenial } from './index.ts';

const key = rsaKey('r1');
const clock = new ManualClock();
const iat = clock.now() / 1000;
const times = { iat, exp: iat + 600 };

function judge(issuer: Partial<IssuerSnapshot>, claims: object, header: object = { typ: 'JWT' }) {
  const config = {
    preset: 'generic',
    issuer: 'https://id.example',
    audience: ['api'],
    keys: [key.jwk],
    ...issuer,
  } as IssuerSnapshot;
  const authn = compileAuthn(
    { realm: 'x', issuers: [config], apiKeys: [], revokedTokens: [], revokedSubjects: [] },
    { clock, weaknesses: noWeaknesses },
  );
  const input = `${encode({ alg: 'RS256', kid: 'r1', ...header })}.${encode({ ...times, ...claims })}`;
  const token = `${input}.${sign('sha256', Buffer.from(input), key.privateKey).toString('base64url')}`;
  const fields = {
    get: (name: string) => (name === 'authorization' ? `Bearer ${token}` : undefined),
    count: (name: string) => Number(name === 'authorization'),
  };
  const result = authn.authenticate(fields, 'required');
  return isDenial(result) ? { code: result.reason.code, claim: result.reason.claim } : result.principal;
}

describe('cognito', () => {
  const issuer = {
    preset: 'cognito',
    issuer: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_abc',
    audience: ['client1'],
  } as const;
  const access = {
    iss: issuer.issuer,
    sub: 'u-1',
    token_use: 'access',
    client_id: 'client1',
    scope: 'api/read api/write',
    'cognito:groups': ['admins'],
  };
  test('an access token without `aud`', () => {
    expect(judge(issuer, access, {})).toMatchObject({
      kind: 'user',
      id: 'u-1',
      client: 'client1',
      scopes: ['api/read', 'api/write'],
      roles: ['admins'],
    });
  });
  test('an ID token is refused, even with our audience', () => {
    const id = { iss: issuer.issuer, sub: 'u-1', token_use: 'id', aud: 'client1', client_id: 'client1' };
    expect(judge(issuer, id, {})).toMatchObject({ code: 'authn.type', claim: 'token_use' });
  });
  test("another application's token is refused", () => {
    expect(judge(issuer, { ...access, client_id: 'client2', aud: 'client1' }, {})).toMatchObject({
      code: 'authn.audience',
    });
  });
});

describe('auth0', () => {
  const issuer = {
    preset: 'auth0',
    issuer: 'https://acme.eu.auth0.com/',
    audience: ['https://api.acme.example'],
  } as const;
  const aud = ['https://api.acme.example', 'https://acme.eu.auth0.com/userinfo'];
  test('a user token with permissions', () => {
    const token = {
      iss: issuer.issuer,
      aud,
      sub: 'auth0|1',
      azp: 'spa',
      scope: 'openid read',
      permissions: ['write', 'read'],
    };
    expect(judge(issuer, token)).toMatchObject({ kind: 'user', client: 'spa', scopes: ['openid', 'read', 'write'] });
  });
  test('a machine token', () => {
    expect(judge(issuer, { iss: issuer.issuer, aud, sub: 'm2m@clients', azp: 'm2m', scope: 'read' })).toMatchObject({
      kind: 'client',
      id: 'm2m@clients',
    });
  });
  test('roles in a claim whose name is a URL', () => {
    const token = { iss: issuer.issuer, aud, sub: 'auth0|1', 'https://acme.example/roles': ['boss'] };
    expect(judge({ ...issuer, rolesClaims: ['https://acme.example/roles'] }, token)).toMatchObject({ roles: ['boss'] });
  });
});

test('okta: `scp` is an array, the client is `cid`', () => {
  const issuer = {
    preset: 'okta',
    issuer: 'https://acme.okta.com/oauth2/default',
    audience: ['api://default'],
  } as const;
  const token = {
    iss: issuer.issuer,
    aud: 'api://default',
    sub: 'a@acme.example',
    cid: '0oa1',
    scp: ['orders', 'openid'],
    groups: ['Everyone'],
  };
  expect(judge(issuer, token, {})).toMatchObject({
    kind: 'user',
    client: '0oa1',
    scopes: ['orders', 'openid'],
    roles: ['Everyone'],
  });
  expect(judge(issuer, { ...token, sub: '0oa1' }, {})).toMatchObject({ kind: 'client' });
});

describe('entra', () => {
  const tenant = '11111111-2222-3333-4444-555555555555';
  const v2 = `https://login.microsoftonline.com/${tenant}/v2.0`;
  const v1 = `https://sts.windows.net/${tenant}/`;
  const issuer = { preset: 'entra', issuer: v2, audience: ['api-id', 'api://api-id'] } as const;
  test('version 2', () => {
    expect(judge(issuer, { iss: v2, aud: 'api-id', sub: 's', azp: 'app', scp: 'a b', roles: ['r'] })).toMatchObject({
      issuer: v2,
      client: 'app',
      scopes: ['a', 'b'],
      roles: ['r'],
    });
  });
  test('version 1 of the same tenant, under the same name', () => {
    expect(judge(issuer, { iss: v1, aud: 'api://api-id', sub: 's', appid: 'app', scp: 'a' })).toMatchObject({
      issuer: v2,
      client: 'app',
      scopes: ['a'],
    });
  });
  test('another tenant is refused', () => {
    expect(judge(issuer, { iss: v1.replace('1111', '2222'), aud: 'api-id', sub: 's' })).toMatchObject({
      code: 'authn.issuer',
    });
  });
});

test('google: both spellings of the issuer', () => {
  const issuer = {
    preset: 'google',
    issuer: 'https://accounts.google.com',
    audience: ['id.apps.googleusercontent.com'],
  } as const;
  const token = {
    aud: 'id.apps.googleusercontent.com',
    azp: 'id.apps.googleusercontent.com',
    sub: '1089',
    at_hash: 'x',
  };
  for (const iss of ['https://accounts.google.com', 'accounts.google.com'])
    expect(judge(issuer, { ...token, iss })).toMatchObject({ id: '1089', issuer: issuer.issuer });
  expect(judge(issuer, { ...token, iss: 'accounts.google.com.evil.example' })).toMatchObject({ code: 'authn.issuer' });
});

test('firebase: the project is the audience', () => {
  const issuer = { preset: 'firebase', issuer: 'https://securetoken.google.com/proj', audience: [] } as const;
  expect(judge(issuer, { iss: issuer.issuer, aud: 'proj', sub: 'u', roles: ['editor'] })).toMatchObject({
    id: 'u',
    roles: ['editor'],
  });
  expect(judge(issuer, { iss: issuer.issuer, aud: 'other', sub: 'u' })).toMatchObject({ code: 'authn.audience' });
});

describe('keycloak', () => {
  const issuer = { preset: 'keycloak', issuer: 'https://kc.example/realms/shop' } as const;
  const token = {
    iss: issuer.issuer,
    aud: ['account', 'api'],
    sub: 'u',
    azp: 'web',
    typ: 'Bearer',
    scope: 'profile',
    realm_access: { roles: ['buyer'] },
  };
  test('an access token with realm roles', () =>
    expect(judge(issuer, token)).toMatchObject({ client: 'web', scopes: ['profile'], roles: ['buyer'] }));
  test.each(['ID', 'Refresh', 'Offline', undefined])('a token of `typ: %s` is refused', (typ) => {
    expect(judge(issuer, { ...token, typ })).toMatchObject({ code: 'authn.type', claim: 'typ' });
  });
  test.each(['resource_access.web.roles', '/resource_access/web/roles'])("another client's roles, by `%s`", (path) => {
    expect(
      judge({ ...issuer, rolesClaims: [path] }, { ...token, resource_access: { web: { roles: ['x'] } } }),
    ).toMatchObject({ roles: ['x'] });
  });
});

test('zitadel: roles are member names', () => {
  const token = {
    iss: 'https://z.example',
    aud: ['api'],
    sub: '1',
    client_id: 'c',
    'urn:zitadel:iam:org:project:roles': { admin: { 1: 'org' }, user: { 1: 'org' } },
  };
  expect(judge({ preset: 'zitadel', issuer: 'https://z.example' }, token)).toMatchObject({ roles: ['admin', 'user'] });
});

describe('generic', () => {
  const token = { iss: 'https://id.example', aud: 'api', sub: 'u', client_id: 'c', scope: 'a  b', groups: ['g'] };
  test('RFC 9068', () =>
    expect(judge({}, token, { typ: 'at+jwt' })).toMatchObject({ client: 'c', scopes: ['a', 'b'], roles: ['g'] }));
  test('names that are not text are dropped, and nothing comes from a prototype', () => {
    const claims = { ...token, groups: ['g', 7, null, { x: 1 }], scope: 7 };
    expect(judge({ rolesClaims: ['groups', 'constructor.name', '__proto__'] }, claims)).toMatchObject({
      roles: ['g'],
      scopes: [],
    });
  });
  test.each(['dpop+jwt', 'logout+jwt', 'secevent+jwt', 'JOSE', 'txntoken+jwt'])(
    '`typ: %s` is no access token',
    (typ) => {
      expect(judge({}, token, { typ })).toMatchObject({ code: 'authn.type' });
    },
  );
});
