import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../core/clock.ts';
import { createProcessNotes, endStaleProcesses, findLiveSupervisor } from './stale.ts';

const folder = mkdtempSync(join(tmpdir(), 'merlon-stale-'));
const file = join(folder, 'processes.json');
const stale = new URL('./stale.ts', import.meta.url).href;
const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started.splice(0)) {
    try {
      process.kill(-(child.pid as number), 'SIGKILL');
    } catch {
      // It has ended, as most tests want.
    }
  }
  rmSync(file, { force: true });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A process group of its own that would live for a minute. */
function sleeper(): ChildProcess {
  const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)'], { detached: true, stdio: 'ignore' });
  started.push(child);
  return child;
}

/** A supervisor in a process of its own: notes itself and a group that it starts, and waits. */
async function supervisor(): Promise<{ child: ChildProcess; group: number }> {
  const program = `
    import { spawn } from 'node:child_process';
    import { createProcessNotes } from ${JSON.stringify(stale)};
    const notes = createProcessNotes(${JSON.stringify(file)});
    const child = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60000)'], { detached: true, stdio: 'ignore' });
    notes.add(child.pid);
    console.log(child.pid);
    setTimeout(() => {}, 60000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  started.push(child);
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return { child, group: Number(line.toString()) };
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function isRunning(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3));
  } catch {
    return false;
  }
}

describe('what a killed supervisor has left behind', () => {
  test('ends with the next start', async () => {
    const { child, group } = await supervisor();
    await kill(child);
    expect(isRunning(group)).toBe(true);
    expect(findLiveSupervisor(file)).toBeUndefined();
    expect(await endStaleProcesses(file, systemClock)).toBe(1);
    expect(isRunning(group)).toBe(false);
    expect(await endStaleProcesses(file, systemClock)).toBe(0);
  });

  test('is left alone while that supervisor lives', async () => {
    const { child, group } = await supervisor();
    expect(findLiveSupervisor(file)).toBe(child.pid);
    expect(await endStaleProcesses(file, systemClock)).toBe(0);
    expect(isRunning(group)).toBe(true);
    process.kill(group, 'SIGKILL');
  });

  test('is not mistaken for whoever got its process id afterwards', async () => {
    const { child, group } = await supervisor();
    await kill(child);
    const other = sleeper();
    const notes = JSON.parse(readFileSync(file, 'utf8')) as { groups: { pid: number; started: string }[] };
    // As if the kernel had given the noted id to another process: same id, another start.
    // (Not that of the group, which may have begun in the same hundredth of a second.)
    const recycled = { pid: other.pid as number, started: `${(notes.groups[0] as { started: string }).started}0` };
    writeFileSync(file, JSON.stringify({ ...notes, groups: [...notes.groups, recycled] }));
    expect(await endStaleProcesses(file, systemClock)).toBe(1);
    expect(isRunning(group)).toBe(false);
    expect(isRunning(other.pid as number)).toBe(true);
  });

  test('a supervisor whose process id was given to another does not count as living', async () => {
    const { child, group } = await supervisor();
    await kill(child);
    const notes = JSON.parse(readFileSync(file, 'utf8')) as { supervisor: { pid: number } };
    writeFileSync(file, JSON.stringify({ ...notes, supervisor: { ...notes.supervisor, pid: process.pid } }));
    expect(findLiveSupervisor(file)).toBeUndefined();
    expect(await endStaleProcesses(file, systemClock)).toBe(1);
    expect(isRunning(group)).toBe(false);
  });
});

describe('the notes', () => {
  test('hold this process, and go when the run ends', async () => {
    const notes = createProcessNotes(file);
    expect(findLiveSupervisor(file)).toBe(process.pid);
    await notes.stop();
    expect(findLiveSupervisor(file)).toBeUndefined();
  });

  test('forget what has ended: a service that crashes all night leaves one line', async () => {
    const notes = createProcessNotes(file);
    const first = sleeper();
    notes.add(first.pid as number);
    await kill(first);
    const second = sleeper();
    notes.add(second.pid as number);
    const { groups } = JSON.parse(readFileSync(file, 'utf8')) as { groups: { pid: number }[] };
    expect(groups.map(({ pid }) => pid)).toEqual([second.pid]);
    await notes.stop();
  });

  test.each([
    ['nothing', undefined],
    ['half a file', '{"supervisor":{"pid":1'],
    ['another shape', '[{"pid":1,"startTime":"1"}]'],
    [
      'groups that are every process',
      '{"supervisor":{"pid":999999999,"started":"x"},"groups":[{"pid":1,"started":"x"},{"pid":0,"started":"x"},{"pid":-1,"started":"x"},null]}',
    ],
  ])('that hold %s end nothing', async (_, text) => {
    if (text !== undefined) writeFileSync(file, text);
    expect(findLiveSupervisor(file)).toBeUndefined();
    expect(await endStaleProcesses(file, systemClock)).toBe(0);
  });
});
