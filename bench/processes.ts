// Processes under measurement: pinned, watched through /proc, and ended by their own id.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { accessSync, constants, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { delimiter, join } from 'node:path';

/** Which cores do what. With two of them the load generator and the upstream share the second. */
export interface Cores {
  readonly peer: string;
  readonly upstream: string;
  readonly load: string;
  /** Whether `taskset` is there; without it nothing is pinned. */
  readonly pinned: boolean;
}

export function planCores(): Cores {
  const count = availableParallelism();
  const pinned = count > 1 && findProgram('taskset') !== undefined;
  if (count < 3) return { peer: '0', upstream: '1', load: '1', pinned };
  return { peer: '0', upstream: '1', load: count === 3 ? '2' : '2-3', pinned };
}

/** The program's path, or undefined where it is not installed. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return folders
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** The words of a command, confined to `cores` where that can be done. */
export function pinnedTo(cores: string, { pinned }: Cores, command: readonly string[]): readonly string[] {
  return pinned ? ['taskset', '-c', cores, ...command] : command;
}

export interface Started {
  readonly child: ChildProcess;
  readonly pid: number;
  /** All that it has printed. */
  output(): string;
  stop(): Promise<void>;
}

// Whatever ends this process ends what it has started.
const running = new Set<number>();
process.once('exit', () => running.forEach(endGroup));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It had ended.
  }
}

/** Starts a program; `stop` ends it, and what it started, which stand in a group of their own. */
export function start(command: readonly string[], options: { env?: NodeJS.ProcessEnv } = {}): Started {
  const [program = '', ...args] = command;
  const child = spawn(program, args, {
    env: { ...process.env, ...options.env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (output = (output + text).slice(-20_000)));
  const exit = new Promise<void>((ended) => child.once('exit', () => ended()).once('error', () => ended()));
  const pid = child.pid ?? 0;
  if (pid !== 0) running.add(pid);
  void exit.then(() => running.delete(pid));
  const stop = async (): Promise<void> => {
    if (pid === 0 || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGTERM');
    const cut = setTimeout(() => endGroup(pid), 4000);
    await exit;
    clearTimeout(cut);
  };
  return { child, pid, output: () => output, stop };
}

/** Runs a program to its end; throws with its output where it fails. */
export function runToEnd(command: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  const [program = '', ...args] = command;
  return new Promise((done, fail) => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.once('error', fail);
    child.once('close', (code) =>
      code === 0 ? done(output) : fail(new Error(`${command.join(' ')}: exit code ${code}\n${output}`)),
    );
  });
}

/** A process and all that it has started. */
export function treeOf(pid: number): number[] {
  const children = tryRead(`/proc/${pid}/task/${pid}/children`).split(' ').filter(Boolean).map(Number);
  return [pid, ...children.flatMap(treeOf)];
}

/** CPU time of these processes so far, in seconds. */
export function cpuSeconds(pids: readonly number[]): number {
  let ticks = 0;
  for (const pid of pids) {
    const fields = tryRead(`/proc/${pid}/stat`).split(') ')[1]?.split(' ') ?? [];
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0);
  }
  return ticks / ticksPerSecond();
}

let ticks: number | undefined;
function ticksPerSecond(): number {
  return (ticks ??= Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout) || 100);
}

export interface Memory {
  /** Resident, shared pages counted in full. MB. */
  readonly rss: number;
  /** Resident, shared pages divided among those who share them. MB. */
  readonly pss: number;
}

export function memoryOf(pids: readonly number[]): Memory {
  let rss = 0;
  let pss = 0;
  for (const pid of pids) {
    const text = tryRead(`/proc/${pid}/smaps_rollup`);
    rss += Number(/^Rss: +(\d+)/m.exec(text)?.[1] ?? 0);
    pss += Number(/^Pss: +(\d+)/m.exec(text)?.[1] ?? 0);
  }
  return { rss: (rss * 1024) / 1e6, pss: (pss * 1024) / 1e6 };
}

/** The words of a process's command line. */
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

export function freePort(): Promise<number> {
  return new Promise((found, fail) => {
    const probe = createServer().once('error', fail);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => found(port));
    });
  });
}

/** Waits until something accepts connections on `port`. */
export async function accepting(port: number, started: Started, timeoutMs = 15_000): Promise<void> {
  const end = performance.now() + timeoutMs;
  while (!(await accepts(port))) {
    if (performance.now() > end || started.child.exitCode !== null)
      throw new Error(`nothing listens on port ${port}:\n${started.output()}`);
    await pause(25);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      answer(true);
    }).once('error', () => answer(false));
  });
}

export function pause(ms: number): Promise<void> {
  return new Promise((resume) => setTimeout(resume, ms));
}

/** How many files a process may have open, as this one was started. */
export function openFileLimit(): number {
  return Number(/^Max open files\s+(\d+)/m.exec(tryRead('/proc/self/limits'))?.[1] ?? 1024);
}
