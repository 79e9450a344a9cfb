// A real npm client, unmodified, against an unmodified registry server behind the gateway.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Finished, finish, outputOf, type Platform, startPlatform } from './platform.ts';

const megabyte = 1024 * 1024;
const quota = 40;
let platform: Platform;
let content: Buffer;

beforeAll(async () => {
  platform = await startPlatform({
    example: 'registry',
    edit: (text) => text.replace('quota: 20000/day', `quota: ${quota}/day`),
  });
  content = randomBytes(4 * megabyte);
  project('published', { name: '@acme/big', version: '1.0.0', description: 'big', license: 'UNLICENSED' });
  writeFileSync(join(platform.folder, 'published/payload.bin'), content);
}, 90_000);

afterAll(() => platform?.stop(), 60_000);

function project(name: string, manifest: object): string {
  const folder = join(platform.folder, name);
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  return folder;
}

/** Runs npm with nothing of this machine's npm: home, cache and configuration are the test's own. */
function npm(folder: string, token: string | undefined, ...args: string[]): Promise<Finished> {
  const { port, url, state, folder: home } = platform;
  const registry = token === undefined ? '' : `//localhost:${port}/:_authToken=${token}\n`;
  writeFileSync(join(home, '.npmrc'), `registry=${url}/\ncafile=${join(state, 'ca.pem')}\n${registry}`, {
    mode: 0o600,
  });
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--fetch-retries=0', '--loglevel=http'];
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    npm_config_cache: join(home, `.cache-${folder}`),
    npm_config_userconfig: join(home, '.npmrc'),
    npm_config_globalconfig: join(home, '.npmrc-global'),
  };
  return finish(spawn('npm', [...args, ...quiet], { cwd: join(home, folder), env, stdio: ['ignore', 'pipe', 'pipe'] }));
}

/** The id of the newest refusal, from the ledger: npm does not show what a registry says. */
async function newestDenial(): Promise<{ id: string; code: string }> {
  const found = outputOf(await platform.merlon('audit', 'query', '--verdict', 'deny', '--limit', '1', '--json'));
  const { id, reason } = JSON.parse(found) as { id: string; reason: { code: string } };
  return { id, code: reason.code };
}

it('publishes and installs a scoped package of several megabytes, byte for byte', async () => {
  const token = await platform.clientToken('npm-ci');
  const published = await npm('published', token, 'publish', '--json');
  expect(published, published.stderr).toMatchObject({ code: 0 });
  // Newer npm clients tell what they published by name.
  const told = JSON.parse(published.stdout);
  const { integrity } = told['@acme/big'] ?? told;
  expect(integrity).toMatch(/^sha512-/);

  project('consumer', { name: 'consumer', version: '1.0.0', private: true });
  const installed = await npm('consumer', token, 'install', '@acme/big@1.0.0');
  expect(installed, installed.stderr).toMatchObject({ code: 0 });
  const folder = join(platform.folder, 'consumer');
  expect(readFileSync(join(folder, 'node_modules/@acme/big/payload.bin')).equals(content)).toBe(true);
  const lock = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8'));
  expect(lock.packages['node_modules/@acme/big']).toMatchObject({
    integrity,
    resolved: `${platform.url}/@acme/big/-/big-1.0.0.tgz`,
  });
});

it('keeps the encoded slash that names a scope, and the tarball whole', async () => {
  const token = await platform.clientToken('npm-reader');
  const document = await platform.call('/@acme%2fbig', { token });
  expect(document.status).toBe(200);
  const { dist } = document.json.versions['1.0.0'];
  const tarball = await platform.call(new URL(dist.tarball).pathname, { token });
  expect(tarball.status).toBe(200);
  expect(tarball.bytes).toBeGreaterThan(4 * megabyte);
  // npm's `integrity` is a digest of the bytes as they were published.
  expect(tarball.bodyDigest('sha512')).toBe(dist.integrity.replace('sha512-', ''));
});

it('refuses npm without a token, and explains it', async () => {
  project('stranger', { name: 'stranger', version: '1.0.0', private: true });
  const { code, stderr } = await npm('stranger', undefined, 'install', '@acme/big');
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/E401|401 Unauthorized/);
  const denial = await newestDenial();
  expect(denial.code).toBe('authn.token-missing');
  const explained = await platform.explain(denial.id);
  expect(explained).toContain('authn');
});

it('lets a reader install and refuses that it publishes, and explains which scope is missing', async () => {
  const token = await platform.clientToken('npm-reader');
  project('reader', { name: '@acme/other', version: '1.0.0' });
  expect((await npm('reader', token, 'view', '@acme/big', 'version')).stdout.trim()).toBe('1.0.0');
  const { code, stderr } = await npm('reader', token, 'publish');
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/E403|403 Forbidden/);
  const denial = await newestDenial();
  const explained = await platform.explain(denial.id);
  expect(explained).toContain('registry:write');
  const asked = await platform.call('/@acme%2fother', { token });
  expect(asked.status).toBe(404);
});

it('refuses whoever has used up the quota, and explains when it comes back', async () => {
  const token = await platform.clientToken('npm-reader');
  let last = 200;
  for (let count = 0; count <= quota && last === 200; count++)
    last = (await platform.call('/@acme%2fbig', { token })).status;
  expect(last).toBe(429);
  const { code, stderr } = await npm('reader', token, 'view', '@acme/big', 'version');
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/E429|429 Too Many Requests/);
  const denial = await newestDenial();
  expect(await platform.explain(denial.id)).toContain('quota');
  const other = await platform.call('/@acme%2fbig', { token: await platform.clientToken('npm-ci') });
  expect(other.status).toBe(200);
});

it('cannot be talked out of its folder by an encoded slash', async () => {
  const token = await platform.clientToken('npm-ci');
  for (const target of [
    '/@acme%2f..%2f..%2f..%2fetc%2fpasswd',
    '/..%2f..%2fconfig.yaml',
    '/@acme/big/-/..%2f..%2fbig.tgz',
  ]) {
    const { status, text } = await platform.call(target, { token });
    expect([400, 403, 404]).toContain(status);
    expect(text).not.toContain('root:');
  }
});
