import { hash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import type { ApiKeySnapshot, AuthnSnapshot } from '../api/authn.ts';
import { compileAuthn } from './index.ts';

const secret = 'A'.repeat(43);
const key = `mk_abcdefghijkl_${secret}`;
const clock = new ManualClock();
const stored: ApiKeySnapshot = {
  id: 'abcdefghijkl',
  secrets: [{ hash: hash('sha256', key, 'base64url'), expiresAtMs: clock.now() + 1000 }],
  principal: { kind: 'client', id: 'ci', roles: ['deployer'], scopes: ['deploy'] },
};
const config: AuthnSnapshot = {
  realm: 'shop.example',
  issuers: [],
  apiKeys: [stored],
  revokedTokens: [],
  revokedSubjects: [],
};
const authn = compileAuthn(config, { clock, weaknesses: new Set() });

const headers = (...fields: [string, string][]) => ({
  get: (name: string) => fields.find(([each]) => each === name)?.[1],
  count: (name: string) => fields.filter(([each]) => each === name).length,
});
const ask = (...fields: [string, string][]) => authn.authenticate(headers(...fields), 'required');

describe('API keys', () => {
  test.each([
    ['authorization', `Bearer ${key}`],
    ['authorization', `bearer ${key}`],
    ['x-api-key', key],
  ])('are taken from `%s: %s`', (name, value) => {
    expect(ask([name, value])).toMatchObject({
      principal: { kind: 'client', id: 'ci', scopes: ['deploy'] },
      credential: 'api-key',
    });
  });

  test.each([
    ['another secret', `mk_abcdefghijkl_${'B'.repeat(43)}`],
    ['another name', `mk_abcdefghijkm_${secret}`],
    ['its name alone', 'mk_abcdefghijkl'],
    ['a longer secret', `${key}A`],
    ['a line break', `${key}\n`],
    ['nothing', ''],
    ['its hash', hash('sha256', key, 'base64url')],
  ])('are refused with %s', (_, value) => {
    expect(ask(['x-api-key', value])).toMatchObject({ status: 401, reason: { code: 'authn.api-key' } });
  });

  test('end when they expire', () => {
    const late = new ManualClock(clock.now() + 1000);
    const later = compileAuthn(config, { clock: late, weaknesses: new Set() });
    expect(later.authenticate(headers(['x-api-key', key]), 'required')).toMatchObject({
      reason: { code: 'authn.api-key-expired' },
    });
  });

  test('never show in a denial', () => {
    expect(JSON.stringify(ask(['x-api-key', `mk_abcdefghijkl_${'B'.repeat(43)}`]))).not.toContain('BBBB');
  });

  test('need a hash that is one', () => {
    expect(() =>
      compileAuthn(
        { ...config, apiKeys: [{ ...stored, secrets: [{ hash: 'x', expiresAtMs: 0 }] }] },
        { clock, weaknesses: new Set() },
      ),
    ).toThrow(/not a SHA-256/);
  });
});

describe('an API key with two secrets', () => {
  const former = `mk_abcdefghijkl_${'B'.repeat(43)}`;
  const rotated: ApiKeySnapshot = {
    ...stored,
    secrets: [
      { hash: hash('sha256', key, 'base64url'), expiresAtMs: clock.now() + 5000 },
      { hash: hash('sha256', former, 'base64url'), expiresAtMs: clock.now() + 1000 },
    ],
  };
  const at = (ms: number) =>
    compileAuthn(
      { ...config, apiKeys: [rotated] },
      { clock: new ManualClock(clock.now() + ms), weaknesses: new Set() },
    );
  const codeOf = (ms: number, presented: string) => {
    const result = at(ms).authenticate(headers(['x-api-key', presented]), 'required');
    return 'reason' in result ? result.reason.code : result.credentialId;
  };

  test('takes the former one until its end, and the new one on', () => {
    expect(codeOf(0, key)).toBe('abcdefghijkl');
    expect(codeOf(0, former)).toBe('abcdefghijkl');
    expect(codeOf(1000, former)).toBe('authn.api-key-expired');
    expect(codeOf(1000, key)).toBe('abcdefghijkl');
    expect(codeOf(5000, key)).toBe('authn.api-key-expired');
  });
});

describe('where a key is presented', () => {
  const withHeader = (bearer: boolean) =>
    compileAuthn({ ...config, apiKeyHeader: { name: 'x-shop-key', bearer } }, { clock, weaknesses: new Set() });
  const codeOf = (judge: ReturnType<typeof withHeader>, ...fields: [string, string][]) => {
    const result = judge.authenticate(headers(...fields), 'apiKey');
    return 'reason' in result ? result.reason.code : result.credential;
  };

  test('is the header that the manifest names, and no other', () => {
    expect(codeOf(withHeader(true), ['x-shop-key', key])).toBe('api-key');
    expect(codeOf(withHeader(true), ['x-api-key', key])).toBe('authn.api-key-missing');
    expect(codeOf(withHeader(true), ['authorization', `Bearer ${key}`])).toBe('api-key');
    expect(codeOf(withHeader(false), ['authorization', `Bearer ${key}`])).toBe('authn.credential-kind');
  });

  test.each([`api_key=${key}`, `a=1&token=${key}`, key])('is never the query: ?%s', (query) => {
    for (const demand of ['required', 'optional'] as const) {
      const result = authn.authenticate(headers(), demand, query);
      expect(result).toMatchObject({ status: 400, reason: { code: 'authn.api-key-in-query' } });
      expect(JSON.stringify(result)).not.toContain(secret);
    }
    expect(authn.authenticate(headers(), 'optional', 'name=mk_not_a_key')).toMatchObject({ credential: 'none' });
  });

  test('is nowhere on a route for tokens alone', () => {
    expect(authn.authenticate(headers(['x-api-key', key]), 'token')).toMatchObject({
      status: 401,
      reason: { code: 'authn.credential-kind', expected: 'an access token', actual: 'an API key' },
    });
  });
});

test('with the protection off, any secret opens the key that it names: the attack is real', () => {
  const weak = compileAuthn(config, { clock, weaknesses: new Set(['authn.api-key']) });
  const forged = headers(['x-api-key', `mk_abcdefghijkl_${'B'.repeat(43)}`]);
  expect(weak.authenticate(forged, 'required')).toMatchObject({ principal: { id: 'ci' } });
  expect(authn.authenticate(forged, 'required')).toMatchObject({ status: 401 });
});

describe('which credential counts', () => {
  test.each([
    [
      [
        ['authorization', 'Bearer a.b.c'],
        ['authorization', 'Bearer a.b.c'],
      ],
    ],
    [
      [
        ['authorization', `Bearer ${key}`],
        ['x-api-key', key],
      ],
    ],
    [
      [
        ['x-api-key', key],
        ['x-api-key', key],
      ],
    ],
  ] as [string, string][][][])('two are refused: %j', (fields) => {
    expect(ask(...fields)).toMatchObject({ status: 400, reason: { code: 'authn.ambiguous' } });
  });

  test.each(['Basic YTpi', 'DPoP a.b.c', 'Bearer', 'Bearera.b.c', 'Negotiate x', ''])(
    '`Authorization: %s` is another scheme',
    (value) => {
      expect(ask(['authorization', value])).toMatchObject({ status: 401, reason: { code: 'authn.scheme' } });
    },
  );

  test('none is fine where the route says so; a bad one is not', () => {
    expect(authn.authenticate(headers(), 'optional')).toMatchObject({ principal: { kind: 'anonymous' } });
    expect(authn.authenticate(headers(['x-api-key', 'bad']), 'optional')).toMatchObject({ status: 401 });
  });
});
