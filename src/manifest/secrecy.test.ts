import { expect, test } from 'vitest';
import { hasUrlPassword, isPlainSecret, isSecretName, isSecretPath } from './secrecy.ts';

test('names that stand for secrets', () => {
  for (const name of [
    'DB_PASSWORD',
    'apiKey',
    'API_KEY',
    'clientSecret',
    'JWT_SIGNING_KEY',
    'token',
    'AWS_SECRET_ACCESS_KEY',
    'passwordHash',
  ])
    expect(isSecretName(name), name).toBe(true);
  for (const name of [
    'DB_PASSWORD_FILE',
    'TOKEN_URL',
    'SECRET_NAME',
    'KEYBOARD',
    'MONKEY',
    'PUBLIC_KEY',
    'TOKENIZER',
    'compass',
  ])
    expect(isSecretName(name), name).toBe(false);
});

test('passwords in URLs', () => {
  expect(hasUrlPassword('postgres://user:secret@db/x')).toBe(true);
  expect(hasUrlPassword('postgres://user@db/x')).toBe(false);
  expect(hasUrlPassword('postgres://user:$PASSWORD@db/x')).toBe(false);
  expect(hasUrlPassword('http://host:80/a@b')).toBe(false);
});

test('switches are no secrets', () => {
  expect(isPlainSecret('MYSQL_ALLOW_EMPTY_PASSWORD', 'yes')).toBe(false);
  expect(isPlainSecret('MYSQL_PASSWORD', 'hunter2')).toBe(true);
});

test('places of a manifest whose values are not shown', () => {
  expect(isSecretPath(['services', 'orders', 'env', 'ANY'])).toBe(true);
  expect(isSecretPath(['services', 'orders', 'secrets'])).toBe(true);
  expect(isSecretPath(['users', 'alice', 'passwordHash'])).toBe(true);
  expect(isSecretPath(['services', 'orders', 'run'])).toBe(false);
});
