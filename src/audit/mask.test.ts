import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { auditEvent, deniedDecision } from '../../test/fakes/records.ts';
import { ledgerDefaults, tryParseRecord } from './control.ts';
import { isLuhn, maskPath, maskRecord, maskText } from './index.ts';

const jwt = 'eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl';

describe('masked', () => {
  test.each([
    ['mail to alice.b+c@mail.example.com now', 'mail to [email @mail.example.com] now'],
    ['card 4111 1111 1111 1111.', 'card [card …1111].'],
    ['4111-1111-1111-1111', '[card …1111]'],
    ['378282246310005', '[card …0005]'],
    [`got ${jwt}!`, 'got [token]!'],
    ['Authorization: Bearer abcdefghijkl', 'Authorization: [token]'],
    ['key sk_live_abcdef1234567890', 'key [token]'],
    ['hvs.CAESIJabcdefgh', '[token]'],
    ['password=hunter2 and more', 'password=[secret] and more'],
    ['{"api_key": "abc"}', '{"api_key": "[secret]"}'],
    ['id_token=abc, {"token": "abc"}', 'id_token=[secret], {"token": "[secret]"}'],
    ['DB_PASSWORD=abc', 'DB_PASSWORD=[secret]'],
    ['https://shop.example/a?token=1&b=2 failed', 'https://shop.example/a failed'],
    ['-----BEGIN PRIVATE KEY-----\nMC4CAQ', '[token]'],
  ])('%s', (text, masked) => expect(maskText(text)).toBe(masked));
});

describe('left alone', () => {
  test.each([
    'order 1234567890123456 is not a card',
    '018f2d0c-1111-7222-8333-444455556666',
    '2026-01-01T00:00:00.000Z',
    'scope orders:write is missing',
    'the token: it has expired',
    'secret: not found',
    'spiffe://shop.example/orders',
    '10.0.0.1:8443',
  ])('%s', (text) => expect(maskText(text)).toBe(text));
});

test('a path loses its query, and addresses also where they are encoded', () => {
  expect(maskPath('/users/eve%40example.com/cards?full=1')).toBe('/users/[email @example.com]/cards');
});

test('Luhn accepts a number with its check digit and refuses it with any other', () => {
  const digits = fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 11, maxLength: 18 });
  fc.assert(
    fc.property(digits, (number) => {
      const valid = Array.from({ length: 10 }, (_, check) => isLuhn([...number, check].join('')));
      return valid.filter(Boolean).length === 1;
    }),
  );
});

test('a record without anything to mask is given back as it is', () => {
  const record = deniedDecision({ principal: { kind: 'user', id: 'u1', roles: ['admin'] } });
  expect(maskRecord(record)).toBe(record);
});

test('a principal keeps its name, and everything else of a record is masked', () => {
  const reason = {
    filter: 'openapi',
    code: 'openapi.body',
    message: 'no',
    actual: 'eve@example.com',
    fixes: [`send ${jwt}`],
  };
  const masked = maskRecord(
    deniedDecision({ path: '/a?b=c', principal: { kind: 'user', id: 'alice@shop.example' }, reason }),
  );
  expect(masked).toMatchObject({ path: '/a', principal: { id: 'alice@shop.example' } });
  expect(masked.reason).toMatchObject({ actual: '[email @example.com]', fixes: ['send [token]'] });
  expect(maskRecord(auditEvent({ detail: { note: 'password: x', count: 3 } })).detail).toEqual({
    note: 'password: [secret]',
    count: 3,
  });
});

test('no text costs much time', () => {
  for (const unit of ['eyJ', 'a.', '@a.', '4 ', '4111-', 'Bearer ', 'password', '-----BEGIN ', '?', '%']) {
    const text = unit.repeat(100_000 / unit.length);
    const start = performance.now();
    expect(maskText(text).length).toBeLessThan(5_000);
    expect(performance.now() - start, unit).toBeLessThan(200);
  }
});

test('masking a masked record changes nothing', () => {
  const texts = fc.array(
    fc.constantFrom(jwt, 'a@b.example', '4111111111111111', 'password=x', '?q', 'Bearer abcdefghij', ' ', 'plain', '"'),
  );
  fc.assert(
    fc.property(texts, (parts) => {
      const once = maskText(parts.join(' '));
      return maskText(once) === once;
    }),
  );
});

test('the largest record that there can be fits into the ledger', () => {
  const text = '\u4e2d'.repeat(10_000);
  const list = Array.from({ length: 500 }, () => text);
  const principal = { kind: 'user', id: text, issuer: text, client: text, roles: list, scopes: list } as const;
  const reason = {
    filter: text,
    code: text,
    message: text,
    detail: text,
    rule: text,
    clause: text,
    claim: text,
    expected: text,
    actual: text,
    fixes: list,
  };
  const named = {
    method: text,
    host: text,
    path: text,
    remoteAddress: text,
    route: text,
    service: text,
    operation: text,
    snapshot: text,
    traceId: text,
  };
  const masked = maskRecord(deniedDecision({ ...named, principal, reason }));
  expect(tryParseRecord(masked)).toBeDefined();
  expect(Buffer.byteLength(JSON.stringify(masked))).toBeLessThan(ledgerDefaults.maxRecordBytes);
});
