import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { roleCommand } from './role-command.ts';
import { prepareState, type StateLayout, stateLayout } from './state.ts';

const root = resolve(import.meta.dirname, '..', '..');
let folder: string;
let layout: StateLayout;

beforeEach(() => {
  // Where `npm start` keeps its state: inside the folder of the program.
  mkdirSync(join(root, '.merlon'), { recursive: true });
  folder = mkdtempSync(join(root, '.merlon', 't-'));
  layout = stateLayout(folder);
  prepareState(layout);
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function put(path: string): string {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, 'secret', { mode: 0o600 });
  return path;
}

/** What a gateway that was taken over could do: runs `code` under the flags that gateway worker 1 is started with. */
function asGateway(code: string): string {
  const command = roleCommand('gateway', ['--name', '1'], layout);
  const flags = command.slice(1).filter((word) => word.startsWith('--permission') || word.startsWith('--allow'));
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, '-e', code], { encoding: 'utf8' });
  return stdout + (/ERR_ACCESS_DENIED/.exec(stderr)?.[0] ?? '');
}

const read = (path: string): string =>
  `process.stdout.write(require('node:fs').readFileSync(${JSON.stringify(path)}, 'utf8'))`;

test.each([
  ['the unseal key', () => layout.unsealKey],
  ['the store', () => layout.store],
  ['the admin token', () => layout.adminToken],
  ['a user’s password', () => join(layout.credentials, 'user-alice')],
  ['the join token of the agent', () => join(layout.join, 'agent-1')],
  ['the join token of the supervisor', () => join(layout.join, 'supervisor-1')],
  ['a service’s secret', () => join(layout.serviceSecrets, 'payments', 'KEY')],
  ['the agent’s SVIDs', () => join(layout.agent, 'svids-1')],
  ['a file of the machine', () => join(tmpdir(), `merlon-other-${process.pid}`)],
])('a gateway cannot read %s', (_, path) => {
  expect(asGateway(read(put(path())))).toBe('ERR_ACCESS_DENIED');
});

test('it can read its own join token and its own folder', () => {
  expect(asGateway(read(put(join(layout.join, 'gateway-1'))))).toBe('secret');
  expect(asGateway(read(put(join(layout.gateway, 'snapshot-1'))))).toBe('secret');
});

test('it can write nowhere else, and start nothing', () => {
  expect(asGateway(`require('node:fs').writeFileSync(${JSON.stringify(join(layout.control, 'x'))}, '')`)).toBe(
    'ERR_ACCESS_DENIED',
  );
  expect(asGateway(`require('node:fs').writeFileSync(${JSON.stringify(join(root, 'src', 'x'))}, '')`)).toBe(
    'ERR_ACCESS_DENIED',
  );
  expect(asGateway(`require('node:child_process').execSync('true')`)).toBe('ERR_ACCESS_DENIED');
});
