import { appendFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { systemClock } from '../core/clock.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import { watchPaths } from './watch.ts';

let folder: string;
let watcher: Stoppable | undefined;
let changes = 0;

const pause = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, ms));

async function changed(count: number): Promise<void> {
  for (let waited = 0; changes < count && waited < 5000; waited += 20) await pause(20);
  await pause(300);
  expect(changes).toBe(count);
}

function watch(...names: string[]): void {
  const paths = names.map((name) => join(folder, name));
  watcher = watchPaths(
    () => paths,
    systemClock,
    () => void changes++,
  );
}

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'merlon-watch-'));
  changes = 0;
  writeFileSync(join(folder, 'merlon.yaml'), 'one');
  mkdirSync(join(folder, 'policies'));
  writeFileSync(join(folder, 'policies', 'a.cedar'), 'one');
});
afterEach(async () => {
  await watcher?.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('a write in several steps is one change', async () => {
  watch('merlon.yaml');
  writeFileSync(join(folder, 'merlon.yaml'), '');
  for (const part of ['a', 'b', 'c']) appendFileSync(join(folder, 'merlon.yaml'), part);
  await changed(1);
});

test('an editor that writes beside and renames is noticed, each time', async () => {
  watch('merlon.yaml');
  for (let turn = 1; turn <= 3; turn++) {
    writeFileSync(join(folder, '.merlon.yaml.swp'), `turn ${turn}`);
    renameSync(join(folder, '.merlon.yaml.swp'), join(folder, 'merlon.yaml'));
    await changed(turn);
  }
});

test('a file that is added to a folder, changed there, and taken away', async () => {
  watch('policies', 'policies/a.cedar');
  writeFileSync(join(folder, 'policies', 'b.cedar'), 'new');
  await changed(1);
  writeFileSync(join(folder, 'policies', 'a.cedar'), 'another');
  await changed(2);
  rmSync(join(folder, 'policies', 'b.cedar'));
  await changed(3);
});

test('what is not there is noticed when it comes', async () => {
  watch('later.yaml');
  writeFileSync(join(folder, 'later.yaml'), 'here');
  await changed(1);
});

test('looking without a change, or at other files, says nothing', async () => {
  watch('merlon.yaml');
  writeFileSync(join(folder, 'other.yaml'), 'x');
  await pause(400);
  expect(changes).toBe(0);
});

test('after it was stopped nothing is said', async () => {
  watch('merlon.yaml');
  await watcher?.stop();
  writeFileSync(join(folder, 'merlon.yaml'), 'two');
  await pause(400);
  expect(changes).toBe(0);
});

test('the paths may change with what they held: the new ones are watched', () => {
  const clock = new ManualClock();
  let paths = [join(folder, 'merlon.yaml')];
  watcher = watchPaths(
    () => paths,
    clock,
    () => void changes++,
  );
  paths = [...paths, join(folder, 'policies', 'a.cedar')];
  clock.advance(2000);
  const before = changes;
  writeFileSync(join(folder, 'policies', 'a.cedar'), 'longer than before');
  clock.advance(2000);
  expect(changes).toBe(before + 1);
});
