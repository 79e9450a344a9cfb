// A platform of real processes for the end-to-end tests: an example, copied, on ports of its own, started by `merlon up`.
import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { type Call, type CallOptions, createCaller } from './caller.ts';

const root = resolve(import.meta.dirname, '../..');
const entry = join(root, 'bin/merlon.mjs');
// What the examples run (`node`, `verdaccio`) is found as under `npm test`, whoever starts the tests.
const path = `${join(root, 'node_modules/.bin')}:${process.env.PATH}`;
// Compiled code is kept from one test file to the next; everything else is a run's own.
const cache = join(tmpdir(), 'merlon-e2e-cache');
const readyMs = 60_000;
// The same tests with other rules in the firewall: `crs`, or the path of a checkout.
const wafRules = process.env.MERLON_E2E_WAF_RULES;

export interface PlatformOptions {
  readonly example?: 'shop' | 'registry';
  /** A folder with a manifest, in the place of an example. */
  readonly folder?: string;
  /** Changes the text of the manifest before it is used. */
  readonly edit?: (manifest: string) => string;
  /** Puts files beside the manifest before it is used. */
  readonly prepare?: (folder: string) => void;
  /** Files that lie beside the manifest, by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** State folder, where it is not to be a fresh one inside the copy. */
  readonly state?: string;
  /** What is to be done before the platform starts. */
  readonly beforeUp?: (workspace: Workspace) => Promise<void>;
  /** Variables that `merlon up` gets beside PATH and HOME. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What a finished command left behind. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A copy of an example and the ways to run `merlon` on it. */
export interface Workspace {
  readonly folder: string;
  readonly manifest: string;
  readonly state: string;
  readonly port: number;
  readonly url: string;
  /** Runs one command on this manifest and state folder. */
  merlon(...args: string[]): Promise<Finished>;
  /** As `merlon`, with text on standard input. */
  merlonWith(input: string, ...args: string[]): Promise<Finished>;
  /** Starts `merlon up` and does not wait. */
  up(): UpProcess;
  remove(): void;
}

export interface UpProcess {
  readonly child: ChildProcess;
  /** Everything that it has printed. */
  readonly output: () => string;
  readonly exit: Promise<number | null>;
}

export interface RoleProcess {
  readonly role: 'control' | 'gateway' | 'agent';
  readonly pid: number;
}

/** A running platform. */
export interface Platform extends Workspace {
  readonly pid: number;
  readonly ca: string;
  readonly output: () => string;
  /** One request of the gateway; `as` names a user whose token goes along. */
  call(target: string, options?: CallOptions): Promise<Call>;
  /** An access token of a user, taken through the login page, and kept. */
  token(user: string): Promise<string>;
  /** An access token of a client, by its own secret, and kept. */
  clientToken(client: string): Promise<string>;
  /** What `merlon explain` says. */
  explain(id: string): Promise<string>;
  status(): Promise<Status>;
  /** The processes of our own roles, by the kernel's table. */
  roles(): RoleProcess[];
  /** Ends it as Ctrl-C would; gives the exit code. Removes the folder. */
  stop(): Promise<number | null>;
}

export interface Status {
  readonly snapshot: string;
  readonly roles: readonly { readonly role: string; readonly name: string; readonly version?: string }[];
  readonly services: readonly { readonly service: string; readonly state: string; readonly pid?: number }[];
}

/** Copies the example below a short path (sockets lie in the state folder) and gives it a port of its own. */
export async function createWorkspace(options: PlatformOptions = {}): Promise<Workspace> {
  const { example = 'shop', edit = (text: string) => text } = options;
  const folder = mkdtempSync(join(tmpdir(), 'mrl-'));
  const port = await publicPort();
  const skipped = new Set(['.merlon', '.data', 'node_modules']);
  cpSync(options.folder ?? join(root, 'examples', example), folder, {
    recursive: true,
    filter: (source) => !skipped.has(basename(source)),
  });
  options.prepare?.(folder);
  const manifest = join(folder, 'merlon.yaml');
  const state = options.state ?? join(folder, 's');
  const text = readFileSync(manifest, 'utf8').replaceAll('8443', String(port));
  const rules =
    wafRules === undefined ? text : text.replace('\ngateway:\n', `\ngateway:\n  waf: { rules: ${wafRules} }\n`);
  writeFileSync(manifest, edit(rules));
  for (const [name, content] of Object.entries(options.files ?? {}))
    writeFileSync(join(folder, name), content, { mode: 0o600 });
  const env = { PATH: path, HOME: folder, XDG_CACHE_HOME: cache, ...options.env };
  const start = (args: readonly string[]): ChildProcess => {
    const where = args[0] === 'validate' ? ['-m', manifest] : ['-m', manifest, '-s', state];
    return spawn(process.execPath, [entry, ...args, ...where], { cwd: folder, env });
  };
  const merlonWith = async (input: string, ...args: string[]): Promise<Finished> => {
    const child = start(args);
    child.stdin?.end(input);
    return finish(child);
  };
  return {
    folder,
    manifest,
    state,
    port,
    url: `https://localhost:${port}`,
    merlon: (...args) => merlonWith('', ...args),
    merlonWith,
    up: () => {
      const child = start(['up']);
      const output = collect(child);
      return { child, output, exit: new Promise((ended) => child.once('close', ended)) };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** Starts an example and waits until it serves. Throws with its output where it does not. */
export async function startPlatform(options: PlatformOptions = {}): Promise<Platform> {
  const workspace = await createWorkspace(options);
  await options.beforeUp?.(workspace);
  const { child, output, exit } = workspace.up();
  let ended = false;
  void exit.then(() => (ended = true));
  await until('the platform is up', () => ended || output().includes('is up'), readyMs, output);
  if (ended) throw new Error(`the platform did not start (exit code ${child.exitCode}):\n${output()}`);
  return runningPlatform(workspace, child, output, exit);
}

function runningPlatform(
  workspace: Workspace,
  child: ChildProcess,
  output: () => string,
  exit: Promise<number | null>,
): Platform {
  const { merlon, state } = workspace;
  const ca = readFileSync(join(state, 'ca.pem'), 'utf8');
  const tokens = new Map<string, Promise<string>>();
  const kept = (...args: string[]): Promise<string> => {
    const key = args.join(' ');
    const token = tokens.get(key) ?? merlon('token', ...args).then(outputOf);
    tokens.set(key, token);
    return token;
  };
  const token = (user: string): Promise<string> => kept('--user', user);
  return {
    ...workspace,
    pid: child.pid as number,
    ca,
    output,
    call: createCaller(workspace.url, ca, token),
    token,
    clientToken: (client) => kept('--client', client),
    explain: async (id) => {
      // Records travel from the data plane to control by themselves, and wait there while control is away.
      let last = await merlon('explain', id);
      await until(
        `there is a record ${id}`,
        async () => last.code === 0 || (last = await merlon('explain', id)).code === 0,
      );
      return outputOf(last);
    },
    status: () => readStatus(state, ca),
    roles: () => rolesBelow(child.pid as number),
    stop: async () => {
      if (child.exitCode !== null) throw new Error(`the platform had ended before it was told to:\n${output()}`);
      const kill = setTimeout(() => endAll(state, child), 20_000);
      child.kill('SIGTERM');
      const code = await exit;
      clearTimeout(kill);
      workspace.remove();
      return code;
    },
  };
}

/** What `merlon status` shows, asked of control without the time that a command takes. */
async function readStatus(state: string, ca: string): Promise<Status> {
  const { url } = JSON.parse(readFileSync(join(state, 'run/admin.json'), 'utf8')) as { url: string };
  const token = readFileSync(join(state, 'control/admin.token'), 'utf8').trim();
  const answer = await createCaller(url, ca, async () => token)('/admin/status', { token });
  if (answer.status !== 200) throw new Error(answer.text);
  return answer.json as Status;
}

/** The last resort: the supervisor and every process group that it noted. */
function endAll(state: string, child: ChildProcess): void {
  child.kill('SIGKILL');
  const { groups } = JSON.parse(readFileSync(join(state, 'run/processes.json'), 'utf8')) as {
    groups: { pid: number }[];
  };
  for (const { pid } of groups) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It had ended.
    }
  }
}

function rolesBelow(supervisor: number): RoleProcess[] {
  return childrenOf(supervisor).flatMap((pid) => {
    const words = commandOf(pid);
    const role = words[words.indexOf(entry) + 1];
    return words.includes(entry) ? [{ role: role as RoleProcess['role'], pid }] : [];
  });
}

/** Processes whose parent is `parent`. */
export function childrenOf(parent: number): number[] {
  const text = tryRead(`/proc/${parent}/task/${parent}/children`);
  return text.split(' ').filter(Boolean).map(Number);
}

/** The words of a process's command line; none where it has ended. */
export function commandOf(pid: number): string[] {
  return tryRead(`/proc/${pid}/cmdline`).split('\0').slice(0, -1);
}

function tryRead(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** Waits until `done` holds, looking every 25 ms. Throws after `timeoutMs`, with `evidence`. */
export async function until(
  what: string,
  done: () => boolean | Promise<boolean>,
  timeoutMs = 15_000,
  evidence: () => string = () => '',
): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await done())) {
    if (performance.now() > end) throw new Error(`not within ${timeoutMs} ms: ${what}\n${evidence()}`);
    await new Promise((resume) => setTimeout(resume, 25));
  }
}

/** The standard output of a command that went well. */
export function outputOf({ code, stdout, stderr }: Finished): string {
  if (code === 0) return stdout.trim();
  throw new Error(`exit code ${code}\n${stderr}${stdout}`);
}

function collect(child: ChildProcess): () => string {
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  return () => output;
}

/** Waits for a process to end. */
export function finish(child: ChildProcess): Promise<Finished> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((done, fail) => {
    child.once('error', fail);
    child.once('close', (code) => done({ code, stdout, stderr }));
  });
}

/** A free port from 21000, below those that the kernel gives out by itself. */
async function publicPort(): Promise<number> {
  for (;;) {
    const port = 21_000 + Math.floor(Math.random() * 9000);
    if (await isFree(port)) return port;
  }
}

/** Whether `port` can be listened on. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const probe = createServer().once('error', () => answer(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => answer(true)));
  });
}
