// Four worker processes, one broker, one key, a million requests: how many are admitted?
import { type ChildProcess, fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/log.ts';
import { createChannelServer, ensureJoinToken } from '../../src/distribution/control.ts';
import { createLimitsBroker } from '../../src/server/control-limits.ts';
import { openSqliteStore } from '../../src/storage/index.ts';
import { refilled, wall } from './rules.ts';

export interface WorkersResult {
  readonly kind: 'rate' | 'quota';
  readonly requests: number;
  readonly limit: number;
  /** What the limit allows in the time that it took. */
  readonly allowed: number;
  readonly admitted: number;
  /** Messages of workers to the broker. */
  readonly messages: number;
  readonly seconds: number;
}

const workers = 4;

/** All workers ask until together they have asked `requests` times. */
export async function measureWorkers(kind: 'rate' | 'quota', requests: number): Promise<WorkersResult> {
  const limit = requests * 0.4;
  const folder = mkdtempSync(join(tmpdir(), 'mbl-'));
  const joinFolder = join(folder, 'join');
  mkdirSync(joinFolder, { mode: 0o700 });
  const store = await openSqliteStore({ path: join(folder, 'store.sqlite'), clock: systemClock });
  const broker = await createLimitsBroker(systemClock, store, silentLogger);
  broker.configure(wall(kind, limit));
  let messages = 0;
  for (let name = 1; name <= workers; name++) ensureJoinToken(joinFolder, 'gateway', String(name));
  const path = join(folder, 'c.sock');
  const server = await createChannelServer({
    path,
    joinFolder,
    log: silentLogger,
    onJoin: broker.join,
    onMessage: (peer, message) => {
      if (message.type !== 'lease') return;
      messages++;
      broker.receive(peer, message.body);
    },
    onLeave: broker.leave,
  });
  const children = Array.from({ length: workers }, (_, at) =>
    fork(join(import.meta.dirname, 'worker.ts'), [
      ...[path, joinFolder, String(at + 1), String(workers), kind, String(limit), String(requests / workers)],
    ]),
  );
  await Promise.all(children.map((child) => messageOf(child)));
  const start = performance.now();
  const results = await Promise.all(
    children.map((child) => {
      child.send('go');
      return messageOf(child) as Promise<{ admitted: number }>;
    }),
  );
  const ms = performance.now() - start;
  await Promise.all(children.map((child) => new Promise((ended) => child.once('exit', ended))));
  await server.stop();
  await broker.stop();
  await store.stop();
  rmSync(folder, { recursive: true, force: true });
  const admitted = results.reduce((sum, each) => sum + each.admitted, 0);
  const allowed = limit + (kind === 'rate' ? refilled(limit, ms) : 0);
  return { kind, requests, limit, allowed, admitted, messages, seconds: ms / 1000 };
}

function messageOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    child.once('message', resolve);
    child.once('exit', (code) => reject(new Error(`a worker ended with ${code}`)));
  });
}
