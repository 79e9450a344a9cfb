// Clients that are as slow as they dare. Each protection ends them; without it they keep their connections as long as they like.
import { afterEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { Peers, type RawClient } from '../../test/fakes/http-peers.ts';
import type { HttpLimits } from './index.ts';

const peers = new Peers();
afterEach(() => peers.close());

const count = 12;
const dayMs = 86_400_000;
const large = Buffer.alloc(8 << 20);
const pause = (ms: number): Promise<void> => new Promise((resume) => setTimeout(resume, ms));

interface Slowness {
  readonly name: string;
  begin(client: RawClient): void;
  /** What it does each second. */
  goOn?(client: RawClient): void;
  /** The bounds that end it, as they are by default, and the seconds within which they do. */
  readonly within: number;
  readonly off: Partial<HttpLimits>;
}

const head = (start: string, fields: string): string => `${start} HTTP/1.1\r\nHost: a\r\n${fields}`;

const slow: readonly Slowness[] = [
  {
    name: 'sends a field each second, and never the last (slowloris)',
    begin: (client) => client.send(head('GET /', '')),
    goOn: (client) => client.send('X-a: b\r\n'),
    within: 12,
    off: { headerTimeMs: dayMs, headerCount: 1_000_000, headerBytes: 1 << 30 },
  },
  {
    name: 'sends nothing at all',
    begin: () => undefined,
    within: 12,
    off: { headerTimeMs: dayMs },
  },
  {
    name: 'sends eight bytes of its body each second (R-U-Dead-Yet)',
    begin: (client) => client.send(head('POST /', 'Content-Length: 100000\r\n\r\n')),
    goOn: (client) => client.send('12345678'),
    within: 13,
    off: { bodyMinBytesPerSecond: 0 },
  },
  {
    name: 'sends one byte of a chunk each second',
    begin: (client) => client.send(`${head('POST /', 'Transfer-Encoding: chunked\r\n\r\n')}ffff\r\n`),
    goOn: (client) => client.send('1'),
    within: 13,
    off: { bodyMinBytesPerSecond: 0 },
  },
  {
    name: 'stops in the middle of its body',
    begin: (client) => client.send(head('POST /', 'Content-Length: 100000\r\n\r\n0123')),
    within: 32,
    off: { bodyIdleMs: dayMs, bodyMinBytesPerSecond: 0 },
  },
  {
    name: 'does not read its answer (slow read)',
    begin: (client) => {
      client.socket.pause();
      client.send(head('GET /large', '\r\n'));
    },
    within: 65,
    off: { writeIdleMs: dayMs },
  },
  {
    name: 'keeps its connection and asks nothing more',
    begin: (client) => client.send(head('GET /', '\r\n')),
    within: 70,
    off: { idleTimeMs: dayMs },
  },
];

/** How many of the clients are connected after `seconds`. */
async function heldAfter(slowness: Slowness, seconds: number, limits: Partial<HttpLimits>): Promise<number> {
  const clock = new ManualClock();
  const { server, port } = await peers.server({
    clock,
    limits,
    onRequest: async (request, reply) => {
      await request.body.buffer(1_000_000).catch(() => undefined);
      reply.send(200, {}, request.path === '/large' ? large : 'hello');
    },
  });
  const clients = await Promise.all(Array.from({ length: count }, () => peers.client(port)));
  for (const client of clients) slowness.begin(client);
  await pause(30);
  for (let second = 0; second < seconds; second++) {
    for (const client of clients) if (!client.socket.destroyed) slowness.goOn?.(client);
    await pause(3);
    clock.advance(1000);
  }
  // What lingers to be seen by a client that reads is cut a little later; and a busy machine brings bytes later than this clock goes.
  for (let second = 0; second < 12 && server.stats.connections > 0; second++) {
    await pause(20);
    clock.advance(1000);
  }
  await pause(20);
  return server.stats.connections;
}

describe.each(slow)('who $name', (slowness) => {
  test('is sent away', async () => {
    expect(await heldAfter(slowness, slowness.within, {})).toBe(0);
  });

  test('stays where nothing forbids it', async () => {
    expect(await heldAfter(slowness, 100, { ...slowness.off, idleTimeMs: dayMs })).toBe(count);
  });
});

describe('who comes with many connections', () => {
  const begin = slow[0] as Slowness;

  test('gets no more than one address may have', async () => {
    expect(await heldAfter(begin, 1, { ...begin.off, connectionsPerIp: 5 })).toBe(5);
  });

  test('gets as many as it likes where nothing forbids it', async () => {
    expect(await heldAfter(begin, 1, begin.off)).toBe(count);
  });
});

test('who comes back after a rest, when its head is let go of, is answered as before', async () => {
  const clock = new ManualClock();
  const seen: unknown[] = [];
  const { port } = await peers.server({
    clock,
    onRequest: (request, reply) => {
      seen.push([request.method, request.path, request.host, [...request.headers]]);
      reply.send(200, {}, 'hello');
    },
  });
  const client = await peers.client(port);
  const head = `GET /a HTTP/1.1\r\nHost: a.example\r\nConnection: x-own\r\nX-Own: 1\r\nX-Kept: ${'k'.repeat(3000)}\r\n\r\n`;
  for (let round = 0; round < 3; round++) {
    for (const text of [head, head]) {
      client.socket.write(text);
      const asked = seen.length + 1;
      await expect.poll(() => seen.length).toBe(asked);
    }
    for (let second = 0; second < 5; second++) clock.advance(1000);
  }
  expect(seen).toHaveLength(6);
  expect(new Set(seen.map((each) => JSON.stringify(each))).size).toBe(1);
});
