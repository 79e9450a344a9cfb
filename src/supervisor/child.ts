import { type ChildProcess, type StdioOptions, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import type { Clock, Timer } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import { readOutput } from './output-lines.ts';

const firstDelayMs = 200;
const longestDelayMs = 10_000;
/** A child that ran so long has recovered: its next crash counts as the first. */
const stableMs = 30_000;

/** What to run. Secrets travel in `env`, never in `command`, which every user of the host can read. */
export interface ChildPlan {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** File descriptors to hand on, from 3. */
  readonly descriptors?: readonly number[];
}

export interface ChildOptions {
  readonly clock: Clock;
  /** How long it may take to end after SIGTERM before it is killed. */
  readonly graceMs: number;
  readonly onLine: (line: string) => void;
  readonly onStart: (pid: number) => void;
  /** It ended by itself. `restartInMs` undefined: it is not started again (`restart` said no). */
  readonly onExit: (exit: { code: number | null; signal: string | null; restartInMs: number | undefined }) => void;
  /** Whether to start it again after this exit code. Always, unless told. */
  readonly restart?: (code: number | null) => boolean;
}

/** A process that is started again when it ends, after a delay that doubles with each crash. */
export interface Child extends Stoppable {
  readonly plan: ChildPlan;
  readonly pid: number | undefined;
  /** The last lines it printed, oldest first, to show when it fails. */
  readonly lastLines: readonly string[];
  /** Ends it and starts it with another plan. */
  replace(plan: ChildPlan): Promise<void>;
}

export function startChild(plan: ChildPlan, options: ChildOptions): Child {
  const { clock } = options;
  const lastLines: string[] = [];
  let current = plan;
  let running: ChildProcess | undefined;
  let timer: Timer | undefined;
  let stopping = false;
  let delayMs = firstDelayMs;

  const hear = (line: string): void => {
    lastLines.push(line);
    if (lastLines.length > 20) lastLines.shift();
    options.onLine(line);
  };
  const ended = (startedMs: number, code: number | null, signal: string | null): void => {
    running = undefined;
    if (stopping) return;
    if (clock.monotonic() - startedMs > stableMs) delayMs = firstDelayMs;
    const again = options.restart?.(code) ?? true;
    options.onExit({ code, signal, restartInMs: again ? delayMs : undefined });
    if (again) timer = clock.after(delayMs, start);
    delayMs = Math.min(delayMs * 2, longestDelayMs);
  };
  const start = (): void => {
    const startedMs = clock.monotonic();
    const child = launch(current);
    running = child;
    let over = false;
    const once = (code: number | null, signal: string | null): void => {
      if (!over) ended(startedMs, code, signal);
      over = true;
    };
    for (const stream of [child.stdout, child.stderr]) {
      if (stream !== null) readOutput(stream, hear);
    }
    child.on('error', (error) => {
      hear(existsSync(current.cwd) ? messageOf(error) : `there is no folder \`${current.cwd}\` to run it in`);
      once(127, null);
    });
    child.on('exit', once);
    if (child.pid !== undefined) options.onStart(child.pid);
  };
  const halt = async (): Promise<void> => {
    stopping = true;
    timer?.cancel();
    if (running !== undefined) await end(running, clock, options.graceMs);
    running = undefined;
  };
  start();
  return {
    get plan() {
      return current;
    },
    get pid() {
      return running?.pid;
    },
    lastLines,
    replace: async (next) => {
      await halt();
      current = next;
      stopping = false;
      delayMs = firstDelayMs;
      start();
    },
    stop: halt,
  };
}

function launch({ command: [file, ...args], cwd, env, descriptors = [] }: ChildPlan): ChildProcess {
  const stdio: StdioOptions = ['ignore', 'pipe', 'pipe', ...descriptors];
  // A process group of its own: the terminal's Ctrl-C reaches the supervisor alone, and what the child starts ends with it.
  return spawn(file, args, { cwd, env, stdio, detached: true });
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended in the meantime.
  }
}

function end(child: ChildProcess, clock: Clock, graceMs: number): Promise<void> {
  const { pid } = child;
  if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const kill = clock.after(graceMs, () => signalGroup(pid, 'SIGKILL'));
    child.once('exit', () => {
      kill.cancel();
      // Grandchildren that outlived their parent's grace.
      signalGroup(pid, 'SIGKILL');
      resolve();
    });
    signalGroup(pid, 'SIGTERM');
  });
}
