import { readFileSync } from 'node:fs';
import { tryReadText, writeFileAtomic } from '../core/files.ts';

// What a supervisor that was killed has left running would hold its ports for ever. Each start notes the process
// groups it begins; the next start ends those that are still ours, which the kernel's start time of the process tells.

interface Noted {
  readonly pid: number;
  readonly startTime: string;
}

/** When the kernel started `pid`, in clock ticks since boot (proc(5), field 22 of stat); undefined where it is gone. */
function startTimeOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** Remembers the processes of this run in `file`. */
export function createProcessNotes(file: string): { add(pid: number): void; remove(pid: number): void } {
  const noted = new Map<number, Noted>();
  const save = (): void => writeFileAtomic(file, JSON.stringify([...noted.values()]));
  return {
    add: (pid) => {
      const startTime = startTimeOf(pid);
      if (startTime !== undefined) noted.set(pid, { pid, startTime });
      save();
    },
    remove: (pid) => {
      if (noted.delete(pid)) save();
    },
  };
}

/** Ends what an earlier run noted in `file` and left behind. Returns how many process groups that were. */
export function endStaleProcesses(file: string): number {
  const text = tryReadText(file);
  if (text === undefined) return 0;
  const stale = tryParseNotes(text).filter(({ pid, startTime }) => startTimeOf(pid) === startTime);
  for (const { pid } of stale) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It ended between the look and the signal.
    }
  }
  return stale.length;
}

function tryParseNotes(text: string): Noted[] {
  try {
    const notes = JSON.parse(text) as Noted[];
    return notes.filter(({ pid, startTime }) => Number.isInteger(pid) && pid > 1 && typeof startTime === 'string');
  } catch {
    return [];
  }
}
