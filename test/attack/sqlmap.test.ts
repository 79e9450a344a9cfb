// An independent attacker: sqlmap, at its highest level and risk, against the shop's legacy service, which pastes what it
// is given into SQL. Directly it finds the injection; through the gateway it finds nothing, with the document enforced,
// and with the WAF alone.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { finish, isFree, type Platform, startPlatform, until } from '../e2e/platform.ts';

const root = resolve(import.meta.dirname, '../..');
const present = spawnSync('sqlmap', ['--version']).status === 0;
if (!present) process.stderr.write('sqlmap: not installed (Debian: sqlmap), skipped\n');
const suites = process.env.MERLON_SUITES ?? resolve(root, '../shared/suites');
const checkout = join(suites, 'crs');
const crs = existsSync(checkout) ? checkout : 'crs';

const patienceMs = 600_000;
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'merlon-sqlmap-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Hunt {
  readonly found: boolean;
  readonly text: string;
}

/** All techniques: by answers, errors, unions, stacked statements, waiting, inline queries. */
const everything = ['--technique', 'BEUSTQ', '--time-sec', '2'];

/** What sqlmap finds for one parameter. */
async function hunt(url: string, options: readonly string[], headers: readonly string[] = []): Promise<Hunt> {
  const output = mkdtempSync(join(folder, 'out-'));
  const words = ['-u', url, '-p', 'q', '--batch', '--level', '5', '--risk', '3', '--threads', '1', '--flush-session'];
  const more = ['--random-agent', '--disable-coloring', '--output-dir', output, ...options];
  const child = spawn('sqlmap', [...words, ...more, ...headers.flatMap((header) => ['-H', header])], {
    cwd: folder,
    env: { ...process.env, HOME: folder },
  });
  const { stdout, stderr } = await finish(child);
  const text = `${stdout}${stderr}`;
  return { found: /is vulnerable|identified the following injection point/.test(text), text };
}

describe.skipIf(!present)('sqlmap at level 5, risk 3', () => {
  // By waiting alone as well: what the gateway holds off below must be there to be found.
  test.each([
    ['by all techniques', everything],
    ['by waiting alone', ['--technique', 'T', '--time-sec', '2', '--dbms', 'SQLite']],
  ])(
    'finds the injection where nothing stands before the service, %s',
    async (_, options) => {
      let port = 24_000;
      while (!(await isFree(port))) port++;
      const service = spawn(process.execPath, [join(root, 'examples/shop/services/legacy/main.ts')], {
        env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: String(port), DATA_FOLDER: folder },
        stdio: 'ignore',
      });
      try {
        await until('the service listens', async () => !(await isFree(port)));
        const { found, text } = await hunt(`http://127.0.0.1:${port}/api/legacy/search?q=tea`, options);
        expect(found, text.slice(-2000)).toBe(true);
      } finally {
        service.kill();
      }
    },
    patienceMs,
  );

  const ways: readonly (readonly [name: string, rules: string, isValidated: boolean])[] = [
    ['the whole platform', 'builtin', true],
    ['the built-in rules alone', 'builtin', false],
    ['the Core Rule Set alone', crs, false],
  ];

  describe.each(ways)('finds nothing through %s', (_, rules, isValidated) => {
    let platform: Platform;
    beforeAll(async () => {
      platform = await startPlatform({ edit: (text) => withRules(text, rules, isValidated) });
    }, patienceMs);
    afterAll(() => platform?.stop(), 60_000);

    test(
      'with a valid token',
      async () => {
        const authorization = `Authorization: Bearer ${await platform.token('alice')}`;
        const plain = await platform.call('/api/legacy/search?q=tea', { as: 'alice' });
        expect(plain.status, plain.text).toBe(200);
        const { found, text } = await hunt(`${platform.url}/api/legacy/search?q=tea`, everything, [authorization]);
        expect(found, text.slice(-3000)).toBe(false);
        // It did ask, and was refused for what it asked: not for its token, nor for how often.
        expect(text).toMatch(/all tested parameters do not appear to be injectable/);
        expect(text).toMatch(isValidated ? /400 \(Bad Request\) - \d{2,} times/ : /403 \(Forbidden\) - \d{3,} times/);
        expect(text).not.toMatch(/(?:401|429) \(/);
      },
      patienceMs,
    );
  });
});

/** No limits that would stop it for asking often, and the document enforced or not. */
function withRules(text: string, rules: string, isValidated: boolean): string {
  return text
    .replaceAll(/per(Ip|User): \d+\/min/g, 'per$1: 1000000/min')
    .replace('\ngateway:\n', `\ngateway:\n  waf: { mode: block, rules: ${rules} }\n`)
    .replace('PUT: [legacy:write] }', `PUT: [legacy:write] }${isValidated ? '' : '\n    validate: { requests: off }'}`);
}
