import { expect, test } from 'vitest';
import { authorizationUrl, Browser, issuer, startRig } from '../../test/fakes/openid-provider.ts';
import type { LoginAttempt } from './ports.ts';
import { obtainToken } from './token-client.ts';

test('a throttled login is turned away before its password is looked at, and a right one forgives', async () => {
  const taken: LoginAttempt[] = [];
  const forgiven: LoginAttempt[] = [];
  let allowed = true;
  const rig = await startRig({
    throttle: {
      take: (attempt) => {
        taken.push(attempt);
        return allowed ? { allowed } : { allowed: false, retryAfterSeconds: 42 };
      },
      forgive: (attempt) => void forgiven.push(attempt),
      undo: () => undefined,
    },
  });
  const password = rig.passwords.get('alice') ?? '';
  const login = () =>
    obtainToken({ issuer, clientId: 'web', username: 'Alice', password, scopes: ['openid'], fetch: rig.fetch });
  await login();
  expect([taken, forgiven]).toEqual([
    [{ username: 'alice', address: '203.0.113.9' }],
    [{ username: 'alice', address: '203.0.113.9' }],
  ]);

  allowed = false;
  await expect(login()).rejects.toMatchObject({
    code: 'oidc.login-failed',
    message: expect.stringContaining('42 seconds'),
  });
  expect(forgiven).toHaveLength(1);

  const browser = new Browser(rig.fetch);
  const page = await browser.follow(await browser.visit(authorizationUrl()));
  const answer = await browser.visit(page.url, { username: 'alice', password, decision: 'login' });
  expect([answer.status, answer.header('retry-after')]).toEqual([429, '42']);
  expect(answer.text).toContain('Too many attempts');
  expect(rig.events.at(-1)).toMatchObject({
    action: 'user.login',
    outcome: 'failure',
    detail: { failure: 'throttled' },
  });
  await rig.stop();
});

test('the address is the last hop, which the gateway saw itself', async () => {
  const taken: LoginAttempt[] = [];
  const rig = await startRig({
    throttle: {
      take: (attempt) => {
        taken.push(attempt);
        return { allowed: true };
      },
      forgive: () => undefined,
      undo: () => undefined,
    },
  });
  const browser = new Browser(rig.fetch);
  const page = await browser.follow(await browser.visit(authorizationUrl()));
  await browser.visit(page.url, { username: 'alice', password: 'x' }, { 'x-forwarded-for': '10.0.0.1, 198.51.100.7' });
  expect(taken.at(-1)?.address).toBe('198.51.100.7');
  await rig.stop();
});
