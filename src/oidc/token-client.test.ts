import { describe, expect, test } from 'vitest';
import type { Fetch } from './ports.ts';
import { obtainToken } from './token-client.ts';

const issuer = 'https://shop.example/oidc';
const password = 'correct horse battery';

interface Answer {
  readonly status?: number;
  readonly location?: string;
  readonly body?: string;
}

/** Walks through a provider that answers as told; gives back what was sent where. */
async function walk(
  answer: (url: URL) => Answer,
): Promise<{ code: string; sent: { url: string; body: string | undefined }[] }> {
  const sent: { url: string; body: string | undefined }[] = [];
  const fetch: Fetch = async (url, { body }) => {
    sent.push({ url, body });
    const { status = 200, location, body: text = '' } = answer(new URL(url));
    return {
      status,
      headers: { get: (name) => (name === 'location' ? (location ?? null) : null), getSetCookie: () => [] },
      text: async () => text,
    };
  };
  const options = { issuer, clientId: 'web', username: 'alice', password, scopes: ['openid'], fetch };
  const result = await obtainToken(options).then(
    () => 'let in',
    (error: { code: string }) => error.code,
  );
  return { code: result, sent };
}

const form = (action: string): Answer => ({ body: `<form method="post" action="${action}">` });
const redirect = (location: string): Answer => ({ status: 303, location });
const state = (url: URL): string => url.searchParams.get('state') ?? '';

describe('a provider that turned bad', () => {
  test.each([
    'https://evil.example/login',
    '//evil.example/login',
    'https://shop.example/oidc-evil/login',
    'https://shop.example.evil.example/oidc/login',
    'http://shop.example/oidc/login',
    'https://shop.example/oidc/../login',
    'https://shop.example@evil.example/oidc/login',
    'javascript:alert(1)',
  ])('does not get the password sent to `%s`', async (action) => {
    const { code, sent } = await walk(() => form(action));
    expect(code).toBe('oidc.login-failed');
    expect(sent.some(({ body }) => body?.includes('correct'))).toBe(false);
  });

  test.each([
    ['another state', () => `https://app.example/?code=c&state=other&iss=${issuer}`],
    ['no state', () => `https://app.example/?code=c&iss=${issuer}`],
    ['another issuer', (url: URL) => `https://app.example/?code=c&state=${state(url)}&iss=https://evil.example`],
    ['no issuer', (url: URL) => `https://app.example/?code=c&state=${state(url)}`],
    ['no code', (url: URL) => `https://app.example/?state=${state(url)}&iss=${issuer}`],
  ])('does not get a code exchanged with %s', async (_, location) => {
    const { code, sent } = await walk((url) => redirect(location(url)));
    expect(code).toBe('oidc.login-failed');
    expect(sent.filter(({ url }) => url.endsWith('/token'))).toEqual([]);
  });

  test('does not send us round in circles for ever', async () => {
    const { code, sent } = await walk(() => redirect(`${issuer}/authorize`));
    expect(code).toBe('oidc.login-failed');
    expect(sent.length).toBeLessThan(12);
  });

  test.each([
    ['no JSON', { body: '<html>' }],
    ['no token', { body: '{}' }],
    ['an error', { status: 400, body: '{"error":"invalid_grant"}' }],
  ])('is told apart from a token by %s', async (_, answer) => {
    const { code } = await walk((url) =>
      url.pathname.endsWith('/token')
        ? answer
        : redirect(`https://app.example/?code=c&state=${state(url)}&iss=${issuer}`),
    );
    expect(code).toBe('oidc.token-refused');
  });
});
