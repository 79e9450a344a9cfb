import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { exitCodes, hasCode, MerlonError, messageOf, systemCode } from './errors.ts';

test('what the caller may read and what the operator may read are two fields', () => {
  const error = new MerlonError({ code: 'a.b', message: 'no', detail: 'the table is locked', hint: 'wait', cause: 1 });
  expect([error.code, error.message, error.detail, error.hint, error.cause]).toEqual([
    'a.b',
    'no',
    'the table is locked',
    'wait',
    1,
  ]);
  expect(String(error)).not.toContain('locked');
  expect(hasCode(error, 'a.b')).toBe(true);
  expect(hasCode(error, 'a')).toBe(false);
  expect(hasCode({ code: 'a.b' }, 'a.b')).toBe(false);
});

test('tells the code and the sentence of anything thrown', () => {
  try {
    readFileSync('/nonexistent');
  } catch (error) {
    expect(systemCode(error)).toBe('ENOENT');
  }
  expect(systemCode('ENOENT')).toBeUndefined();
  expect(systemCode(Object.assign(new Error('x'), { code: 5 }))).toBeUndefined();
  expect([messageOf(new Error('x')), messageOf('y'), messageOf(undefined)]).toEqual(['x', 'y', 'undefined']);
});

test('every exit code is one that a shell keeps, and no two are the same', () => {
  const codes = Object.values(exitCodes);
  expect(codes.every((code) => code >= 0 && code < 126)).toBe(true);
  expect(new Set(codes).size).toBe(codes.length);
});
