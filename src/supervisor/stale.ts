import { readFileSync, rmSync } from 'node:fs';
import { type Clock, sleep } from '../core/clock.ts';
import { tryReadText, writeFileAtomic } from '../core/files.ts';
import type { Stoppable } from '../core/lifecycle.ts';

// What a supervisor that was killed has left running would hold its ports for ever. Each run notes itself and the
// process groups that it begins; the next run ends those that are still ours, once the one that began them is dead.
// A process is known by its id and by the moment at which the kernel started it, since ids are given out again.

interface Noted {
  readonly pid: number;
  readonly started: string;
}

interface Notes {
  readonly supervisor: Noted;
  readonly groups: readonly Noted[];
}

/** The processes of one run, in a file that outlives it when it is killed. */
export interface ProcessNotes extends Stoppable {
  /** Notes the leader of a process group. */
  add(pid: number): void;
}

const goneWithinMs = 5000;
const lookMs = 10;

/**
 * When the kernel started `pid`: the boot, and clock ticks since then (proc(5): stat, field 22). Undefined where it has
 * ended. A zombie (field 3) has ended once it is its only thread (field 20): the others still hold sockets and ports.
 */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Field 2, the name in parentheses, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const [state, threads, ticks] = [fields[0], Number(fields[17]), fields[19]];
    return state === 'X' || (state === 'Z' && threads <= 1) ? undefined : `${bootId()}/${ticks}`;
  } catch {
    return undefined;
  }
}

function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

const isAlive = ({ pid, started }: Noted): boolean => startOf(pid) === started;

function note(pid: number): Noted | undefined {
  const started = startOf(pid);
  return started === undefined ? undefined : { pid, started };
}

/** Notes this process in `file` as the supervisor, and what it is told to beside it. Stopping it forgets the run. */
export function createProcessNotes(file: string): ProcessNotes {
  const supervisor = note(process.pid);
  let groups: readonly Noted[] = [];
  const save = (): void => writeFileAtomic(file, JSON.stringify({ supervisor, groups }));
  save();
  return {
    add: (pid) => {
      const started = note(pid);
      // Whatever has ended meanwhile is of no interest any more: a service that crashes all night leaves one line.
      groups = [...groups.filter(isAlive), ...(started === undefined ? [] : [started])];
      save();
    },
    stop: async () => rmSync(file, { force: true }),
  };
}

/** The process id of the supervisor that is noted in `file` and still lives; undefined where there is none. */
export function findLiveSupervisor(file: string): number | undefined {
  const supervisor = tryReadNotes(file)?.supervisor;
  return supervisor !== undefined && isAlive(supervisor) ? supervisor.pid : undefined;
}

/**
 * Ends what a supervisor that is dead noted in `file` and left behind, and waits until it is gone. Ends nothing while
 * that supervisor lives. Gives the number of process groups.
 */
export async function endStaleProcesses(file: string, clock: Clock): Promise<number> {
  const notes = tryReadNotes(file);
  if (notes === undefined || isAlive(notes.supervisor)) return 0;
  const stale = notes.groups.filter(isAlive);
  for (const { pid } of stale) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It ended between the look and the signal.
    }
  }
  const end = clock.monotonic() + goneWithinMs;
  while (stale.some(isAlive) && clock.monotonic() < end) await sleep(clock, lookMs);
  return stale.length;
}

function tryReadNotes(file: string): Notes | undefined {
  const text = tryReadText(file);
  if (text === undefined) return undefined;
  try {
    const { supervisor, groups } = JSON.parse(text) as Notes;
    return isNoted(supervisor) && Array.isArray(groups) ? { supervisor, groups: groups.filter(isGroup) } : undefined;
  } catch {
    return undefined;
  }
}

function isNoted(value: unknown): value is Noted {
  const { pid, started } = (value ?? {}) as Partial<Noted>;
  return Number.isSafeInteger(pid) && typeof started === 'string';
}

/** To signal group 1, or 0, would be to signal every process, or ourselves. */
function isGroup(value: unknown): value is Noted {
  return isNoted(value) && value.pid > 1;
}
