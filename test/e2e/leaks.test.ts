// Every secret that exists after a day's work with the shop, and every place where none of them may stand.

import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Call } from './caller.ts';
import { childrenOf, commandOf, outputOf, type Platform, startPlatform } from './platform.ts';

const order = { items: [{ productId: 'kettle', quantity: 2 }], cardToken: 'tok_visa_needle42' };
const answers: Call[] = [];
const said: string[] = [];
let platform: Platform;
let secrets: Map<string, string>;

beforeAll(async () => {
  platform = await startPlatform({
    edit: (text) => text.replace('limits: { perUser: 60/min, quota', 'limits: { perUser: 6/min, quota'),
  });
  secrets = new Map();
  await useTheShop();
  await useTheCommands();
  collectSecrets();
}, 120_000);

afterAll(() => platform?.stop(), 60_000);

const call = async (...args: Parameters<Platform['call']>): Promise<Call> => {
  const answer = await platform.call(...args);
  answers.push(answer);
  return answer;
};

/** Logins, orders, and refusals of every kind. */
async function useTheShop(): Promise<void> {
  for (const user of ['alice', 'bob', 'sam', 'mia']) {
    const token = await platform.token(user);
    secrets.set(`access token of ${user}`, token);
    await call('/api/orders', { token });
    await call('/api/customers/alice/profile', { token });
    await call(`/api/orders?access_token=${token}`, { token });
    await call(`/oidc/token?client_secret=${token}`, { method: 'POST', token });
    await call('/api/orders', { token: `${token}x` });
  }
  secrets.set('access token of reporting', await platform.clientToken('reporting'));
  await call('/api/orders', { method: 'POST', as: 'alice', body: order });
  await call('/api/orders', { method: 'POST', as: 'alice', body: { ...order, more: await platform.token('alice') } });
  for (let count = 0; count < 8; count++) await call('/api/orders', { as: 'bob' });
  await call('/nowhere', { headers: { authorization: `Basic ${Buffer.from('alice:wrong').toString('base64')}` } });
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200, 201, 400, 401, 403, 404, 429]));
  await failedLogin();
}

/** A browser that mistypes a password: its cookies are secrets, too. */
async function failedLogin(): Promise<void> {
  const query = new URLSearchParams({
    client_id: 'shop-cli',
    response_type: 'code',
    redirect_uri: 'http://127.0.0.1:8765/callback',
    scope: 'openid',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  });
  const first = await call(`/oidc/authorize?${query}`);
  const cookies = (first.headers['set-cookie'] ?? []).map((field) => field.split(';')[0] as string);
  expect(cookies.length, `${first.status} ${first.text}`).toBeGreaterThan(0);
  // The values name the login, as its address does; only with the signatures beside them are they worth anything.
  const signatures = cookies.filter((cookie) => cookie.includes('.sig='));
  for (const cookie of signatures) secrets.set(`cookie ${cookie.split('=')[0]}`, cookie.slice(cookie.indexOf('=') + 1));
  const { pathname } = new URL(String(first.headers.location), platform.url);
  const page = await call(pathname, { headers: { cookie: cookies.join('; ') } });
  expect(page.status).toBe(200);
}

async function useTheCommands(): Promise<void> {
  const run = async (...args: string[]): Promise<string> => {
    const { stdout, stderr } = await platform.merlon(...args);
    said.push(stderr);
    return stdout.trim();
  };
  secrets.set('password of zoe', await run('users', 'add', 'zoe', '--role', 'customer'));
  secrets.set('second password of zoe', await run('users', 'password', 'zoe'));
  outputOf(await platform.merlonWith('a-secret-that-someone-put', 'secrets', 'put', 'secret/own', 'value'));
  secrets.set('a secret that was put', 'a-secret-that-someone-put');
  for (const command of ['status', 'users list', 'secrets list', 'audit query --limit 500 --json'])
    said.push(await run(...command.split(' ')));
  const refused = new Map(
    answers.filter(({ status }) => status >= 400).map(({ status, decision }) => [status, decision]),
  );
  for (const decision of refused.values()) said.push(await platform.explain(decision));
}

/** What lies in the state folder, and what the processes were given. */
function collectSecrets(): void {
  const { state } = platform;
  const read = (file: string): string => readFileSync(join(state, file), 'utf8').trim();
  secrets.set('admin token', read('control/admin.token'));
  for (const name of readdirSync(join(state, 'credentials'))) secrets.set(name, read(`credentials/${name}`));
  const key = readFileSync(join(state, 'control/unseal.key'));
  for (const encoding of ['base64', 'base64url', 'hex'] as const)
    secrets.set(`unseal key, ${encoding}`, key.toString(encoding));
  if (!key.includes(0)) secrets.set('unseal key', key.toString('latin1').trim());
  for (const name of readdirSync(join(state, 'run/join'))) secrets.set(`join token ${name}`, read(`run/join/${name}`));
  for (const pid of childrenOf(platform.pid)) {
    for (const variable of readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0')) {
      const [name = '', value = ''] = variable.split('=');
      if (/KEY|SECRET|TOKEN|PASSWORD/.test(name) && value !== '' && !value.startsWith('/'))
        secrets.set(`${name} of ${pid}`, value);
      if (name === 'DB_KEY_FILE') secrets.set('database key', readFileSync(value, 'utf8').trim());
    }
  }
  for (const { text } of files())
    for (const line of privateKeyLines(text)) secrets.set(`a private key, ${line.slice(0, 8)}…`, line);
}

function privateKeyLines(text: string): string[] {
  const blocks = text.match(/-----BEGIN [A-Z ]*PRIVATE KEY-----[^-]+-----END/g) ?? [];
  return blocks.flatMap((block) => block.split(/\\n|\n/).filter((line) => /^[A-Za-z0-9+/=]{40,}$/.test(line)));
}

interface Found {
  readonly path: string;
  readonly mode: number;
  readonly folder: boolean;
  readonly text: string;
}

/** Everything that the run has written: the copy of the shop, and the state folder in it. */
function files(below = platform.folder): Found[] {
  return readdirSync(below, { withFileTypes: true }).flatMap((entry) => {
    const path = join(below, entry.name);
    const mode = lstatSync(path).mode & 0o777;
    const folder = entry.isDirectory();
    const text = entry.isFile() ? readFileSync(path, 'latin1') : '';
    return [{ path, mode, folder, text }, ...(folder ? files(path) : [])];
  });
}

/** Names of the secrets that `text` holds. */
const leaksIn = (text: string): string[] =>
  [...secrets].filter(([, secret]) => text.includes(secret)).map(([name]) => name);

it('has secrets of every kind to look for, and finds one where it stands', () => {
  const names = [...secrets.keys()].join('\n');
  for (const kind of [
    'admin token',
    'user-alice',
    'client-reporting',
    'unseal key',
    'join token',
    'PAYMENTS_API_KEY',
    'database key',
    'cookie',
    'a private key',
  ])
    expect(names).toContain(kind);
  expect(secrets.size).toBeGreaterThan(20);
  for (const [name, secret] of secrets) expect(secret.length, name).toBeGreaterThanOrEqual(16);
  expect(leaksIn(`... ${secrets.get('user-alice')} ...`)).toEqual(['user-alice']);
});

describe('no secret stands', () => {
  it('in the logs of roles and services', () => {
    expect(platform.output().length).toBeGreaterThan(2000);
    expect(leaksIn(platform.output())).toEqual([]);
    expect(platform.output()).not.toContain('needle42');
  });

  it('in what the gateway answered', () => {
    for (const { text, headers, status } of answers) {
      const shown = `${status} ${text} ${JSON.stringify({ ...headers, 'set-cookie': undefined, location: undefined })}`;
      expect(leaksIn(shown), shown.slice(0, 500)).toEqual([]);
    }
  });

  it('in what commands print beside what was asked for, and in the ledger that they read', () => {
    expect(said.join('\n')).toContain('authn.');
    for (const text of said) expect(leaksIn(text), text.slice(0, 500)).toEqual([]);
  });

  it('in the command line of any process', () => {
    const pids = [platform.pid, ...childrenOf(platform.pid)];
    expect(pids.length).toBeGreaterThanOrEqual(9);
    for (const pid of pids) expect(leaksIn(commandOf(pid).join(' '))).toEqual([]);
  });

  it('in the environment of a role, or of a service that it was not given to', () => {
    for (const pid of childrenOf(platform.pid)) {
      const found = leaksIn(readFileSync(`/proc/${pid}/environ`, 'utf8')).map((name) => name.replace(/ of \d+$/, ''));
      const own = commandOf(pid).join(' ').includes('payments') ? ['PAYMENTS_API_KEY'] : [];
      expect(found).toEqual(own);
    }
  });

  it('in any file of the data plane, of the ledger, or of the services', () => {
    const allowed =
      /^s\/(credentials|run\/join|run\/secrets|control\/(unseal\.key|admin\.token)|(gateway|agent)\/(snapshot|svids?)-)/;
    for (const { path, text } of files()) {
      const place = relative(platform.folder, path);
      if (!allowed.test(place)) expect(leaksIn(text), place).toEqual([]);
    }
  });
});

describe('the state folder', () => {
  it('is open to its owner alone, but for the public certificate', () => {
    const open = files(platform.state).filter(({ mode, folder }) => mode !== (folder ? 0o700 : 0o600));
    expect(open.map(({ path, mode }) => `${relative(platform.state, path)} ${mode.toString(8)}`)).toEqual([
      'ca.pem 644',
    ]);
    expect(lstatSync(platform.state).mode & 0o777).toBe(0o700);
  });

  it('holds no secret in a file that others may read', () => {
    for (const { path, mode, text } of files()) if ((mode & 0o077) !== 0) expect(leaksIn(text), path).toEqual([]);
  });
});

it('tells who has no token nothing of control', async () => {
  const { url } = JSON.parse(readFileSync(join(platform.state, 'run/admin.json'), 'utf8')) as { url: string };
  const status = await new Promise((done, fail) => {
    request(`${url}/admin/status`, { ca: platform.ca, agent: false }, (response) => done(response.resume().statusCode))
      .on('error', fail)
      .end();
  });
  expect(status).toBe(401);
});
