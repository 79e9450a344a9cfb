import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openTestSecrets } from '../../test/fakes/secrets.ts';
import { type SecretNeed, writeSecretFiles } from './index.ts';

const need = (reference: string, changes: Partial<SecretNeed> = {}): SecretNeed => {
  const [, mount = '', path = '', field = ''] = /^([^/]+)\/([^#]+)#(.+)$/.exec(reference) ?? [];
  return { path: { mount, path, field }, generate: false, as: 'env', ...changes };
};

test('a service gets its fields as variables and as files, with the versions they are of', async () => {
  const { secrets } = await openTestSecrets();
  const operator = secrets.asOperator({ kind: 'operator', id: 'alice' });
  await operator.put('orders/db', { user: 'u', password: 'p', port: 5432 });
  const plan = {
    service: 'orders',
    secrets: {
      DB_USER: need('secret/orders/db#user'),
      DB_PORT: need('secret/orders/db#port'),
      DB_PASSWORD: need('secret/orders/db#password', { as: 'file' }),
    },
  };
  const before = await secrets.resolveServiceSecrets(plan);
  expect(before).toEqual({
    env: { DB_USER: 'u', DB_PORT: '5432' },
    files: { DB_PASSWORD: 'p' },
    versions: { 'orders/db': 1 },
  });
  await operator.put('orders/db', { user: 'u', password: 'p2', port: 1 });
  expect((await secrets.resolveServiceSecrets(plan)).versions).toEqual({ 'orders/db': 2 });
});

test('all that is missing is told at once, with what to do about it', async () => {
  const { secrets } = await openTestSecrets();
  await secrets.asOperator({ kind: 'operator', id: 'alice' }).put('a', { here: '1' });
  const plan = {
    service: 'orders',
    secrets: {
      A: need('secret/a#here'),
      B: need('secret/a#there'),
      C: need('secret/c#x'),
      D: need('database/creds/o#x'),
    },
  };
  await expect(secrets.resolveServiceSecrets(plan)).rejects.toMatchObject({
    code: 'secrets.missing',
    message: 'the service `orders` lacks `secret/a#there` (for B), `secret/c#x` (for C), `database/creds/o#x` (for D)',
    hint: expect.stringContaining('merlon secrets put'),
  });
});

test('a value is generated where that was asked for, exactly once, whoever asks at the same time', async () => {
  const { secrets, events } = await openTestSecrets();
  const plan = (service: string) => ({
    service,
    secrets: {
      SESSION: need('secret/shared#session', { generate: true }),
      PEPPER: need('secret/shared#pepper', { generate: true }),
    },
  });
  const all = await Promise.all(['a', 'b', 'c', 'd'].map((service) => secrets.resolveServiceSecrets(plan(service))));
  const values = new Set(all.map(({ env }) => JSON.stringify(env)));
  expect(values.size).toBe(1);
  expect(all[0]?.env.SESSION).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(all[0]?.env.PEPPER).not.toBe(all[0]?.env.SESSION);
  expect((await secrets.resolveServiceSecrets(plan('a'))).versions).toEqual({ shared: 2 });
  expect(events.filter(({ action }) => action === 'secret.generate').length).toBeGreaterThanOrEqual(2);
  expect(JSON.stringify(events)).not.toContain(all[0]?.env.SESSION);
});

test('a generated field leaves the others of its secret alone', async () => {
  const { secrets } = await openTestSecrets();
  const operator = secrets.asOperator({ kind: 'operator', id: 'alice' });
  await operator.put('orders', { kept: 'k' });
  const plan = { service: 'orders', secrets: { NEW: need('secret/orders#new', { generate: true }) } };
  const { env } = await secrets.resolveServiceSecrets(plan);
  expect((await operator.get('orders'))?.fields).toEqual({ kept: 'k', new: env.NEW });
});

test('an operator lists, reads and deletes, under its name', async () => {
  const { secrets, events } = await openTestSecrets();
  const operator = secrets.asOperator({ kind: 'operator', id: 'bob' });
  expect(await operator.put('a/b', { x: '1' })).toEqual({ version: 1 });
  await operator.put('c', { x: '1' });
  expect(await operator.list('')).toEqual(['a/b', 'c']);
  expect(await operator.get('none')).toBeUndefined();
  expect(await operator.delete('a/b')).toBe(true);
  expect(await operator.delete('a/b')).toBe(false);
  expect(await operator.list('')).toEqual(['c']);
  expect(events.every(({ actor }) => actor.id === 'bob')).toBe(true);
});

test('files are written for their owner alone', () => {
  const root = mkdtempSync(join(tmpdir(), 'secret-files-'));
  const folder = join(root, 'orders');
  const paths = writeSecretFiles(folder, { DB_PASSWORD: 'p' });
  expect(paths).toEqual({ DB_PASSWORD: join(folder, 'DB_PASSWORD') });
  expect(readFileSync(join(folder, 'DB_PASSWORD'), 'utf8')).toBe('p');
  expect(statSync(join(folder, 'DB_PASSWORD')).mode & 0o777).toBe(0o600);
  expect(() => writeSecretFiles(folder, { '../x': 'p' })).toThrow('name of a variable');
  rmSync(root, { recursive: true });
});
