// One state folder, one platform: a second start touches nothing, and what a killed one left behind gives way. And what
// a person sees of a reload.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { commandOf, startPlatform, until } from './platform.ts';

interface Notes {
  readonly groups: readonly { readonly pid: number }[];
}

it('refuses a second start, shows reloads, and starts again after kill -9 of the supervisor', async () => {
  const platform = await startPlatform();
  const notes = join(platform.state, 'run/processes.json');
  const groups = (): number[] => (JSON.parse(readFileSync(notes, 'utf8')) as Notes).groups.map(({ pid }) => pid);
  const running = groups();
  expect(running.length).toBeGreaterThanOrEqual(6);

  const second = await platform.merlon('up');
  expect([second.code, second.stderr]).toEqual([71, expect.stringContaining('state.in-use')]);
  expect(groups()).toEqual(running);
  expect(running.every((pid) => commandOf(pid).length > 0)).toBe(true);

  const manifest = readFileSync(platform.manifest, 'utf8');
  expect(platform.output()).not.toContain('in force');
  writeFileSync(platform.manifest, manifest.replaceAll('perUser: 60/min', 'perUser: 61/min'));
  await until('the reload shows', () =>
    /merlon +\| snapshot [0-9a-f]{16} in force \(gateway\)/.test(platform.output()),
  );
  writeFileSync(platform.manifest, `${manifest}\nnonsense: true\n`);
  await until('the refusal shows', () => platform.output().includes('the former one stays in force'));
  writeFileSync(platform.manifest, manifest);

  process.kill(platform.pid, 'SIGKILL');
  await until('the supervisor is gone', () => commandOf(platform.pid).length === 0);
  expect(running.some((pid) => commandOf(pid).length > 0)).toBe(true);

  const { child, output, exit } = platform.up();
  await until('the platform is up again', () => child.exitCode !== null || output().includes('is up'), 60_000, output);
  expect(output()).toContain('is up');
  expect(output()).toMatch(/ended \d+ processes that an earlier run had left behind/);
  expect(running.filter((pid) => commandOf(pid).length > 0)).toEqual([]);
  child.kill('SIGTERM');
  expect(await exit).toBe(0);
  platform.remove();
}, 120_000);
