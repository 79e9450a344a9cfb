import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { encodeBase64Url, encodeUtf8, equalConstantTime, tryDecodeBase64Url } from './bytes.ts';

test('base64url comes back as it went, at every length', () => {
  for (let length = 0; length < 70; length++) {
    const bytes = randomBytes(length);
    const text = encodeBase64Url(bytes);
    expect(text).toMatch(/^[A-Za-z0-9_-]*$/);
    expect(tryDecodeBase64Url(text)).toEqual(bytes);
  }
});

test('a view encodes its own part of the buffer', () => {
  const whole = new Uint8Array([1, 2, 3, 4]);
  expect(encodeBase64Url(whole.subarray(1, 3))).toBe(encodeBase64Url(new Uint8Array([2, 3])));
});

test.each(['A', 'AA==', 'AB', 'A+/B', 'AAA\n', ' AAA', 'AAAAA', 'ÀAAA', 'AA=A'])('`%s` is no base64url', (text) =>
  expect(tryDecodeBase64Url(text)).toBeUndefined(),
);

test('equal is equal, byte by byte and in length', () => {
  expect(equalConstantTime(encodeUtf8('abc'), encodeUtf8('abc'))).toBe(true);
  expect(equalConstantTime(encodeUtf8('abc'), encodeUtf8('abd'))).toBe(false);
  expect(equalConstantTime(encodeUtf8('abc'), encodeUtf8('ab'))).toBe(false);
  expect(equalConstantTime(encodeUtf8(''), encodeUtf8(''))).toBe(true);
});
