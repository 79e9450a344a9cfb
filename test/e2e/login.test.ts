// Signing in with a real browser: the page that people see, its policy, its cookies, and where it leads.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Browser, chromiumCommand, startBrowser } from './chromium.ts';
import { type Platform, startPlatform } from './platform.ts';

const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';

describe.skipIf(chromiumCommand === undefined)('chromium', () => {
  let platform: Platform;
  let browser: Browser;

  beforeAll(async () => {
    platform = await startPlatform();
    browser = await startBrowser();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    await platform?.stop();
  }, 60_000);

  const redirectUri = (): string => `${platform.url}/signed-in`;

  function authorizeUrl(): string {
    const challenge = createHash('sha256').update(verifier).digest('base64url');
    const query = new URLSearchParams({
      client_id: 'shop-web',
      response_type: 'code',
      scope: 'openid orders:read',
      redirect_uri: redirectUri(),
      code_challenge: challenge,
      code_challenge_method: 'S256',
      state: 'a-state',
      nonce: 'a-nonce',
    });
    return `${platform.url}/oidc/authorize?${query}`;
  }

  async function signIn(password: string): Promise<void> {
    await browser.evaluate(`document.querySelector('input[name=username]').focus()`);
    await browser.evaluate(`document.activeElement.value = ''`);
    await browser.type('alice');
    await browser.evaluate(`document.querySelector('input[type=password]').focus()`);
    await browser.type(password);
    await browser.leave(`document.querySelector('form button').click()`);
  }

  it('shows a page that works without script, and says whom it is for', async () => {
    await browser.open(authorizeUrl());
    expect(await browser.evaluate('document.title')).toContain('Sign in');
    expect(await browser.evaluate('document.body.innerText')).toContain('shop-web');
    expect(await browser.evaluate('document.scripts.length')).toBe(0);
    expect(
      await browser.evaluate(
        `[...document.querySelectorAll('input:not([type=hidden])')].every((input) => input.labels.length > 0)`,
      ),
    ).toBe(true);
    expect(await browser.evaluate('document.cookie')).toBe('');
  });

  it('refuses a wrong password without saying what was wrong', async () => {
    await signIn('not her password');
    const text = await browser.evaluate<string>('document.body.innerText');
    expect(text).not.toContain('not her password');
    expect(text.toLowerCase()).toContain('password');
    expect(await browser.evaluate('location.pathname')).toContain('/oidc/interaction/');
  });

  it('leads the right person back to the client, with a code that its verifier turns into a token', async () => {
    await signIn(readFileSync(join(platform.state, 'credentials', 'user-alice'), 'utf8').trim());
    const url = new URL(await browser.evaluate<string>('location.href'));
    expect(url.pathname).toBe('/signed-in');
    expect(url.searchParams.get('state')).toBe('a-state');
    expect(await browser.evaluate('document.body.innerText')).toContain('signed in');
    const answer = await platform.call('/oidc/token', {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        grant_type: 'authorization_code',
        client_id: 'shop-web',
        redirect_uri: url.origin + url.pathname,
        code: url.searchParams.get('code') ?? '',
        code_verifier: verifier,
      }).toString(),
    });
    expect(answer.status, answer.text).toBe(200);
    const orders = await platform.call('/api/orders', { token: answer.json.access_token });
    expect(orders.status).toBe(200);
  });

  it('does not ask again while the session lives', async () => {
    await browser.open(authorizeUrl());
    expect(await browser.evaluate('location.pathname')).toBe('/signed-in');
  });

  it('broke no security policy on the way', () => {
    expect(
      browser.complaints.filter((complaint) => /Content Security Policy|violates|Refused/i.test(complaint)),
    ).toEqual([]);
  });
});
