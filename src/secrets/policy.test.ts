import { describe, expect, test } from 'vitest';
import { type Capability, createAcl, defaultPolicy, rootPolicy } from './policy.ts';

const acl = (rules: Readonly<Record<string, readonly Capability[]>>) =>
  createAcl([{ name: 'p', rules: Object.entries(rules).map(([path, capabilities]) => ({ path, capabilities })) }]);

test('nothing is allowed that no rule names', () => {
  expect(createAcl([]).allows('secret/data/a', 'read')).toBe(false);
  expect(acl({ 'secret/data/a': ['read'] }).allows('secret/data/a', 'update')).toBe(false);
  expect(acl({ 'secret/data/a': ['read'] }).allows('secret/data/ab', 'read')).toBe(false);
  expect(acl({ 'secret/data/a': ['read'] }).allows('secret/data/a/b', 'read')).toBe(false);
});

describe('patterns', () => {
  test.each([
    ['secret/*', 'secret/a/b', true],
    ['secret/*', 'secret', false],
    ['secret/a*', 'secret/ab/c', true],
    ['secret/a*', 'secret/b', false],
    ['*', 'anything/at/all', true],
    ['secret/+/x', 'secret/a/x', true],
    ['secret/+/x', 'secret/a/b/x', false],
    ['secret/+/x', 'secret/x', false],
    ['+/data/*', 'secret/data/a/b', true],
    ['secret/+', 'secret/a', true],
    ['secret/+', 'secret/a/b', false],
    ['secret/a*b', 'secret/axb', false],
  ])('%s and %s: %s', (pattern, path, expected) =>
    expect(acl({ [pattern]: ['read'] }).allows(path, 'read')).toBe(expected),
  );
});

describe('the most specific rule counts, whatever the others say', () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['secret/data/a', 'secret/data/*', 'secret/data/a'],
    ['secret/data/a*', 'secret/*', 'secret/data/ab'],
    ['secret/data/*', 'secret/+/*', 'secret/data/a'],
    ['secret/+/a', 'secret/*', 'secret/data/a'],
    ['secret/data/+', 'secret/+/+', 'secret/data/a'],
    ['secret/+/a', 'secret/+/*', 'secret/data/a'],
    ['secret/+/ab*', 'secret/+/a*', 'secret/data/abc'],
  ];
  test.each(cases)('%s before %s for %s', (specific, general, path) => {
    expect(acl({ [specific]: ['read'], [general]: ['update'] }).capabilitiesOf(path)).toEqual(['read']);
    expect(acl({ [general]: ['read'], [specific]: ['deny'] }).allows(path, 'read')).toBe(false);
  });
});

test('the same path in two policies adds up, and a denial in one of them denies', () => {
  const rule = (...capabilities: Capability[]) => ({ name: 'p', rules: [{ path: 'a', capabilities }] });
  expect(createAcl([rule('read'), rule('update')]).capabilitiesOf('a')).toEqual(['read', 'update']);
  expect(createAcl([rule('read'), rule('deny')]).capabilitiesOf('a')).toEqual([]);
});

test('a folder is listed by its rule with or without a slash', () => {
  expect(acl({ 'secret/metadata/a': ['list'] }).allows('secret/metadata/a/', 'list')).toBe(true);
  expect(acl({ 'secret/metadata/a/': ['list'] }).allows('secret/metadata/a/', 'list')).toBe(true);
  expect(acl({ 'secret/metadata/a': ['read'] }).allows('secret/metadata/a/', 'read')).toBe(false);
});

test('root may do everything, and default only what concerns the token itself', () => {
  expect(createAcl([rootPolicy]).allows('secret/data/a', 'delete')).toBe(true);
  expect(createAcl([defaultPolicy]).allows('auth/token/lookup-self', 'read')).toBe(true);
  expect(createAcl([defaultPolicy]).allows('auth/token/create', 'update')).toBe(false);
  expect(createAcl([defaultPolicy]).allows('secret/data/a', 'read')).toBe(false);
});
