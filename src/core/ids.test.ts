import { expect, test } from 'vitest';
import { isUuid, randomToken, uuidV7 } from './ids.ts';

test('a UUID of version 7 carries version, variant and time (RFC 9562, section 5.7)', () => {
  const nowMs = Date.UTC(2026, 0, 1);
  for (let count = 0; count < 1000; count++) {
    const id = uuidV7(nowMs);
    expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(isUuid(id)).toBe(true);
    expect(Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16)).toBe(nowMs);
  }
});

test('later ones sort after earlier ones, and none comes twice', () => {
  const ids = Array.from({ length: 5000 }, (_, ms) => uuidV7(Date.UTC(2026, 0, 1) + ms));
  expect([...ids].sort()).toEqual(ids);
  const together = new Set(Array.from({ length: 20_000 }, () => uuidV7(1)));
  expect(together.size).toBe(20_000);
});

test('the earliest and the latest time keep the length', () => {
  for (const nowMs of [0, 1, 2 ** 48 - 1]) expect(isUuid(uuidV7(nowMs))).toBe(true);
});

test.each([
  '',
  'x',
  '0199a1b2-7c3d-7e4f-8a5b-6c7d8e9f0a1',
  '0199A1B2-7C3D-7E4F-8A5B-6C7D8E9F0A1B',
  '../../etc/passwd',
  `${uuidV7(1)}\n`,
])('`%s` has not the shape of a UUID', (text) => expect(isUuid(text)).toBe(false));

test('tokens are base64url, as long as asked, and never the same', () => {
  expect(randomToken()).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(randomToken(16)).toMatch(/^[A-Za-z0-9_-]{22}$/);
  expect(new Set(Array.from({ length: 1000 }, () => randomToken())).size).toBe(1000);
});
