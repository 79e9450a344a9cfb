// What `merlon up` says when it cannot run, with which exit code, and that it leaves nothing behind.
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { exitCodes } from '../../src/core/errors.ts';
import { commandOf, createWorkspace, isFree, type PlatformOptions, until, type Workspace } from './platform.ts';

const open: Workspace[] = [];
let listener: Server | undefined;

afterEach(async () => {
  for (const workspace of open.splice(0)) workspace.remove();
  if (listener !== undefined) await new Promise((done) => listener?.close(done));
  listener = undefined;
});

async function prepare(options: PlatformOptions = {}): Promise<Workspace> {
  const workspace = await createWorkspace(options);
  open.push(workspace);
  return workspace;
}

/** Starts it, waits for its end, and shows that nothing is left: no process that knows the folder, and the port is free. */
async function refusal(workspace: Workspace): Promise<{ code: number | null; said: string }> {
  const { exit, output } = workspace.up();
  const code = await exit;
  await until(
    'nothing is left of it',
    () => processesOf(workspace).length === 0,
    5000,
    () => processesOf(workspace).join('\n'),
  );
  return { code, said: output() };
}

/** Command lines of all processes that were started in the workspace, or name it. */
function processesOf({ folder }: Workspace): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => commandOf(Number(pid)).join(' '))
    .filter((line) => line.includes(folder));
}

/** No internals, no stack: a sentence with its code, and what to do. */
function expectSentence(said: string): void {
  expect(said).toMatch(/error [^\n]+ \([a-z]+(\.[a-z-]+)+\)\n {2}\S/);
  expect(said).not.toMatch(/internal error|at .*\.ts:\d+|node:internal/);
}

it('names every mistake of a manifest, with line and column', async () => {
  const workspace = await prepare({
    edit: (text) => `${text.replace('service: legacy', 'service: lagacy')}\nbackdoor: true\n`,
  });
  const { code, said } = await refusal(workspace);
  expect(code, said).toBe(exitCodes.badInput);
  expect(said).toMatch(/merlon\.yaml:\d+:\d+/);
  expect(said).toContain('lagacy');
  expect(said).toContain('backdoor');
  const validated = await workspace.merlon('validate', '--json');
  expect(validated.code).toBe(exitCodes.badInput);
  expect(JSON.parse(validated.stdout)).toMatchObject({ valid: false, problems: [{}, {}] });
});

it('names a policy that does not hold', async () => {
  const workspace = await prepare();
  writeFileSync(join(workspace.folder, 'policies/orders.cedar'), 'permit (principal, action, resource');
  const { code, said } = await refusal(workspace);
  expect(code, said).toBe(exitCodes.badInput);
  expect(said).toMatch(/policies\/orders\.cedar:1:\d+/);
  expect(await isFree(workspace.port)).toBe(true);
});

it('says that there is no platform to ask', async () => {
  const workspace = await prepare();
  for (const command of ['status', 'users list']) {
    const { code, stderr } = await workspace.merlon(...command.split(' '));
    expect(code).toBe(exitCodes.unavailable);
    expectSentence(stderr);
  }
});

it('says that the port is in use', async () => {
  const workspace = await prepare();
  listener = createServer().listen(workspace.port, '127.0.0.1');
  const { code, said } = await refusal(workspace);
  expect(code, said).toBe(exitCodes.system);
  expectSentence(said);
  expect(said).toContain(`port ${workspace.port} on \`127.0.0.1\` is already in use`);
});

it('says that the state folder cannot be written', async () => {
  const { folder } = await prepare();
  const file = join(folder, 'merlon.yaml');
  const { code, said } = await refusal(await prepare({ state: join(file, 'state') }));
  expect(code, said).toBe(exitCodes.system);
  expectSentence(said);
  expect(said).toContain(`${file}/state`);
});

it('says that a service does not become healthy, and shows its last words', async () => {
  const run = `run: [node, -e, 'console.log("no database here"); setInterval(() => {}, 1000)']\n    startTimeout: 2s`;
  const workspace = await prepare({ edit: (text) => text.replace('run: node services/legacy/main.ts', run) });
  const { code, said } = await refusal(workspace);
  expect(code, said).toBe(exitCodes.unavailable);
  expectSentence(said);
  expect(said).toContain('`legacy` did not become healthy within 2 s');
  expect(said).toContain('no database here');
  expect(await isFree(workspace.port)).toBe(true);
}, 40_000);

it('says that a command does not exist', async () => {
  const run = 'run: no-such-program --serve\n    startTimeout: 2s';
  const workspace = await prepare({ edit: (text) => text.replace('run: node services/legacy/main.ts', run) });
  const { code, said } = await refusal(workspace);
  expect(code, said).toBe(exitCodes.unavailable);
  expectSentence(said);
  expect(said).toContain('no-such-program');
}, 40_000);

it('refuses a state folder that others may enter', async () => {
  const workspace = await prepare();
  mkdirSync(workspace.state, { mode: 0o755 });
  const { code, said } = await refusal(workspace);
  expect(code, said).toBe(exitCodes.permission);
  expectSentence(said);
  expect(said).toContain(`chmod 700 ${workspace.state}`);
});

it('refuses keys that others may read, and runs again when they are private', async () => {
  const workspace = await prepare();
  const start = async (): Promise<void> => {
    const { child, output, exit } = workspace.up();
    await until('it is up', () => child.exitCode !== null || output().includes('is up'), 40_000, output);
    expect(child.exitCode, output()).toBe(null);
    child.kill('SIGTERM');
    expect(await exit).toBe(exitCodes.ok);
  };
  await start();
  for (const name of ['control/unseal.key', 'control/admin.token']) {
    const file = join(workspace.state, name);
    chmodSync(file, 0o644);
    const { code, said } = await refusal(workspace);
    expect(code, said).toBe(exitCodes.permission);
    expect(said).toContain(`${file}\` may be read by other users (mode 644)`);
    expect(said).toContain(`chmod 600 ${file}`);
    chmodSync(file, 0o600);
  }
  await start();
}, 120_000);

it('ends all that it has begun when it is told to end before it is ready', async () => {
  const run = `run: [node, -e, 'console.log("waiting for ever"); setInterval(() => {}, 1000)']`;
  const workspace = await prepare({ edit: (text) => text.replace('run: node services/legacy/main.ts', run) });
  const { child, output, exit } = workspace.up();
  await until('services are started', () => output().includes('waiting for ever'), 20_000, output);
  child.kill('SIGINT');
  expect(await exit).toBe(exitCodes.failed);
  await until(
    'nothing is left of it',
    () => processesOf(workspace).length === 0,
    5000,
    () => processesOf(workspace).join('\n'),
  );
  expect(output()).not.toMatch(/internal error/);
  expect(await isFree(workspace.port)).toBe(true);
}, 40_000);

it('refuses a second start on the same state, and leaves the first alone', async () => {
  const first = await prepare();
  const { child, output, exit } = first.up();
  await until('it is up', () => output().includes('is up'), 40_000, output);
  const second = await prepare({ state: first.state });
  const { exit: ended, output: said } = second.up();
  expect(await ended).toBe(exitCodes.system);
  expectSentence(said());
  expect(said()).toContain('already running');
  expect(await isFree(second.port)).toBe(true);
  expect(output()).not.toContain('ended');
  expect(statSync(join(first.state, 'run/control.sock')).isSocket()).toBe(true);
  expect(readFileSync(join(first.state, 'run/processes.json'), 'utf8')).toContain('"pid"');
  child.kill('SIGTERM');
  expect(await exit).toBe(exitCodes.ok);
}, 60_000);

it('names the secrets that are missing, which can be put before the first start', async () => {
  const workspace = await prepare({
    edit: (text) =>
      text.replace(
        'PAYMENTS_API_KEY: { path: secret/payments#apiKey, generate: true }',
        'PAYMENTS_API_KEY: secret/payments#apiKey',
      ),
  });
  const { code, said } = await refusal(workspace);
  expect(code, said).toBe(exitCodes.badInput);
  expect(said).toContain('secret/payments#apiKey');
  expect((await workspace.merlonWith('k-0815', 'secrets', 'put', 'secret/payments', 'apiKey')).code).toBe(exitCodes.ok);
  expect((await workspace.merlon('secrets', 'get', 'secret/payments', 'apiKey')).stdout).toBe('k-0815\n');
  const { child, exit, output } = workspace.up();
  await until('it is up', () => output().includes('is up'), 60_000, output);
  child.kill('SIGTERM');
  expect(await exit).toBe(exitCodes.ok);
}, 120_000);
