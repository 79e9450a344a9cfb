import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { manifestOf, shopText } from '../../test/fakes/manifest.ts';
import { exitCodes, MerlonError } from '../core/errors.ts';
import { stateLayout } from '../server/state.ts';
import { commands } from './commands.ts';
import { formatFirstScreen } from './first-screen.ts';
import { formatTable } from './table.ts';
import { exitCodeOf } from './terminal.ts';

const folder = mkdtempSync(join(tmpdir(), 'merlon-cli-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const entry = resolve(import.meta.dirname, '../../bin/merlon.mjs');

interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function merlon(...args: string[]): Promise<Finished> {
  const env = { PATH: process.env.PATH, HOME: folder, NO_COLOR: '1' };
  const child = spawn(process.execPath, [entry, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((done) => child.once('close', (code) => done({ code, stdout, stderr })));
}

describe('the command line', () => {
  test('--help names every command, with examples', async () => {
    const { code, stdout } = await merlon('--help');
    expect(code).toBe(exitCodes.ok);
    for (const { name } of commands) expect(stdout).toContain(name);
    expect(stdout).toContain('Examples:');
  });

  test.each(commands.map(({ name }) => name))('%s --help shows an example that calls it', async (name) => {
    const { code, stdout, stderr } = await merlon(name, '--help');
    expect([code, stderr]).toEqual([exitCodes.ok, '']);
    expect(stdout).toMatch(new RegExp(`Examples?:[^]*merlon ${name}`));
  });

  test.each([
    ['an unknown command', ['unknown']],
    ['an unknown option', ['validate', '--unknown']],
    ['an argument too many', ['status', 'extra']],
    ['an argument too few', ['explain']],
    ['an unknown subcommand', ['audit', 'unknown']],
  ])('%s ends with 64, and says something on standard error', async (_, args) => {
    const { code, stdout, stderr } = await merlon(...args);
    expect([code, stdout]).toEqual([exitCodes.usage, '']);
    expect(stderr).toContain('error');
  });

  test('a bad input ends with 65, with its code and a hint; none shows a stack', async () => {
    writeFileSync(join(folder, 'wrong.yaml'), 'version: 1\nnonsense: true\n');
    const runs = [
      await merlon('validate', '-m', 'wrong.yaml'),
      await merlon('validate', '-m', 'missing.yaml'),
      await merlon('explain', 'not-an-id'),
      await merlon('up', '--log-level', 'loud'),
      await merlon('init', 'no-such-folder'),
    ];
    for (const { code, stdout, stderr } of runs) {
      expect([code, stdout]).toEqual([exitCodes.badInput, '']);
      expect(stderr).not.toMatch(/ {4}at |\.ts:/);
    }
    expect(runs[0]?.stderr).toContain('nonsense');
  }, 30_000);

  test('without a platform it says how to start one, and ends with 69', async () => {
    const { code, stderr } = await merlon('status');
    expect([code, stderr]).toEqual([exitCodes.unavailable, expect.stringContaining('merlon up')]);
  });

  test('a state folder that others may read ends with 77', async () => {
    rmSync(join(folder, 'open'), { recursive: true, force: true });
    writeFileSync(
      join(folder, 'merlon.yaml'),
      shopText.replaceAll('node orders.ts', 'sleep 1').replaceAll('node payments.ts', 'sleep 1'),
    );
    const { mkdirSync, chmodSync } = await import('node:fs');
    mkdirSync(join(folder, 'open'));
    chmodSync(join(folder, 'open'), 0o755);
    const { code, stderr } = await merlon('up', '-s', 'open');
    expect([code, stderr]).toEqual([exitCodes.permission, expect.stringContaining('chmod 700')]);
  });
});

test.each([
  ['manifest.unknown-key', exitCodes.badInput],
  ['policy.invalid', exitCodes.badInput],
  ['state.permissions', exitCodes.permission],
  ['state.in-use', exitCodes.system],
  ['gateway.port-in-use', exitCodes.system],
  ['control.unavailable', exitCodes.unavailable],
  ['admin.not-found', exitCodes.notFound],
  ['storage.full', exitCodes.system],
  ['anything.else', exitCodes.failed],
  ['constructor', exitCodes.failed],
  ['__proto__.x', exitCodes.failed],
])('%s ends with %d', (code, expected) => {
  expect(exitCodeOf(new MerlonError({ code, message: 'x' }))).toBe(expected);
});

test('what was not thrown on purpose is a fault of ours', () => {
  expect(exitCodeOf(new Error('x'))).toBe(exitCodes.internal);
});

test('a table aligns its columns whatever their colour', () => {
  const table = stripVTControlCharacters(
    formatTable(
      ['name', 'state'],
      [
        ['orders', '\u001b[32mhealthy\u001b[39m'],
        ['\u001b[31mx\u001b[39m', 'y'],
      ],
    ),
  );
  expect(table).toBe('name    state\norders  healthy\nx       y\n');
  expect(formatTable(['name'], [])).toBe('');
});

test('the first screen says where it is, who guards what, how to get in and what to try', () => {
  const manifest = manifestOf(shopText);
  const screen = formatFirstScreen({
    manifest,
    manifestPath: 'merlon.yaml',
    layout: stateLayout(join(process.cwd(), '.merlon')),
    readyMs: 2345,
    colour: false,
    width: 40,
  });
  expect(screen).toMatchInlineSnapshot(`
    "
    ────────────────────────────────────────
      merlon shop.example is up (ready in 2.3 s)

      Open         https://localhost:8443/

      Routes       /api/orders   → orders  orders:read
                   /api/orders   → orders  a valid token
                   /api/catalog  → catalog-search  optional

      Services     orders  calls payments, catalog-search
                   payments  calls catalog-search
                   catalog-search

      Try          curl --cacert .merlon/ca.pem https://localhost:8443/api/orders   # 401, with a decision id
                   npm run -s merlon -- explain <decision id>
                   npm run -s merlon -- prove
                   npm run -s merlon -- check

      Ctrl-C stops everything.
    ────────────────────────────────────────

    "
  `);
});

describe('merlon waf', () => {
  const attack = `/api/orders?q=${encodeURIComponent("1' or '1'='1")}`;
  const lines = (text: string): string => text.replaceAll(/ +/g, ' ');

  test('says which rules fire on a request, where, and what comes of it', async () => {
    writeFileSync(join(folder, 'waf.yaml'), shopText);
    const { code, stdout } = await merlon('waf', 'test', '-m', 'waf.yaml', '--url', attack, '--expect', 'block');
    expect(code).toBe(exitCodes.ok);
    expect(lines(stdout)).toMatch(/^block GET \/api\/orders\?q=\S+ \/api\/orders GET 5\/5/m);
    expect(lines(stdout)).toMatch(/3000 ARGS:q = 9' xx/);
    expect(stdout).toContain('1 requests: 0 pass, 1 blocked');
  });

  test('reads files, tells as JSON, and fails where something is not as expected', async () => {
    writeFileSync(join(folder, 'waf.yaml'), shopText);
    writeFileSync(join(folder, 'requests.http'), `GET /api/orders?q=tea\n### \nGET ${attack}\n`);
    const asked = ['waf', 'test', '-m', 'waf.yaml', 'requests.http', '--json', '--expect', 'pass'];
    const { code, stdout } = await merlon(...asked);
    expect(code).toBe(exitCodes.failed);
    expect(JSON.parse(stdout)).toMatchObject([
      { verdict: 'pass', target: '/api/orders?q=tea' },
      {
        verdict: 'block',
        score: 5,
        threshold: 5,
        matches: [{ rule: '3000', variable: 'ARGS:q' }, { rule: '3003' }, { rule: '9001' }],
      },
    ]);
  });

  test('tunes from files, and says what an exclusion would open', async () => {
    writeFileSync(join(folder, 'waf.yaml'), shopText);
    writeFileSync(join(folder, 'harmless.http'), `GET ${attack}\n`);
    const { code, stdout } = await merlon('waf', 'tune', '-m', 'waf.yaml', 'harmless.http');
    expect(code).toBe(exitCodes.ok);
    expect(stdout).toMatch(/^routes:\n {2}- path: \/api\/orders # the route of GET\n/);
    expect(stdout).toMatch(/# OPENS: this rule alone refuses \d+ of \d+ attacks in this field.*\n/);
    expect(stdout).toMatch(/- \{ rules: 300[03], fields: \["query\.q"\], reason: /);
  });

  test('lists the rules', async () => {
    writeFileSync(join(folder, 'waf.yaml'), shopText);
    const { stdout } = await merlon('waf', 'rules', '-m', 'waf.yaml');
    expect(lines(stdout)).toMatch(/^3000 2 1 critical SQL injection/m);
  });
});
