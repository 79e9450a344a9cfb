import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../core/clock.ts';
import { createWorkloads, type Workloads } from './workloads.ts';

const servers: Server[] = [];
const started: Workloads[] = [];
afterEach(async () => {
  for (const workloads of started.splice(0)) await workloads.stop();
  for (const server of servers.splice(0)) await new Promise((closed) => server.close(closed));
});

const program = "require('net').createServer((socket) => socket.end()).listen(Number(process.env.PORT), '127.0.0.1')";

test('a service that finds its port taken is told of, by the port', async () => {
  const stranger = createServer((socket) => socket.destroy());
  servers.push(stranger);
  await new Promise<void>((done) => stranger.listen(0, '127.0.0.1', done));
  const { port } = stranger.address() as { port: number };
  const taken: [string, number][] = [];
  const workloads = createWorkloads({
    clock: systemClock,
    logs: { line: () => undefined } as never,
    graceMs: 1000,
    onState: () => undefined,
    onPortTaken: (service, at) => taken.push([service, at]),
    onStarted: () => undefined,
  });
  started.push(workloads);
  void workloads.apply({
    workloads: [
      {
        service: 'orders',
        command: [process.execPath, '-e', program],
        cwd: tmpdir(),
        env: { PORT: String(port) },
        endpoint: { host: '127.0.0.1', port },
        healthPath: undefined,
        startTimeoutMs: 5000,
      },
    ],
  });
  await expect.poll(() => taken[0], { timeout: 10_000 }).toEqual(['orders', port]);
});
