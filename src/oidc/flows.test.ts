import { decodeJwt } from 'jose';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import {
  authorizationUrl,
  Browser,
  callback,
  issuer,
  type Page,
  type Rig,
  startRig,
  verifier,
} from '../../test/fakes/openid-provider.ts';
import { obtainToken, refreshTokens } from './token-client.ts';

let rig: Rig;
const printed = [vi.spyOn(console, 'info'), vi.spyOn(console, 'warn')];
beforeAll(async () => {
  rig = await startRig();
});
afterAll(() => rig.stop());

const password = (name = 'alice'): string => rig.passwords.get(name) ?? '';

/** Opens the login page. */
async function open(
  changes: Record<string, string | undefined> = {},
  browser = new Browser(rig.fetch),
): Promise<{ browser: Browser; page: Page }> {
  const start = await browser.visit(authorizationUrl(changes));
  return {
    browser,
    page:
      start.status === 303 && start.header('location')?.includes('/interaction/') ? await browser.follow(start) : start,
  };
}

const fill = (browser: Browser, page: Page, username = 'alice', secret = password(username)): Promise<Page> =>
  browser.visit(page.url, { username, password: secret, decision: 'login' });

/** Logs in, up to the redirect to the client. */
async function authorize(
  changes: Record<string, string | undefined> = {},
  username = 'alice',
): Promise<{ browser: Browser; answer: URL }> {
  const { browser, page } = await open(changes);
  const resumed = await browser.follow(await fill(browser, page, username));
  return { browser, answer: new URL(resumed.header('location') ?? 'none:', resumed.url) };
}

async function token(
  fields: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: Record<string, string> }> {
  const response = await rig.fetch(`${issuer}/token`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    body: new URLSearchParams(fields).toString(),
  });
  return { status: response.status, body: JSON.parse(await response.text()) };
}

const exchange = (code: string, changes: Record<string, string> = {}) =>
  token({
    grant_type: 'authorization_code',
    client_id: 'web',
    code,
    redirect_uri: callback,
    code_verifier: verifier,
    ...changes,
  });

const basic = (id: string, secret: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});

describe('the authorization request', () => {
  test.each([
    ['without PKCE', { code_challenge: undefined, code_challenge_method: undefined }, 'invalid_request'],
    ['with the plain method', { code_challenge: verifier, code_challenge_method: 'plain' }, 'invalid_request'],
    ['with a challenge and no method', { code_challenge_method: undefined }, 'invalid_request'],
    ['for an implicit token', { response_type: 'token' }, 'unsupported_response_type'],
    ['for an ID token in the fragment', { response_type: 'id_token', nonce: 'n' }, 'unsupported_response_type'],
    ['for a scope that nobody knows', { scope: 'openid admin' }, 'invalid_scope'],
    ['for a scope that the client may not ask for', { client_id: 'narrow', scope: 'orders:write' }, 'invalid_scope'],
    ['for another API', { resource: 'https://other.example' }, 'invalid_target'],
    ['without a login where none may be shown', { prompt: 'none' }, 'login_required'],
    ['with a request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }, 'request_not_supported'],
  ])('%s goes back to the client as an error', async (_, changes, error) => {
    const { page } = await open(changes);
    const answer = new URL(page.header('location') ?? 'none:');
    const found = answer.searchParams.get('error') ?? new URLSearchParams(answer.hash.slice(1)).get('error');
    expect([answer.origin, found]).toEqual(['https://app.shop.example', error]);
  });

  test.each([
    ['a redirect elsewhere', { redirect_uri: 'https://evil.example/callback' }],
    ['a redirect with a longer path', { redirect_uri: `${callback}/../evil` }],
    ['a redirect with a query', { redirect_uri: `${callback}?x=1` }],
    ['an unknown client', { client_id: 'nobody' }],
    ['a client id that is a path', { client_id: '../user/alice' }],
    ['a client id that is markup', { client_id: '<script>alert(1)</script>' }],
    ['a client id without end', { client_id: 'x'.repeat(5000) }],
  ])('%s is not followed', async (_, changes) => {
    const { page } = await open(changes);
    expect(page.status).toBe(400);
    expect(page.header('location')).toBeNull();
    expect(page.text).not.toContain('<script');
    expect(page.header('content-security-policy')).toContain("default-src 'none'");
  });

  test('a native client may listen on any loopback port, and on no other host', async () => {
    const native = { client_id: 'cli', scope: 'orders:read' };
    expect((await open({ ...native, redirect_uri: 'http://127.0.0.1:49152/callback' })).page.text).toContain('Sign in');
    expect((await open({ ...native, redirect_uri: 'http://127.0.0.2:49152/callback' })).page.status).toBe(400);
    expect((await open({ ...native, redirect_uri: 'http://127.0.0.1.evil.example/callback' })).page.status).toBe(400);
  });
});

describe('the login page', () => {
  test('is plain HTML without script, under a strict policy, and never stored', async () => {
    const { page } = await open();
    expect(page.text).toContain('<label for="username">');
    expect(page.text).not.toMatch(/<script|\son[a-z]+=|javascript:/i);
    expect(page.header('content-security-policy')).toBe(
      `default-src 'none'; style-src ${/'sha256-[^']+'/.exec(page.header('content-security-policy') ?? '')?.[0]}; script-src 'none'; form-action 'self' https://app.shop.example; base-uri 'none'; frame-ancestors 'none'`,
    );
    expect(page.header('cache-control')).toContain('no-store');
    expect(page.header('x-frame-options')).toBe('DENY');
  });

  test('escapes what it repeats', async () => {
    const { page } = await open({ login_hint: '"><img src=x onerror=alert(1)>' });
    expect(page.text).toContain('&quot;&gt;&lt;img');
    expect(page.text).not.toContain('<img');
  });

  test('its cookies are secure, unreadable for scripts, and unseen by the API', async () => {
    const { browser, page } = await open();
    await browser.follow(await fill(browser, page));
    expect([...browser.cookies.keys()].some((name) => name.endsWith('merlon-session'))).toBe(true);
    for (const { line, path } of browser.cookies.values()) {
      expect(line).toMatch(/; secure/i);
      expect(line).toMatch(/; httponly/i);
      expect(line).toMatch(/; samesite=lax/i);
      expect(path.startsWith('/oidc')).toBe(true);
    }
  });

  test.each([
    ['a wrong password', 'alice', 'wrong-password'],
    ['no password', 'alice', ''],
    ['an unknown user', 'mallory', 'wrong-password'],
    ['a name that is a path', '../client/web', 'wrong-password'],
    ['markup for a name', '<script>alert(1)</script>', 'x'],
  ])('%s gets the same answer', async (_, username, secret) => {
    const { browser, page } = await open();
    const answer = await fill(browser, page, username, secret);
    expect(answer.status).toBe(403);
    expect(answer.text).toContain('The user name or the password is not right.');
    expect(answer.text).not.toContain('<script');
  });

  test('takes as long for an unknown user as for a known one', async () => {
    const spans = { alice: [] as number[], mallory: [] as number[] };
    for (let round = 0; round < 9; round++) {
      for (const username of ['alice', 'mallory'] as const) {
        const start = performance.now();
        await rig.accounts.verify(username, 'wrong-password');
        spans[username].push(performance.now() - start);
      }
    }
    const median = (values: number[]): number => values.sort((a, b) => a - b)[4] ?? 0;
    const ratio = median(spans.alice) / median(spans.mallory);
    // Without the decoy the unknown name would be some hundred times faster.
    expect(ratio).toBeGreaterThan(0.5);
    expect(ratio).toBeLessThan(2);
  });

  test('a name in capitals and an accent in either form are the same', async () => {
    await rig.accounts.add('zoe', { password: 'caf\u00e9-olé-123', roles: ['auditor'] });
    expect(await rig.accounts.verify(' ZOE ', 'cafe\u0301-olé-123')).toMatchObject({ name: 'zoe' });
    await rig.accounts.remove('zoe');
  });

  test('cancelling goes back to the client', async () => {
    const { browser, page } = await open();
    const resumed = await browser.follow(await browser.visit(page.url, { decision: 'cancel' }));
    expect(new URL(resumed.header('location') ?? '').searchParams.get('error')).toBe('access_denied');
  });

  test('a failed login is reported without the password, nor a name that may be one', async () => {
    const { browser, page } = await open();
    await fill(browser, page, 'My Secret Password!', 'hunter2-hunter2');
    const last = rig.events.at(-1);
    expect(last).toMatchObject({ action: 'user.login', outcome: 'failure', detail: { address: '203.0.113.9' } });
    expect(JSON.stringify(rig.events)).not.toMatch(/hunter2|secret password/i);
  });
});

describe('forged logins', () => {
  test("the form's URL is of no use in another browser", async () => {
    const { page } = await open();
    const stranger = new Browser(rig.fetch);
    expect((await fill(stranger, page)).status).toBe(400);
  });

  test("a browser in the middle of one login does not take another's", async () => {
    const attacker = await open();
    const victim = await open();
    const cookie = [...attacker.browser.cookies].find(([name]) => name.endsWith('merlon-login'));
    const stolen = [...victim.browser.cookies]
      .filter(([name]) => name.includes('merlon-login'))
      .map(([name, { value }]) => `${name}=${value}`);
    expect(cookie).toBeDefined();
    const answer = await new Browser(rig.fetch).visit(
      attacker.page.url,
      { username: 'alice', password: password(), decision: 'login' },
      { cookie: stolen.join('; ') },
    );
    expect(answer.status).toBe(400);
  });

  test.each([
    ['another origin', { origin: 'https://evil.example' }],
    ['a hidden origin', { origin: 'null' }],
    ['another site by its own account', { 'sec-fetch-site': 'cross-site' }],
    ['a sibling host', { 'sec-fetch-site': 'same-site' }],
  ])('a form from %s is refused', async (_, headers) => {
    const { browser, page } = await open();
    const answer = await browser.visit(
      page.url,
      { username: 'alice', password: password(), decision: 'login' },
      headers,
    );
    expect(answer.status).toBe(403);
    expect(answer.header('location')).toBeNull();
  });

  test('a cookie with a changed value is not believed', async () => {
    const { browser, page } = await open();
    for (const [name, cookie] of browser.cookies)
      if (!name.endsWith('.sig')) browser.cookies.set(name, { ...cookie, value: `${cookie.value.slice(0, -1)}x` });
    expect((await fill(browser, page)).status).toBe(400);
  });

  test('a body of another type, or without end, is refused', async () => {
    const { browser, page } = await open();
    expect((await browser.visit(page.url, { username: 'alice' }, { 'content-type': 'text/plain' })).status).toBe(400);
    expect((await browser.visit(page.url, { username: 'a'.repeat(10_000) })).status).toBe(400);
    expect((await browser.visit(page.url, { username: 'a' }, { 'x-http-method-override': 'PUT' })).status).toBe(403);
  });
});

describe('the code', () => {
  test('is exchanged once; using it again takes the tokens away', async () => {
    const { answer } = await authorize();
    expect(answer.searchParams.get('state')).toBe('s-1');
    expect(answer.searchParams.get('iss')).toBe(issuer);
    const code = answer.searchParams.get('code') ?? '';
    const first = await exchange(code);
    expect(first.status).toBe(200);
    expect(await exchange(code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    const refresh = await token({
      grant_type: 'refresh_token',
      client_id: 'web',
      refresh_token: first.body.refresh_token ?? '',
    });
    expect(refresh).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  test('of ten exchanges at once, at most one succeeds', async () => {
    const { answer } = await authorize();
    const code = answer.searchParams.get('code') ?? '';
    const results = await Promise.all(Array.from({ length: 10 }, () => exchange(code)));
    expect(results.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1);
    expect(results.every(({ status }) => status === 200 || status === 400)).toBe(true);
  });

  test.each([
    ['another verifier', { code_verifier: 'w'.repeat(64) }, 'invalid_grant'],
    ['no verifier', { code_verifier: '' }, 'invalid_grant'],
    ['another redirect', { redirect_uri: 'https://evil.example/' }, 'invalid_grant'],
    ['another client', { client_id: 'narrow' }, 'invalid_grant'],
    ['another API', { resource: 'https://other.example' }, 'invalid_target'],
  ])('is worth nothing with %s', async (_, changes, error) => {
    const { answer } = await authorize();
    expect(await exchange(answer.searchParams.get('code') ?? '', changes)).toMatchObject({
      status: 400,
      body: { error },
    });
  });

  test('a made-up one is worth nothing', async () => {
    for (const code of ['x', '../../user/alice', 'x'.repeat(5000), '\u0000'])
      expect(await exchange(code)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });
});

describe('refresh tokens', () => {
  const refresh = (refreshToken: string) => refreshTokens({ issuer, clientId: 'web', refreshToken, fetch: rig.fetch });
  const login = (username = 'alice') =>
    obtainToken({
      issuer,
      clientId: 'web',
      username,
      password: password(username),
      scopes: ['openid', 'orders:read', 'orders:write'],
      fetch: rig.fetch,
    });

  test('rotate; the old one betrays a thief and ends the grant', async () => {
    const { refreshToken: first = '' } = await login();
    const { refreshToken: second = '' } = await refresh(first);
    await expect(refresh(first)).rejects.toMatchObject({ code: 'oidc.token-refused' });
    await expect(refresh(second)).rejects.toMatchObject({ code: 'oidc.token-refused' });
  });

  test('of ten uses at once, at most one succeeds', async () => {
    const { refreshToken = '' } = await login();
    const results = await Promise.allSettled(Array.from({ length: 10 }, () => refresh(refreshToken)));
    expect(results.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(1);
  });

  test('carry what the roles allow now, not what they allowed at login', async () => {
    await rig.accounts.update('bob', { roles: ['customer'] });
    const { refreshToken: first = '', scopes } = await login('bob');
    expect(scopes).toContain('orders:write');
    await rig.accounts.update('bob', { roles: ['auditor'] });
    const after = await refresh(first);
    expect(after.scopes).not.toContain('orders:write');
    expect(decodeJwt(after.accessToken)).toMatchObject({ roles: ['auditor'] });
  });

  test('end with the account', async () => {
    const { refreshToken = '' } = await login('bob');
    await rig.accounts.update('bob', { disabled: true });
    await expect(refresh(refreshToken)).rejects.toMatchObject({ code: 'oidc.token-refused' });
    await expect(login('bob')).rejects.toMatchObject({ code: 'oidc.login-failed' });
    await rig.accounts.update('bob', { disabled: false });
  });

  test('can be revoked by their client and by no other', async () => {
    const { refreshToken = '' } = await login();
    const revoke = (client: string) =>
      rig.fetch(`${issuer}/revoke`, {
        method: 'POST',
        redirect: 'manual',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ client_id: client, token: refreshToken }).toString(),
      });
    expect((await revoke('narrow')).status).toBe(200);
    const { refreshToken: next = '' } = await refresh(refreshToken);
    expect(next).not.toBe('');
    await rig.fetch(`${issuer}/revoke`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ client_id: 'web', token: next }).toString(),
    });
    await expect(refresh(next)).rejects.toMatchObject({ code: 'oidc.token-refused' });
  });
});

describe('sessions', () => {
  test('a second application needs no second login', async () => {
    const { browser } = await authorize();
    const again = await browser.visit(authorizationUrl({ client_id: 'narrow', prompt: 'none' }));
    expect(new URL(again.header('location') ?? '').searchParams.get('code')).toMatch(/^[\w-]{20,}$/);
  });

  test('end when the user signs out', async () => {
    const { browser, answer } = await authorize();
    const tokens = await exchange(answer.searchParams.get('code') ?? '');
    const asked = await browser.visit(
      `${issuer}/logout?client_id=web&post_logout_redirect_uri=https://app.shop.example/bye&state=x`,
    );
    expect(asked.text).toContain('Sign out?');
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(asked.text)?.[1] ?? '';
    expect((await browser.visit(`${issuer}/logout/confirm`, { xsrf: 'forged', logout: 'yes' })).status).toBe(400);
    const done = await browser.visit(`${issuer}/logout/confirm`, { xsrf, logout: 'yes' });
    expect(done.header('location')).toBe('https://app.shop.example/bye?state=x');
    const again = await browser.visit(authorizationUrl({ prompt: 'none' }));
    expect(again.header('location')).toContain('error=login_required');
    const refresh = await token({
      grant_type: 'refresh_token',
      client_id: 'web',
      refresh_token: tokens.body.refresh_token ?? '',
    });
    expect(refresh).toMatchObject({ status: 400 });
  });

  test('a disabled user is asked to log in again', async () => {
    const { browser } = await authorize({}, 'bob');
    await rig.accounts.update('bob', { disabled: true });
    const again = await browser.visit(authorizationUrl({ prompt: 'none' }));
    expect(again.header('location')).toContain('error=login_required');
    await rig.accounts.update('bob', { disabled: false });
  });

  test('revoking a user ends them all, and names the tokens that are out there', async () => {
    const { browser, answer } = await authorize();
    const tokens = await exchange(answer.searchParams.get('code') ?? '');
    let told = 0;
    const off = rig.provider.onRevoked(() => told++);
    await rig.provider.revokeUser('alice');
    off();
    expect(told).toBe(1);
    expect(await rig.provider.revokedSubjects()).toMatchObject([{ issuer, subject: 'alice' }]);
    expect((await browser.visit(authorizationUrl({ prompt: 'none' }))).header('location')).toContain(
      'error=login_required',
    );
    const refresh = await token({
      grant_type: 'refresh_token',
      client_id: 'web',
      refresh_token: tokens.body.refresh_token ?? '',
    });
    expect(refresh).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
  });

  test('a client that asks for consent gets it without a page', async () => {
    const { browser, answer } = await authorize({ prompt: 'consent', scope: 'openid offline_access orders:read' });
    // The prompt for consent comes after the login and is answered by itself.
    let next = answer;
    for (let hop = 0; hop < 4 && next.origin !== 'https://app.shop.example'; hop++) {
      const page = await browser.visit(next.href);
      next = new URL(page.header('location') ?? 'none:', next);
    }
    expect(next.searchParams.get('code')).toMatch(/^[\w-]{20,}$/);
  });
});

describe('confidential clients', () => {
  const ask = (secret: string, fields: Record<string, string> = {}) =>
    token({ grant_type: 'client_credentials', scope: 'orders:read', ...fields }, basic('robot', secret));
  test('need their secret, and its digest will not do', async () => {
    const secret = rig.clientSecrets.get('robot') ?? '';
    expect((await ask(secret)).status).toBe(200);
    const { hashClientSecret } = await import('./clients.ts');
    for (const wrong of ['x', hashClientSecret(secret), `${secret}x`])
      expect(await ask(wrong)).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    expect(await token({ grant_type: 'client_credentials', client_id: 'robot', scope: 'orders:read' })).toMatchObject({
      status: 401,
    });
  });

  test('get no scope beyond their own, and nothing of OpenID Connect', async () => {
    const secret = rig.clientSecrets.get('robot') ?? '';
    expect(await ask(secret, { scope: 'orders:write' })).toMatchObject({
      status: 400,
      body: { error: 'invalid_scope' },
    });
    expect(await ask(secret, { scope: 'orders:read openid profile' })).toMatchObject({
      status: 200,
      body: { scope: 'orders:read' },
    });
  });

  test.each([
    ['a refresh', 'robot', { grant_type: 'refresh_token', refresh_token: 'x' }],
    ['a code', 'robot', { grant_type: 'authorization_code', code: 'x', redirect_uri: callback }],
    ['a password', 'robot', { grant_type: 'password', username: 'alice', password: 'x' }],
    ['a token for itself, without a secret', 'web', { grant_type: 'client_credentials', scope: 'orders:read' }],
  ])('may not use %s where that grant was not given', async (_, id, fields) => {
    const { status, body } = await token(
      { client_id: id, ...fields },
      id === 'robot' ? basic(id, rig.clientSecrets.get(id) ?? '') : {},
    );
    expect(status).toBe(400);
    expect(['unauthorized_client', 'unsupported_grant_type', 'invalid_request']).toContain(body.error);
  });
});

describe('what is published', () => {
  const getJson = async (path: string, headers: Record<string, string> = {}) => {
    const response = await rig.fetch(`${issuer}${path}`, { method: 'GET', redirect: 'manual', headers });
    return { status: response.status, body: JSON.parse((await response.text()) || 'null') };
  };

  test('discovery names the endpoints of the issuer, whatever the headers say', async () => {
    const { body } = await getJson('/.well-known/openid-configuration', {
      host: 'evil.example',
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'http',
    });
    expect(body).toMatchObject({
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      userinfo_endpoint: `${issuer}/userinfo`,
      jwks_uri: `${issuer}/jwks`,
      end_session_endpoint: `${issuer}/logout`,
      revocation_endpoint: `${issuer}/revoke`,
      code_challenge_methods_supported: ['S256'],
      id_token_signing_alg_values_supported: ['ES256'],
    });
    expect(body.scopes_supported).toContain('orders:write');
    expect(JSON.stringify(body)).not.toContain('evil');
  });

  test('no private key is published', async () => {
    const { body } = await getJson('/jwks');
    expect(body.keys.map(({ kid }: { kid: string }) => kid)).toEqual(rig.provider.jwks().map(({ kid }) => kid));
    expect(JSON.stringify([body, rig.provider.jwks()])).not.toContain('"d"');
  });

  test('userinfo answers to an access token with `openid`, and to nothing else', async () => {
    const login = (scopes: string[]) =>
      obtainToken({ issuer, clientId: 'web', username: 'alice', password: password(), scopes, fetch: rig.fetch });
    const full = await login(['openid', 'profile', 'email', 'orders:read']);
    expect(await getJson('/userinfo', { authorization: `Bearer ${full.accessToken}` })).toEqual({
      status: 200,
      body: { sub: 'alice', preferred_username: 'alice', name: 'Alice <b>Liddell</b>', email: 'alice@shop.example' },
    });
    const bare = await login(['openid']);
    expect((await getJson('/userinfo', { authorization: `Bearer ${bare.accessToken}` })).body).toEqual({
      sub: 'alice',
    });
    const without = await login(['orders:read']);
    for (const value of [
      `Bearer ${without.accessToken}`,
      `Bearer ${full.idToken}`,
      'Bearer x',
      '',
      `Basic ${full.accessToken}`,
    ]) {
      expect((await getJson('/userinfo', { authorization: value })).status).toBe(401);
    }
  });

  test('paths outside the issuer are not there', async () => {
    for (const path of ['/oidcx/token', '/', '/oidc', '/other/oidc/token']) {
      const response = await rig.fetch(`https://shop.example${path}`, {
        method: 'GET',
        redirect: 'manual',
        headers: {},
      });
      expect(response.status).toBe(404);
    }
  });

  test.each(['/interaction/x', '/reg', '/token/introspection', '/device', '/request', '/me', '/session/end'])(
    'the library’s own `%s` is not there',
    async (path) => {
      const response = await rig.fetch(`${issuer}${path}`, {
        method: 'GET',
        redirect: 'manual',
        headers: { accept: 'application/json' },
      });
      expect(response.status).toBe(404);
    },
  );
});

test('the library had nothing to warn about', () => {
  for (const spy of printed)
    expect(spy.mock.calls.flat().filter((line) => String(line).includes('oidc-provider'))).toEqual([]);
});
