import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, test } from 'vitest';
import { Peers } from '../../test/fakes/http-peers.ts';
import { stateLayout } from '../server/state.ts';
import { createAdminClient } from './admin-client.ts';
import { exitCodeOf } from './terminal.ts';

const peers = new Peers();
afterEach(() => peers.close());

/** A client of what listens on `port`. */
function clientOf(port: number) {
  const root = mkdtempSync(join(tmpdir(), 'merlon-admin-'));
  peers.defer(() => rmSync(root, { recursive: true }));
  const layout = stateLayout(root);
  const files = {
    [join(layout.run, 'admin.json')]: JSON.stringify({ url: `https://127.0.0.1:${port}` }),
    [layout.adminToken]: 'token',
    [layout.caFile]: 'ca',
  };
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeFileSync(file, text, { mode: 0o600 });
  }
  return createAdminClient(layout);
}

test.each([
  ['resets the connection', (socket: { resetAndDestroy(): unknown }) => socket.resetAndDestroy()],
  ['ends the connection', (socket: { destroy(): unknown }) => socket.destroy()],
])('control that %s is away, and not a fault of ours', async (_, leave) => {
  const port = await peers.rawServer((socket) => void socket.once('data', () => leave(socket)));
  const error: unknown = await clientOf(port)
    .call('GET', '/admin/status')
    .catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: 'control.unavailable', message: expect.stringContaining('went away') });
  expect(exitCodeOf(error)).toBe(69);
});
