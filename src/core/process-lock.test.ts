import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, expect, test } from 'vitest';
import { tryLockFile } from './process-lock.ts';

const folder = mkdtempSync(join(tmpdir(), 'merlon-lock-'));
const file = join(folder, 'lock');
const module = new URL('./process-lock.ts', import.meta.url).href;
const started: ChildProcess[] = [];
afterEach(() => {
  for (const child of started.splice(0)) child.kill('SIGKILL');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A process that says whether it got the lock, and keeps it while it lives. */
async function rival(): Promise<{ child: ChildProcess; got: boolean }> {
  const program = `
    import { tryLockFile } from ${JSON.stringify(module)};
    console.log(tryLockFile(${JSON.stringify(file)}) !== undefined);
    setTimeout(() => {}, 60000);
  `;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  started.push(child);
  const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
  return { child, got: line.toString().trim() === 'true' };
}

test('of processes that ask at the same moment one gets it; when that is killed, the next', async () => {
  const rivals = await Promise.all([rival(), rival(), rival(), rival()]);
  expect(rivals.filter(({ got }) => got)).toHaveLength(1);
  expect(tryLockFile(file)).toBeUndefined();
  expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
  const holder = rivals.find(({ got }) => got)?.child as ChildProcess;
  holder.kill('SIGKILL');
  await once(holder, 'exit');
  const release = tryLockFile(file);
  expect(release).toBeDefined();
  expect((await rival()).got).toBe(false);
  release?.();
  expect((await rival()).got).toBe(true);
});
