import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Acceptors } from './acceptors.ts';
import type { ListenAddress } from './server-options.ts';

const running: (() => unknown)[] = [];

afterEach(() => {
  for (const stop of running.splice(0).reverse()) stop();
});

interface Opened {
  readonly acceptors: Acceptors;
  readonly port: number;
  readonly accepted: Socket[];
}

async function open(address: ListenAddress): Promise<Opened> {
  const accepted: Socket[] = [];
  const acceptors = new Acceptors({ accepted: (socket) => void accepted.push(socket), failed: () => undefined });
  running.push(() => {
    for (const socket of accepted) socket.destroy();
    return acceptors.close();
  });
  await acceptors.listen(address);
  const at = acceptors.address();
  return { acceptors, port: 'port' in at ? at.port : 0, accepted };
}

/** Connects `count` clients, all before the loop turns again. */
function crowd(port: number, count: number): Socket[] {
  const clients = Array.from({ length: count }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  running.push(() => clients.map((client) => client.destroy()));
  return clients;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Turns of the event loop until all of a crowd of 128 are let in. */
async function turnsFor({ port, accepted }: Opened): Promise<number> {
  crowd(port, 128);
  let turns = 0;
  for (; accepted.length < 128; turns++) await turn();
  return turns;
}

const local = { host: '127.0.0.1', port: 0 };

describe('a crowd that arrives at once', () => {
  test('is let in one by one, a turn each, by one socket', async () => {
    expect(await turnsFor(await open(local))).toBeGreaterThanOrEqual(128);
  });

  test.runIf(process.platform === 'linux')('is let in by several sockets in a part of the turns', async () => {
    expect(await turnsFor(await open({ ...local, acceptors: 8 }))).toBeLessThan(80);
  });
});

test('several sockets close as one, and can be closed again', async () => {
  const { acceptors, port } = await open({ ...local, acceptors: 4 });
  await acceptors.close();
  await acceptors.close();
  expect(() => acceptors.address()).toThrow(/does not listen/);
  const outcomes = await Promise.allSettled(crowd(port, 8).map((client) => once(client, 'connect')));
  expect(outcomes.map(({ status }) => status)).toEqual(Array(8).fill('rejected'));
  const again = await open({ ...local, port, acceptors: 4 });
  expect(again.port).toBe(port);
});

test('a port that another holds is refused, though several sockets could share it', async () => {
  const { port } = await open({ ...local, acceptors: 4 });
  const second = new Acceptors({ accepted: () => undefined, failed: () => undefined });
  await expect(second.listen({ ...local, port, acceptors: 4 })).rejects.toMatchObject({ code: 'net.listen' });
  const foreign = createServer();
  running.push(() => foreign.close());
  foreign.listen(0, '127.0.0.1');
  await once(foreign, 'listening');
  const { port: taken } = foreign.address() as { port: number };
  await expect(second.listen({ ...local, port: taken, acceptors: 4 })).rejects.toMatchObject({ code: 'net.listen' });
});
