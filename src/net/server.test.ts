import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { Peers, RawClient, statusesOf } from '../../test/fakes/http-peers.ts';
import { systemClock } from '../core/clock.ts';
import {
  createHttpServer,
  Headers,
  type HttpLimits,
  type Refusal,
  type Reply,
  type ReplyEnd,
  type ServerRequest,
} from './index.ts';

const peers = new Peers();
afterEach(() => peers.close());

const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const last = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n';
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function setup(
  onRequest: (request: ServerRequest, reply: Reply) => void | Promise<void>,
  limits: Partial<HttpLimits> = {},
) {
  const refusals: Refusal[] = [];
  const started = await peers.server({
    limits,
    onRequest,
    onRefused: (refusal) => {
      refusals.push(refusal);
      return { headers: { 'x-id': 'seen' }, body: 'go away' };
    },
  });
  return { ...started, refusals, ask: (bytes = request) => peers.exchange(started.port, bytes) };
}

const hello = (_: ServerRequest, reply: Reply): void => reply.send(200, { 'content-type': 'text/plain' }, 'hello');

describe('a reply', () => {
  test('is written whole', async () => {
    const { ask } = await setup(hello);
    expect((await ask(last)).replace(/date: [^\r]+/, 'date: now')).toBe(
      'HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ndate: now\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello',
    );
  });

  test('speaks to HTTP/1.0 as that understands', async () => {
    const streamed = await setup((_, reply) => {
      reply.start(200, {});
      reply.write('a');
      reply.end('b');
    });
    expect(await streamed.ask('GET / HTTP/1.0\r\n\r\n')).toMatch(/connection: close\r\n\r\nab$/);
    const { port } = await setup(hello);
    const client = await peers.client(port);
    client.send('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    await client.until('hello');
    expect(client.received).toContain('connection: keep-alive');
    client.send('GET / HTTP/1.0\r\n\r\n');
    expect(statusesOf(await client.untilClosed())).toEqual([200, 200]);
  });

  test('without content has none', async () => {
    const { ask } = await setup((seen, reply) => reply.send(Number(seen.path.slice(1)) || 200, {}, 'hello'));
    expect(await ask(last.replace('GET', 'HEAD'))).toMatch(/content-length: 5\r\nconnection: close\r\n\r\n$/);
    for (const status of ['204', '304']) {
      const received = await ask(`GET /${status} HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect(received).toMatch(/\r\n\r\n$/);
      expect(received).not.toContain('content-length');
    }
  });

  test('is not split by a field value or name', async () => {
    const { ask } = await setup((_, reply) => reply.send(200, { 'x-a': 'b\r\nSet-Cookie: evil=1' }));
    const received = await ask();
    expect(statusesOf(received)).toEqual([500]);
    expect(received).not.toContain('evil');
    expect(() => new Headers().set('x\r\n', 'y')).toThrow(/field name/);
    expect(() => new Headers().append('x', 'y\0')).toThrow(/not allowed/);
    expect(() => new Headers().set('x', 'ü—')).toThrow(/not allowed/);
  });

  test('with the wrong length is cut', async () => {
    const { ask } = await setup((seen, reply) => {
      reply.start(200, {}, 5);
      reply.end(seen.path === '/long' ? 'too long' : 'shrt');
    });
    expect(await ask('GET /long HTTP/1.1\r\nHost: a\r\n\r\n')).not.toContain('too long');
    expect(await ask()).not.toMatch(/\r\n\r\n.....$/);
  });

  test('of many megabytes goes out at the pace of its client', async () => {
    const content = Buffer.alloc(20_000_000, 'x');
    const { port } = await setup((_, reply) => reply.send(200, {}, content));
    const client = await peers.client(port);
    client.send(request + request);
    client.socket.pause();
    await pause(100);
    client.socket.resume();
    await client.until((text) => text.length > 40_000_000);
    expect(statusesOf(client.received)).toEqual([200, 200]);
  });

  test('tells how it ended', async () => {
    const ends: ReplyEnd[] = [];
    const { port, ask } = await setup((seen, reply) => {
      reply.onClosed((end) => ends.push(end));
      reply.onSent((status) => expect(status).toBe(200));
      reply.start(200, {});
      reply.write('some');
      if (seen.path === '/') reply.end();
    });
    await ask();
    const client = await peers.client(port);
    client.send('GET /endless HTTP/1.1\r\nHost: a\r\n\r\n');
    await client.until('some');
    client.socket.resetAndDestroy();
    await expect.poll(() => ends).toHaveLength(2);
    expect(ends).toEqual([
      { status: 200, bytes: 4, aborted: false },
      { status: 200, bytes: 4, aborted: true },
    ]);
  });

  test('of a handler that throws is 500', async () => {
    const { ask } = await setup((seen) => {
      if (seen.path === '/sync') throw new Error('secret');
      return Promise.reject(new Error('secret'));
    });
    for (const path of ['/sync', '/async']) {
      const received = await ask(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`);
      expect(statusesOf(received)).toEqual([500]);
      expect(received).not.toContain('secret');
    }
  });
});

test('callbacks that throw harm nobody', async () => {
  const fail = (): never => {
    throw new Error('secret');
  };
  const back = await peers.rawServer((socket) => void socket.once('data', () => socket.destroy()));
  const upstream = peers.upstream(back);
  const { port } = await peers.server({
    onRefused: fail,
    onRequest: (seen, reply) => {
      reply.onSent(fail);
      reply.onClosed(fail);
      upstream.forward(seen, reply, { method: 'POST', onFailure: fail, onEnd: fail });
    },
  });
  expect(statusesOf(await peers.exchange(port, 'nonsense\r\n\r\n'))).toEqual([400]);
  for (let turn = 0; turn < 2; turn++) expect(statusesOf(await peers.exchange(port, request))).toEqual([502]);
});

describe('a request', () => {
  test('says where it comes from and what it asks', async () => {
    let seen: ServerRequest | undefined;
    const { ask, port } = await setup((it, reply) => {
      seen = it;
      reply.send(204);
    });
    await ask('GET /a%2Fb/%7e//c?x=%20 HTTP/1.1\r\nHost: A.Example.:8443\r\nX: 1\r\nX: 2\r\n\r\n');
    expect(seen).toMatchObject({
      method: 'GET',
      rawPath: '/a%2Fb/%7e//c',
      path: '/a%2Fb/~/c',
      hasEncodedSlash: true,
      query: 'x=%20',
      scheme: 'http',
      host: 'a.example',
      port: 8443,
      remoteAddress: '127.0.0.1',
      localPort: port,
      httpVersion: '1.1',
    });
    expect(seen?.headers.getAll('x')).toEqual(['1', '2']);
    expect(seen?.client).toEqual({ address: '127.0.0.1', via: [], scheme: 'http', host: 'a.example' });
  });

  test('is buffered up to a bound, declared or not', async () => {
    const { ask } = await setup(async (seen, reply) => {
      const { message } = await seen.body.buffer(10).then(
        (body) => ({ message: `got ${body.length}` }),
        (error: Error & { status: number }) => ({ message: `${error.status}` }),
      );
      reply.send(200, {}, message);
    });
    const post = (body: string) => `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    const chunked = (body: string) =>
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    expect(await ask(post('0123456789'))).toContain('got 10');
    expect(await ask(chunked('0123456789'))).toContain('got 10');
    expect(await ask(post('0123456789a'))).toContain('413');
    expect(await ask(chunked('0123456789a'))).toContain('413');
  });

  test('whose body nobody reads does not disturb the next', async () => {
    const { port } = await setup(hello);
    const client = await peers.client(port);
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30\r\n\r\nGET /x HTTP/1.1\r\n');
    await client.until('hello');
    client.send(`Host: abcdef${request}`);
    await client.until((text) => text.split('hello').length === 3);
    expect(statusesOf(client.received)).toEqual([200, 200]);
    // One that is larger ends the connection instead.
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000000\r\n\r\n');
    expect(statusesOf(await client.untilClosed())).toEqual([200, 200, 200]);
  });

  test('that ends too early is told to who reads it', async () => {
    const codes: string[] = [];
    const { ask } = await setup(async (seen, reply) => {
      await seen.body.buffer(100).catch((error: { code: string }) => codes.push(error.code));
      reply.send(400);
    });
    await ask('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf');
    await ask('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nha');
    expect(codes).toEqual(['net.client-closed', 'net.client-closed']);
  });
});

describe('bounds', () => {
  test('a head that trickles in is refused', async () => {
    const { port, refusals } = await setup(hello, { headerTimeMs: 150 });
    const client = await peers.client(port);
    const timer = setInterval(() => client.send('X'), 20);
    client.send('GET / HTTP/1.1\r\nHost: a\r\n');
    const received = await client.untilClosed();
    clearInterval(timer);
    expect(received).toMatch(/^HTTP\/1\.1 408 [\s\S]*x-id: seen[\s\S]*go away$/);
    expect(refusals[0]).toMatchObject({
      code: 'net.header-timeout',
      method: 'GET',
      target: '/',
      remoteAddress: '127.0.0.1',
    });
  });

  test('it would be waited for without that bound', async () => {
    const { port } = await setup(hello, { headerTimeMs: 60_000 });
    const client = await peers.client(port);
    client.send('GET / HTTP/1.1\r\nHost: a\r\n');
    await pause(400);
    expect(client.isClosed).toBe(false);
  });

  test('a connection that says nothing is closed without a word', async () => {
    const { port } = await setup(hello, { headerTimeMs: 100 });
    expect(await (await peers.client(port)).untilClosed()).toBe('');
  });

  test('an idle connection is closed after its time, not before', async () => {
    const { port } = await setup(hello, { idleTimeMs: 200 });
    const client = await peers.client(port);
    client.send(request);
    await client.until('hello');
    await pause(100);
    client.send(request);
    await client.until((text) => text.split('hello').length === 3);
    const since = performance.now();
    await client.untilClosed();
    expect(performance.now() - since).toBeGreaterThan(150);
  });

  test('a body that stops coming is 408', async () => {
    const { port } = await setup(
      (seen, reply) =>
        seen.body.buffer(100).then(
          () => reply.send(200),
          (error: { status: number }) => reply.send(error.status),
        ),
      { bodyIdleMs: 120 },
    );
    const client = await peers.client(port);
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf');
    expect(statusesOf(await client.untilClosed())).toEqual([408]);
  });

  test('a body that trickles is 408, however steadily', async () => {
    const clock = new ManualClock();
    const started = await peers.server({
      clock,
      limits: { bodyIdleMs: 30_000, bodyMinBytesPerSecond: 100 },
      onRequest: (seen, reply) =>
        seen.body.buffer(10_000).then(
          () => reply.send(200),
          (error: { status: number }) => reply.send(error.status),
        ),
    });
    const client = await peers.client(started.port);
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n');
    let seconds = 0;
    for (; seconds < 30 && client.received === ''; seconds++) {
      client.send('x'.repeat(50));
      await pause(5);
      clock.advance(1000);
      await pause(5);
    }
    expect(statusesOf(client.received)).toEqual([408]);
    expect(seconds).toBeGreaterThan(9);
    client.socket.destroy();
  });

  test('a client that takes nothing is cut', async () => {
    const { port, server } = await setup((_, reply) => reply.send(200, {}, Buffer.alloc(50_000_000)), {
      writeIdleMs: 150,
    });
    const client = await peers.client(port);
    client.socket.pause();
    client.send(request);
    await expect.poll(() => server.stats.connections).toBe(1);
    await expect.poll(() => server.stats.connections, { timeout: 3000 }).toBe(0);
  });

  test('requests that are sent on and on while nothing is taken are held back', async () => {
    let handled = 0;
    const { port } = await setup((_, reply) => {
      handled++;
      reply.send(200, {}, Buffer.alloc(60_000));
    });
    const client = await peers.client(port);
    client.socket.pause();
    client.send(request.repeat(2000));
    await pause(300);
    expect(handled).toBeLessThan(400);
    client.socket.resume();
    await expect.poll(() => handled, { timeout: 5000 }).toBe(2000);
  });

  test('connections of one address, and in all', async () => {
    const perIp = await setup(hello, { connectionsPerIp: 2 });
    const inAll = await setup(hello, { connections: 2 });
    for (const { port, server } of [perIp, inAll]) {
      const [first] = [await peers.client(port), await peers.client(port)];
      expect(await (await peers.client(port)).untilClosed()).toBe('');
      expect(server.stats.rejected).toBe(1);
      first?.socket.destroy();
      await expect.poll(() => server.stats.connections).toBe(1);
      expect(statusesOf(await peers.exchange(port, request))).toEqual([200]);
    }
  });

  test('change while it listens, and drop no connection', async () => {
    const { port, server, ask } = await setup(hello, { headerCount: 3 });
    const running = await peers.client(port);
    const wide = `GET / HTTP/1.1\r\nHost: x\r\n${'A: b\r\n'.repeat(5)}\r\n`;
    expect(statusesOf(await ask(wide))).toEqual([431]);
    server.configure({ limits: { headerCount: 30, connectionsPerIp: 2 } });
    expect(statusesOf(await peers.exchange(port, wide))).toEqual([200]);
    const second = await peers.client(port);
    expect(await (await peers.client(port)).untilClosed()).toBe('');
    expect(() => server.configure({ trustedProxies: ['nonsense'] })).toThrow(
      expect.objectContaining({ code: 'net.bad-cidr' }),
    );
    for (const client of [running, second]) {
      client.send(request);
      expect(await client.until('hello')).toContain('200 OK');
    }
  });

  test('requests of one connection', async () => {
    const { ask } = await setup(hello, { requestsPerConnection: 2 });
    const received = await ask(request.repeat(4));
    expect(statusesOf(received)).toEqual([200, 200]);
    expect(received.split('connection: close')).toHaveLength(2);
  });
});

describe('the end', () => {
  test('drain answers what is under way, closes what is idle, and takes no more', async () => {
    const replies: Reply[] = [];
    const { port, server } = await setup((_, reply) => void replies.push(reply));
    const [idle, busy] = [await peers.client(port), await peers.client(port)];
    busy.send(request);
    await expect.poll(() => replies.length).toBe(1);
    const drained = server.drain(5000);
    await idle.untilClosed();
    await expect(peers.client(port)).rejects.toThrow(/ECONNREFUSED/);
    replies[0]?.send(200, {}, 'hello');
    const received = await busy.untilClosed();
    expect(received).toMatch(/connection: close[\s\S]*hello$/);
    await drained;
    expect(server.stats.connections).toBe(0);
  });

  test.each([
    [0, []],
    [5000, [200]],
  ])('within a grace of %d ms, a request over an idle connection is answered', async (graceMs, statuses) => {
    const { port, server } = await setup(hello);
    const client = await peers.client(port);
    client.send(request);
    await client.until('hello');
    const drained = server.drain(10_000, graceMs);
    await pause(20);
    client.received = '';
    client.send(request);
    const received = await client.untilClosed();
    expect(statusesOf(received)).toEqual(statuses);
    if (graceMs > 0) expect(received).toContain('connection: close');
    await drained;
  });

  test('drain cuts what is left after its time', async () => {
    const { port, server } = await setup(() => undefined);
    const client = await peers.client(port);
    client.send(request);
    await expect.poll(() => server.stats.active).toBe(1);
    await server.drain(100);
    await client.untilClosed();
    expect(server.stats).toMatchObject({ connections: 0, active: 0 });
  });

  test('no request is lost while one server takes over from another', async () => {
    const handler = (_: ServerRequest, reply: Reply): void => void setTimeout(() => reply.send(200), 5);
    const folder = mkdtempSync(join(tmpdir(), 'net-'));
    peers.defer(() => rmSync(folder, { recursive: true }));
    const outcomes: string[] = [];
    const { port, server } = await setup(handler);
    const busy = Array.from({ length: 20 }, async () => {
      const client = await peers.client(port);
      client.send(request);
      outcomes.push(await client.untilClosed());
    });
    await expect.poll(() => server.stats.requests).toBeGreaterThan(0);
    await pause(2);
    await server.drain(2000);
    await Promise.all(busy);
    expect(outcomes.flatMap(statusesOf)).toHaveLength(server.stats.requests);
  });
});

test('listens on a Unix socket', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'net-'));
  const path = join(folder, 'socket');
  const server = createHttpServer({ clock: systemClock, onRequest: hello });
  await server.listen({ path });
  expect(server.address()).toEqual({ path });
  const socket = connect({ path });
  const client = new RawClient(socket);
  client.send(request);
  await client.until('hello');
  socket.destroy();
  await server.stop();
  rmSync(folder, { recursive: true });
});

test('listens on a socket that was handed over', async () => {
  const owner = createServer();
  await new Promise<void>((resolve) => {
    owner.listen(0, '127.0.0.1', resolve);
  });
  const { port } = owner.address() as AddressInfo;
  const { fd } = (owner as unknown as { _handle: { fd: number } })._handle;
  const script = `
    const { createHttpServer } = await import('${import.meta.dirname}/index.ts');
    const { systemClock } = await import('${import.meta.dirname}/../core/clock.ts');
    const server = createHttpServer({ clock: systemClock, onRequest: (_, reply) => reply.send(200, {}, 'worker') });
    await server.listen({ fds: [3] });
    console.log('ready', server.address().port);`;
  const worker = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit', fd],
  });
  peers.defer(() => worker.kill());
  const [line] = (await once(worker.stdout as Readable, 'data')) as [Buffer];
  expect(line.toString()).toBe(`ready ${port}\n`);
  owner.close();
  expect(await peers.exchange(port, request)).toContain('worker');
});

test('says so when it cannot listen', async () => {
  const { port } = await setup(hello);
  const second = createHttpServer({ clock: systemClock, onRequest: hello });
  await expect(second.listen({ host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'net.listen' });
  expect(() => second.address()).toThrow(/does not listen/);
});
