import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FromControl, FromRole } from '../api/channel.ts';
import { systemClock } from '../core/clock.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import { silentLogger } from '../core/log.ts';
import { createChannelClient } from './channel-client.ts';
import { createChannelServer, type RolePeer } from './channel-server.ts';
import { ensureJoinToken, joinTokenFile } from './join-token.ts';

let folder: string;
let joinFolder: string;
let path: string;
const running: Stoppable[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'merlon-channel-'));
  joinFolder = join(folder, 'join');
  path = join(folder, 'control.sock');
  ensureJoinToken(joinFolder, 'gateway', '1');
});

afterEach(async () => {
  for (const part of running.splice(0).reverse()) await part.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(joined: RolePeer[] = [], heard: FromRole[] = []): Promise<Stoppable> {
  const server = await createChannelServer({
    path,
    joinFolder,
    log: silentLogger,
    onJoin: (peer) => joined.push(peer),
    onMessage: (_, message) => heard.push(message),
    onLeave: (peer) => joined.splice(joined.indexOf(peer), 1),
  });
  running.push(server);
  return server;
}

function join1(onMessage: (message: FromControl) => void = () => undefined): Promise<string> {
  return new Promise((resolve) => {
    const options = { path, joinFolder, role: 'gateway', name: '1', clock: systemClock, log: silentLogger } as const;
    running.push(createChannelClient({ ...options, onOpen: resolve, onMessage }));
  });
}

/** What control answers to raw bytes, until it closes. */
function say(text: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(path, () => socket.write(text));
    socket.on('data', (chunk) => (answer += chunk));
    socket.on('close', () => resolve(answer));
  });
}

test('a role that can read its join token joins, and messages pass both ways', async () => {
  const joined: RolePeer[] = [];
  const heard: FromRole[] = [];
  await serve(joined, heard);
  const got = new Promise<FromControl>((resolve) => void join1(resolve));
  await expect.poll(() => joined.length).toBe(1);
  joined[0]?.send({ type: 'snapshot', version: 'v1', body: { big: 'x'.repeat(300_000) } });
  expect(await got).toMatchObject({ type: 'snapshot', version: 'v1' });
});

test('a role with another token is refused', async () => {
  const joined: RolePeer[] = [];
  await serve(joined);
  const proof = 'A'.repeat(43);
  expect(await say(`${JSON.stringify({ type: 'hello', role: 'gateway', name: '1', proof })}\n`)).toContain(
    'channel.join-refused',
  );
  expect(await say(`${JSON.stringify({ type: 'hello', role: 'agent', name: 'x', proof })}\n`)).toContain(
    'channel.join-refused',
  );
  expect(joined).toEqual([]);
});

test('nobody is heard before hello, and what is malformed ends the connection', async () => {
  const heard: FromRole[] = [];
  await serve([], heard);
  expect(await say('{"type":"ack","version":"v1"}\n')).toContain('channel.not-joined');
  expect(await say('{"type":"hello"}\n')).toContain('channel.malformed');
  expect(await say('no json\n')).toContain('challenge');
  expect(heard).toEqual([]);
});

test('a token file that others may read ends the connection, not control', async () => {
  await serve();
  writeFileSync(joinTokenFile(joinFolder, 'agent', '1'), 'token', { mode: 0o644 });
  await say(`${JSON.stringify({ type: 'hello', role: 'agent', name: '1', proof: 'x' })}\n`);
  await join1();
});

test('a role comes back by itself when control returns', async () => {
  const server = await serve();
  let opened = 0;
  const options = { path, joinFolder, role: 'gateway', name: '1', clock: systemClock, log: silentLogger } as const;
  running.push(createChannelClient({ ...options, onOpen: () => opened++, onMessage: () => undefined }));
  await expect.poll(() => opened).toBe(1);
  await server.stop();
  await serve();
  await expect.poll(() => opened, { timeout: 5000 }).toBe(2);
});
