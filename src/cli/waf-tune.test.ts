import { spawnSync } from 'node:child_process';
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';

// A case is one file: what it is about, the manifest, recorded requests, and what `merlon waf tune` proposes for them. Set UPDATE_GOLDEN=1
// to write the last part anew. Then the proposals are taken over, and the same requests must pass.

const entry = resolve(import.meta.dirname, '../../bin/merlon.mjs');
const folder = mkdtempSync(join(tmpdir(), 'merlon-tune-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function merlon(...args: string[]): { readonly code: number | null; readonly stdout: string; readonly stderr: string } {
  const env = { PATH: process.env.PATH, HOME: folder, NO_COLOR: '1' };
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, ...args], {
    cwd: folder,
    env,
    encoding: 'utf8',
  });
  return { code: status, stdout, stderr };
}

interface Case {
  readonly head: string;
  readonly manifest: string;
  readonly requests: string;
  readonly output: string;
}

function readCase(file: string): Case {
  const [about = '', ...rest] = readFileSync(file, 'utf8').split(/^-- .* --\n/m);
  const [manifest = '', requests = '', output = ''] = rest;
  return { head: about, manifest, requests, output };
}

/** The manifest with the proposed exclusions on its one route. */
function tuned(manifest: string, output: string): string {
  const exclusions = output.split('\n').filter((line) => line.startsWith('        - {'));
  return manifest.replace(/^ {2}- \{ path: (\S+), service: (\w+) \}$/m, (_, path: string, service: string) =>
    [`  - path: ${path}`, `    service: ${service}`, '    waf:', '      exclusions:', ...exclusions].join('\n'),
  );
}

const isInstalled = existsSync('/usr/share/modsecurity-crs/rules');
if (!isInstalled) process.stderr.write('crs: the package modsecurity-crs is not installed, skipped\n');

describe('merlon waf tune, on recorded requests', () => {
  for (const file of globSync(`${import.meta.dirname}/golden/waf-tune-*.txt`).sort()) {
    test.skipIf(file.includes('-crs') && !isInstalled)(basename(file, '.txt'), { timeout: 180_000 }, () => {
      const { head, manifest, requests, output } = readCase(file);
      writeFileSync(join(folder, 'merlon.yaml'), manifest);
      writeFileSync(join(folder, 'recorded.http'), requests);
      const { code, stdout, stderr } = merlon('waf', 'tune', 'recorded.http');
      expect(code, stderr).toBe(0);
      if (process.env.UPDATE_GOLDEN === '1')
        writeFileSync(
          file,
          `${head}-- merlon.yaml --\n${manifest}-- recorded.http --\n${requests}-- output --\n${stdout}`,
        );
      else expect(stdout).toBe(output);
      expect(merlon('waf', 'test', 'recorded.http', '--expect', 'pass').code).not.toBe(0);
      writeFileSync(join(folder, 'merlon.yaml'), tuned(manifest, stdout));
      const after = merlon('waf', 'test', 'recorded.http', '--expect', 'pass');
      expect(after.code, after.stdout + after.stderr).toBe(0);
    });
  }
});

test.each([
  [
    'a route that is not there',
    ['test', '--route', '/nowhere', '--url', '/a'],
    /there is no route `\/nowhere`[\s\S]*there are `\/a`/,
  ],
  ['a field without a colon', ['test', '-H', 'bad', '--url', '/a'], /`bad` is no header field/],
  ['what is no path', ['test', '--url', 'a'], /`a` is neither a path nor a URL/],
  ['a verdict', ['test', '--expect', 'maybe', '--url', '/a'], /`maybe` is neither `pass` nor `block`/],
  ['a route to tune', ['tune', '--route', '/nowhere', 'x.har'], /there is no route `\/nowhere`/],
])('refuses %s before it says anything', (_, args, message) => {
  const manifest = join(folder, 'plain.yaml');
  writeFileSync(
    manifest,
    'version: 1\ntrustDomain: a.example\nservices: { s: { run: node s.ts } }\nroutes: [{ path: /a, service: s }]\n',
  );
  const { code, stdout, stderr } = merlon('waf', ...args, '-m', manifest);
  expect([code, stdout]).toEqual([65, '']);
  expect(stderr).toMatch(message);
});
