// What a crowd does to one who is served already, with each bound on what a turn does and without it. Counted in what is done
// before the next request of that one is read, not in time.
import { once } from 'node:events';
import { connect as connectTcp, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTlsAuthority, type TlsAuthority } from '../../test/fakes/certificates.ts';
import { ManualClock } from '../../test/fakes/clock.ts';
import { Peers } from '../../test/fakes/http-peers.ts';
import type { TlsCredentials } from './index.ts';
import { defaultTurnBounds, type TurnBounds } from './server-options.ts';

const peers = new Peers();
afterEach(() => peers.close());

let authority: TlsAuthority;
let credentials: TlsCredentials;
beforeAll(() => {
  authority = createTlsAuthority('ours');
  credentials = authority.issue({ dnsNames: ['localhost'], addresses: ['127.0.0.1'] });
});

const crowd = 120;
const request = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

async function connected(port: number): Promise<Socket> {
  const socket = connectTcp({ port, host: '127.0.0.1' });
  peers.defer(() => socket.destroy());
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/** The first bytes of a TLS client. */
async function clientHello(): Promise<Buffer> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as { port: number };
  const client = connectTls({ port, host: '127.0.0.1', servername: 'crowd.test' });
  client.on('error', () => undefined);
  const [socket] = (await once(listener, 'connection')) as [Socket];
  const [hello] = (await once(socket, 'data')) as [Buffer];
  socket.destroy();
  client.destroy();
  listener.close();
  return hello;
}

/** How many slow clients a sweep has ended before the next request of one who behaves is read. */
async function endedBefore(turnBounds: TurnBounds): Promise<number> {
  const clock = new ManualClock();
  let ended = 0;
  let before: number | undefined;
  const { port } = await peers.server({
    clock,
    turnBounds,
    limits: { headerTimeMs: 1000, idleTimeMs: 1e8, bodyIdleMs: 1e8, writeIdleMs: 1e8, connectionsPerIp: 1000 },
    onRequest: (_, reply) => {
      before = ended;
      reply.send(200, {}, 'ok');
    },
    onRefused: () => {
      ended++;
      return undefined;
    },
  });
  const served = await connected(port);
  served.write(request);
  await once(served, 'data');
  const slow = await Promise.all(Array.from({ length: crowd }, () => connected(port)));
  for (const socket of slow) socket.write('GET / HTTP/1.1\r\nHo');
  // Until all of them have been read, which is when their time begins.
  for (let turn = 0; turn < 50; turn++) await new Promise((resume) => setTimeout(resume, 2));
  before = undefined;
  const answered = once(served, 'data');
  served.write(request);
  clock.advance(2000);
  await answered;
  await expect.poll(() => ended).toBe(crowd);
  return before ?? Number.NaN;
}

/** How many handshakes of a crowd are begun before the next request of one who is served already is read. */
async function begunBefore(turnBounds: TurnBounds): Promise<number> {
  let begun = 0;
  let before: number | undefined;
  const sni = (name: string): undefined => {
    if (name === 'crowd.test') begun++;
  };
  const { port } = await peers.server({
    turnBounds,
    tls: { ...credentials, sni },
    limits: { connectionsPerIp: 1000 },
    onRequest: (_, reply) => {
      before = begun;
      reply.send(200, {}, 'ok');
    },
  });
  const hello = await clientHello();
  const served = connectTls({ port, host: '127.0.0.1', ca: authority.bundle, servername: 'localhost' });
  peers.defer(() => served.destroy());
  await once(served, 'secureConnect');
  served.write(request);
  await once(served, 'data');
  // They are let in one by one, and begin all at once.
  const sockets = await Promise.all(Array.from({ length: crowd }, () => connected(port)));
  for (let turn = 0; turn < 50; turn++) await new Promise((resume) => setTimeout(resume, 2));
  before = undefined;
  const answered = once(served, 'data');
  for (const socket of sockets) socket.write(hello);
  served.write(request);
  await answered;
  await expect.poll(() => begun).toBe(crowd);
  return before ?? Number.NaN;
}

describe('a crowd', () => {
  test('of slow clients whose time is over does not go before who is served already; without the bound it does', async () => {
    expect(await endedBefore(defaultTurnBounds)).toBeLessThan(crowd / 2);
    expect(await endedBefore({ ...defaultTurnBounds, endings: Infinity })).toBe(crowd);
  });

  test('that asks for TLS all at once does not either; without the bound it does', async () => {
    expect(await begunBefore(defaultTurnBounds)).toBeLessThan(crowd / 2);
    expect(await begunBefore({ ...defaultTurnBounds, handshakes: Infinity })).toBe(crowd);
  });
});
