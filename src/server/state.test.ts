import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkNotInUse, isAnswering, prepareState, stateLayout } from './state.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'merlon-state-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test('every folder is made for its owner alone, twice without harm', () => {
  const layout = stateLayout(join(folder, '.merlon'));
  prepareState(layout);
  prepareState(layout);
  const { root, control, gateway, agent, run, join: tokens, credentials, serviceSecrets } = layout;
  for (const path of [root, control, gateway, agent, run, tokens, credentials, serviceSecrets])
    expect([path, modeOf(path)]).toEqual([path, '700']);
});

test('one that others may enter is refused, whichever it is', () => {
  const layout = stateLayout(join(folder, '.merlon'));
  prepareState(layout);
  for (const path of [layout.root, layout.control, layout.join, layout.credentials]) {
    chmodSync(path, 0o755);
    expect(() => prepareState(layout)).toThrow(expect.objectContaining({ code: 'state.permissions' }));
    chmodSync(path, 0o700);
  }
});

test('what no role but control may read lies in a folder that no other role is given', () => {
  const layout = stateLayout(folder);
  for (const path of [layout.store, layout.unsealKey, layout.ledger, layout.adminToken])
    expect(path.startsWith(`${layout.control}/`)).toBe(true);
  for (const path of [layout.gateway, layout.agent, layout.join]) expect(path.startsWith(layout.control)).toBe(false);
});

test('a path that is too long for a socket is told before anything is made', () => {
  expect(() => stateLayout(`/tmp/${'x'.repeat(100)}`)).toThrow(
    expect.objectContaining({ code: 'state.path-too-long' }),
  );
  expect(() => stateLayout(`/tmp/${'ü'.repeat(50)}`)).toThrow(expect.objectContaining({ code: 'state.path-too-long' }));
  expect(stateLayout(`/tmp/${'x'.repeat(80)}`).root).toHaveLength(85);
});

test('a folder whose control answers is in use; a socket that was left behind is not', async () => {
  const layout = stateLayout(folder);
  prepareState(layout);
  await checkNotInUse(layout);
  const server = createServer();
  await new Promise<void>((done) => server.listen(layout.controlSocket, done));
  expect(await isAnswering(layout.controlSocket)).toBe(true);
  await expect(checkNotInUse(layout)).rejects.toMatchObject({
    code: 'state.in-use',
    message: expect.stringContaining(layout.root),
  });
  await new Promise((closed) => server.close(closed));
  expect(await isAnswering(layout.controlSocket)).toBe(false);
  await checkNotInUse(layout);
});
