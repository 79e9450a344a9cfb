import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { systemClock } from '../core/clock.ts';
import { probeHealth, waitUntilHealthy } from './health.ts';

const servers: (Server | TcpServer)[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    if ('closeAllConnections' in server) server.closeAllConnections();
  }
});

async function listen(server: Server | TcpServer, port = 0): Promise<number> {
  servers.push(server);
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

const target = (port: number, path?: string) => ({ host: '127.0.0.1', port, ...(path === undefined ? {} : { path }) });

test('with a path, a success is health and nothing else is', async () => {
  const port = await listen(
    createServer((request, response) => {
      response.statusCode = Number(request.url?.slice(1));
      response.end();
    }),
  );
  const healthy = async (status: number) => probeHealth(target(port, `/${status}`));
  expect([await healthy(200), await healthy(204), await healthy(299)]).toEqual([true, true, true]);
  expect([await healthy(301), await healthy(404), await healthy(500), await healthy(503)]).toEqual(
    Array(4).fill(false),
  );
});

test('an interim answer is none; a head that never ends is no health', async () => {
  const answer = async (text: string): Promise<boolean> => {
    const port = await listen(createTcpServer((socket) => socket.on('error', () => undefined).end(text)));
    return probeHealth(target(port, '/'));
  };
  expect(await answer('HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n')).toBe(true);
  expect(await answer('HTTP/1.0 204\r\n\r\n')).toBe(true);
  expect(await answer('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 503 No\r\n\r\n')).toBe(false);
  expect(await answer('HTTP/1.1 100 Continue\r\n\r\n')).toBe(false);
  expect(await answer('HTTP/2 200 OK\r\n\r\n')).toBe(false);
  expect(await answer(`HTTP/1.1 2${'0'.repeat(40_000)}`)).toBe(false);
});

test('without a path, accepting a connection is health', async () => {
  const port = await listen(createTcpServer((socket) => socket.destroy()));
  expect(await probeHealth(target(port))).toBe(true);
  expect(await probeHealth(target(port, '/'))).toBe(false);
});

test('what does not listen, or speaks something else, is not healthy, and throws nothing', async () => {
  const port = await listen(createTcpServer((socket) => socket.end('what?\r\n\r\n')));
  expect(await probeHealth(target(port, '/'))).toBe(false);
  servers.pop()?.close();
  expect(await probeHealth(target(port))).toBe(false);
  expect(await probeHealth(target(port, '/'))).toBe(false);
});

test('one that accepts and never answers is not waited for without end', async () => {
  const sockets: { destroy(): void }[] = [];
  const port = await listen(createTcpServer((socket) => void sockets.push(socket)));
  const startedMs = performance.now();
  expect(await probeHealth(target(port, '/'))).toBe(false);
  expect(performance.now() - startedMs).toBeLessThan(4000);
  for (const socket of sockets) socket.destroy();
});

test('waits for one that starts, gives up on one that does not, and stops when told', async () => {
  const port = await listen(createTcpServer());
  servers.pop()?.close();
  const waiting = waitUntilHealthy(target(port), 5000, systemClock, () => false);
  setTimeout(() => void listen(createTcpServer(), port), 150);
  expect(await waiting).toBe(true);
  for (const server of servers.splice(0)) server.close();
  expect(await waitUntilHealthy(target(port), 200, systemClock, () => false)).toBe(false);
  expect(await waitUntilHealthy(target(port), 60_000, systemClock, () => true)).toBe(false);
});
