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
  hash: hash('sha256', key, 'base64url'),
  principal: { kind: 'client', id: 'ci', roles: ['deployer'], scopes: ['deploy'] },
  expiresAtMs: clock.now() + 1000,
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
    ['its hash', stored.hash],
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
      compileAuthn({ ...config, apiKeys: [{ ...stored, hash: 'x' }] }, { clock, weaknesses: new Set() }),
    ).toThrow(/not a SHA-256/);
  });
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
