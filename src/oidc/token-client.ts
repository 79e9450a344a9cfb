import { hash } from 'node:crypto';
import { randomToken } from '../core/ids.ts';
import { OidcError } from './errors.ts';
import type { Fetch, FetchResponse } from './ports.ts';

/** What a token endpoint gave (RFC 6749, section 5.1). */
export interface TokenSet {
  readonly accessToken: string;
  readonly tokenType: string;
  readonly expiresInSeconds: number;
  readonly scopes: readonly string[];
  readonly refreshToken?: string;
  readonly idToken?: string;
}

interface TokenClientOptions {
  /** `https://shop.example/oidc`. */
  readonly issuer: string;
  readonly clientId: string;
  readonly scopes: readonly string[];
  readonly fetch: Fetch;
}

export interface ObtainTokenOptions extends TokenClientOptions {
  readonly username: string;
  readonly password: string;
  /** May be left out where the client has registered a single one. */
  readonly redirectUri?: string;
  /** Of a confidential client. */
  readonly clientSecret?: string;
}

export interface ClientCredentialsOptions extends TokenClientOptions {
  readonly clientSecret: string;
}

export interface RefreshTokenOptions extends Omit<TokenClientOptions, 'scopes'> {
  readonly refreshToken: string;
  readonly clientSecret?: string;
}

const maxHops = 8;

/**
 * Logs in with a password and gets tokens, the way a browser does: authorization code with PKCE (RFC 7636) through the
 * provider's login page. Throws `oidc.login-failed`, `oidc.token-refused`.
 */
export async function obtainToken(options: ObtainTokenOptions): Promise<TokenSet> {
  const { issuer, clientId, scopes, redirectUri } = options;
  const [verifier, state, nonce] = [randomToken(), randomToken(16), randomToken(16)];
  const redirect = redirectUri === undefined ? {} : { redirect_uri: redirectUri };
  const query = new URLSearchParams({
    client_id: clientId,
    response_type: 'code',
    scope: scopes.join(' '),
    code_challenge: hash('sha256', verifier, 'base64url'),
    code_challenge_method: 'S256',
    state,
    ...(scopes.includes('openid') && { nonce }),
    ...redirect,
  });
  const code = await authorize(`${issuer}/authorize?${query}`, state, options);
  return requestTokens(options, { grant_type: 'authorization_code', code, code_verifier: verifier, ...redirect });
}

/** A token for the client itself (RFC 6749, section 4.4). Throws `oidc.token-refused`. */
export function clientCredentials(options: ClientCredentialsOptions): Promise<TokenSet> {
  return requestTokens(options, { grant_type: 'client_credentials', scope: options.scopes.join(' ') });
}

/** New tokens for a refresh token, which is used up by that (RFC 6749, section 6). Throws `oidc.token-refused`. */
export function refreshTokens(options: RefreshTokenOptions): Promise<TokenSet> {
  return requestTokens(options, { grant_type: 'refresh_token', refresh_token: options.refreshToken });
}

/** Walks from the authorization endpoint over the login page to the redirect that carries the code. */
async function authorize(start: string, state: string, options: ObtainTokenOptions): Promise<string> {
  const visit = createVisitor(options);
  let { url, response } = await visit('GET', start);
  for (let hop = 0; hop < maxHops; hop++) {
    const location = response.headers.get('location');
    if (location !== null) {
      const next = new URL(location, url);
      if (!isAtIssuer(next, options.issuer)) return readCode(next, state, options.issuer);
      ({ url, response } = await visit('GET', next.href));
    } else {
      const action = await readFormAction(response, url, options.issuer);
      const form = new URLSearchParams({ username: options.username, password: options.password, decision: 'login' });
      ({ url, response } = await visit('POST', action, form));
      if (response.status !== 303) throw loginFailed(response);
    }
  }
  throw failed('oidc.login-failed', 'the login went round in circles');
}

type Visit = (
  method: 'GET' | 'POST',
  url: string,
  form?: URLSearchParams,
) => Promise<{ url: string; response: FetchResponse }>;

/** Visits pages with the cookies that earlier pages set. They all belong to one issuer, so they need no paths. */
function createVisitor({ fetch, issuer }: ObtainTokenOptions): Visit {
  const cookies = new Map<string, string>();
  return async (method, url, form) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, {
      method,
      redirect: 'manual',
      headers: {
        accept: 'text/html',
        ...(cookie !== '' && { cookie }),
        ...(form && { 'content-type': 'application/x-www-form-urlencoded', origin: new URL(issuer).origin }),
      },
      ...(form && { body: form.toString() }),
    });
    for (const line of response.headers.getSetCookie()) keepCookie(cookies, line);
    return { url, response };
  };
}

function keepCookie(cookies: Map<string, string>, line: string): void {
  const [pair = '', ...attributes] = line.split(';');
  const equals = pair.indexOf('=');
  const [name, value] = [pair.slice(0, equals).trim(), pair.slice(equals + 1).trim()];
  const isCleared = value === '' || attributes.some((attribute) => /^\s*expires=Thu, 01 Jan 1970/i.test(attribute));
  if (isCleared) cookies.delete(name);
  else cookies.set(name, value);
}

function isAtIssuer(url: URL, issuer: string): boolean {
  return url.href.startsWith(`${issuer}/`);
}

const formAction = /<form method="post" action="([^"]{1,2048})"/;

/** Where the login page sends its form. A password goes nowhere but to the issuer. */
async function readFormAction(response: FetchResponse, url: string, issuer: string): Promise<string> {
  const action = formAction.exec(await response.text())?.[1];
  if (response.status !== 200 || action === undefined) throw loginFailed(response);
  const target = new URL(action, url);
  if (!isAtIssuer(target, issuer))
    throw failed('oidc.login-failed', 'the login page would send the password elsewhere');
  return target.href;
}

/** The code in the final redirect, after the checks of RFC 9700, section 4.4 (issuer) and 4.7 (state). */
function readCode({ searchParams }: URL, state: string, issuer: string): string {
  const error = searchParams.get('error');
  if (error !== null)
    throw failed(
      'oidc.token-refused',
      `the provider answered \`${error}\``,
      searchParams.get('error_description') ?? undefined,
    );
  const code = searchParams.get('code');
  if (code === null || searchParams.get('state') !== state || searchParams.get('iss') !== issuer)
    throw failed('oidc.login-failed', 'the answer to the login is not for this request');
  return code;
}

interface TokenBody {
  readonly access_token?: string;
  readonly token_type?: string;
  readonly expires_in?: number;
  readonly scope?: string;
  readonly refresh_token?: string;
  readonly id_token?: string;
  readonly error?: string;
  readonly error_description?: string;
}

type TokenRequest = Pick<ObtainTokenOptions, 'issuer' | 'clientId' | 'clientSecret' | 'fetch'>;

async function requestTokens(
  { issuer, clientId, clientSecret, fetch }: TokenRequest,
  fields: Record<string, string>,
): Promise<TokenSet> {
  const body = new URLSearchParams({ ...fields, ...(clientSecret === undefined && { client_id: clientId }) });
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    redirect: 'manual',
    headers: {
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
      ...(clientSecret !== undefined && { authorization: basic(clientId, clientSecret) }),
    },
    body: body.toString(),
  });
  const answer = parseBody(await response.text());
  if (response.status !== 200 || answer.access_token === undefined)
    throw failed(
      'oidc.token-refused',
      `the provider answered \`${answer.error ?? response.status}\``,
      answer.error_description,
    );
  return {
    accessToken: answer.access_token,
    tokenType: answer.token_type ?? 'Bearer',
    expiresInSeconds: answer.expires_in ?? 0,
    scopes: answer.scope?.split(' ') ?? [],
    ...(answer.refresh_token !== undefined && { refreshToken: answer.refresh_token }),
    ...(answer.id_token !== undefined && { idToken: answer.id_token }),
  };
}

/** Client id and secret are form-encoded before they are joined (RFC 6749, section 2.3.1). */
function basic(clientId: string, clientSecret: string): string {
  const encode = (text: string): string => new URLSearchParams([['', text]]).toString().slice(1);
  return `Basic ${Buffer.from(`${encode(clientId)}:${encode(clientSecret)}`).toString('base64')}`;
}

function parseBody(text: string): TokenBody {
  try {
    return JSON.parse(text) as TokenBody;
  } catch {
    return {};
  }
}

function loginFailed({ status, headers }: FetchResponse): OidcError {
  if (status === 403) return failed('oidc.login-failed', 'the user name or the password is not right');
  if (status === 429)
    return failed(
      'oidc.login-failed',
      `too many attempts, try again in ${headers.get('retry-after') ?? 'some'} seconds`,
    );
  return failed('oidc.login-failed', `the login page answered ${status}`);
}

function failed(code: 'oidc.login-failed' | 'oidc.token-refused', message: string, detail?: string): OidcError {
  return new OidcError({ code, message, ...(detail !== undefined && { detail }) });
}
