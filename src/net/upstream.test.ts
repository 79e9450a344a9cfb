import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Peers, statusesOf } from '../../test/fakes/http-peers.ts';
import type { ForwardEnd, Upstream, UpstreamOptions } from './index.ts';

const peers = new Peers();
afterEach(() => peers.close());

const request = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';
const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

async function front(upstream: Upstream) {
  const ends: ForwardEnd[] = [];
  const { port } = await peers.server({
    onRequest: (seen, reply) => upstream.forward(seen, reply, { onEnd: (end) => void ends.push(end) }),
  });
  return { port, ends, ask: (bytes = request) => peers.exchange(port, bytes) };
}

async function setup(ports: number | number[], options: Partial<UpstreamOptions> = {}) {
  const upstream = peers.upstream(ports, options);
  return { upstream, ...(await front(upstream)) };
}

/** A service that does `act` on each request, with its number on that connection and in all. */
async function service(act: (socket: Socket, onConnection: number, all: number) => void) {
  const counts = { connections: 0, requests: 0 };
  const port = await peers.rawServer((socket) => {
    let onConnection = 0;
    counts.connections++;
    socket.on('data', (chunk) => {
      if (!/^[A-Z]+ /.test(chunk.toString('latin1'))) return;
      act(socket, ++onConnection, ++counts.requests);
    });
  });
  return { port, counts };
}

const answering = () => service((socket) => void socket.write(ok));

/** A port where nobody listens. */
async function deadPort(): Promise<number> {
  const { port, server } = await peers.server({ onRequest: () => undefined });
  await server.stop();
  return port;
}

describe('connections', () => {
  test('are kept and used again', async () => {
    const { port, counts } = await answering();
    const { ask } = await setup(port);
    for (let turn = 0; turn < 5; turn++) expect(statusesOf(await ask())).toEqual([200]);
    expect(counts).toEqual({ connections: 1, requests: 5 });
  });

  test('are bounded: more requests wait, and more than may wait are refused', async () => {
    const waiting: Socket[] = [];
    const { port, counts } = await service((socket) => void waiting.push(socket));
    const { ask } = await setup(port, { limits: { connections: 2, pending: 1 } });
    const asked = [ask(), ask(), ask()];
    await expect.poll(() => counts.requests).toBe(2);
    const refused = await ask();
    expect(statusesOf(refused)).toEqual([503]);
    expect(refused).toContain('net.upstream-overloaded');
    waiting.shift()?.write(ok);
    await expect.poll(() => counts.requests).toBe(3);
    for (const socket of waiting) socket.write(ok);
    expect((await Promise.all(asked)).flatMap(statusesOf)).toEqual([200, 200, 200]);
    expect(counts.connections).toBe(2);
  });

  test('a request that waits too long for one is refused', async () => {
    const { port, counts } = await service(() => undefined);
    const { ask } = await setup(port, { limits: { connections: 1, connectMs: 100, firstByteMs: 2000 } });
    const first = ask();
    await expect.poll(() => counts.requests).toBe(1);
    expect(await ask()).toContain('net.upstream-overloaded');
    void first;
  });

  test('an idle one is closed after its time', async () => {
    const { port } = await answering();
    const { upstream, ask } = await setup(port, { limits: { idleTimeMs: 80 } });
    await ask();
    expect(upstream.status()[0]?.idle).toBe(1);
    await expect.poll(() => upstream.status()[0]?.idle).toBe(0);
  });

  test('one whose client went away is not used again', async () => {
    const { port, counts } = await service((socket, _, all) => void (all > 1 && socket.write(ok)));
    const { port: gate, ends, ask } = await setup(port);
    const client = await peers.client(gate);
    client.send(request);
    await expect.poll(() => counts.requests).toBe(1);
    client.socket.resetAndDestroy();
    await expect.poll(() => ends.length).toBe(1);
    expect(ends[0]?.failure?.code).toBe('net.client-closed');
    expect(statusesOf(await ask())).toEqual([200]);
    expect(counts.connections).toBe(2);
  });
});

describe('balancing', () => {
  test('takes the endpoint with the fewest requests, and equals in turn', async () => {
    const slow = await service(() => undefined);
    const [a, b] = [await answering(), await answering()];
    const { ask } = await setup([slow.port, a.port, b.port]);
    for (let turn = 0; turn < 12; turn++)
      await Promise.race([ask(), new Promise((resolve) => setTimeout(resolve, 60))]);
    expect(slow.counts.requests).toBe(1);
    expect(a.counts.requests + b.counts.requests).toBe(11);
    expect(Math.abs(a.counts.requests - b.counts.requests)).toBeLessThan(4);
  });

  test('follows a new list of endpoints, and lets what runs end', async () => {
    const held: Socket[] = [];
    const old = await service((socket) => void held.push(socket));
    const fresh = await answering();
    const { upstream, ask } = await setup(old.port);
    const running = ask();
    await expect.poll(() => held.length).toBe(1);
    upstream.setEndpoints([{ host: '127.0.0.1', port: fresh.port }]);
    expect(statusesOf(await ask())).toEqual([200]);
    held[0]?.write(ok);
    expect(statusesOf(await running)).toEqual([200]);
    expect([old.counts.requests, fresh.counts.requests]).toEqual([1, 1]);
    upstream.setEndpoints([]);
    expect(await ask()).toContain('net.upstream-unavailable');
  });
});

describe('failures', () => {
  test('of the connection move on to another endpoint', async () => {
    const { port } = await answering();
    const { ask, ends } = await setup([await deadPort(), port]);
    for (let turn = 0; turn < 4; turn++) expect(statusesOf(await ask())).toEqual([200]);
    expect(ends.some(({ retries }) => retries === 1)).toBe(true);
  });

  test('of all endpoints are 502, and soon', async () => {
    const { ask, ends } = await setup(await deadPort());
    expect(await ask()).toMatch(/^HTTP\/1\.1 502 [\s\S]*net\.upstream-connect/);
    expect(ends[0]).toMatchObject({ status: 0, failure: { code: 'net.upstream-connect', status: 502 } });
  });

  test('of a kept connection that was closed meanwhile are repeated for idempotent requests', async () => {
    const { port, counts } = await service((socket, onConnection) => {
      if (onConnection === 1) socket.write(ok);
      else socket.destroy();
    });
    const { ask, ends } = await setup(port);
    await ask();
    expect(statusesOf(await ask())).toEqual([200]);
    expect(ends[1]?.retries).toBe(1);
    expect(counts).toEqual({ connections: 2, requests: 3 });
  });

  test('are never repeated for a POST, nor once a body was sent', async () => {
    const { port, counts } = await service((socket) => socket.destroy());
    const { ask } = await setup(port);
    expect(statusesOf(await ask('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n'))).toEqual([502]);
    expect(counts.requests).toBe(1);
    expect(statusesOf(await ask('PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi'))).toEqual([502]);
    expect(counts.requests).toBe(2);
  });

  test('are repeated only as long as the budget lasts', async () => {
    const { port, counts } = await service((socket) => socket.destroy());
    const { ask } = await setup(port, { limits: { retryRatio: 0.1, retryAttempts: 2 } });
    for (let turn = 0; turn < 20; turn++) await ask();
    // 20 requests, 10 retries to begin with and one more for each ten.
    expect(counts.requests).toBeLessThanOrEqual(20 + 10 + 2);
    const none = await service((socket) => socket.destroy());
    const strict = await setup(none.port, { limits: { retryRatio: 0 } });
    await strict.ask();
    expect(none.counts.requests).toBe(1);
  });

  test('after the head cut the reply, so that the client sees it', async () => {
    const { port } = await service((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf');
      setTimeout(() => socket.destroy(), 20);
    });
    const { ask, ends } = await setup(port);
    const received = await ask();
    expect(received).toContain('content-length: 100');
    expect(received.endsWith('half')).toBe(true);
    expect(ends[0]?.failure?.code).toBe('net.upstream-reset');
  });

  test('within a chunked answer cut the reply before its last chunk', async () => {
    const { port } = await service((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\nzz\r\n');
    });
    const { ask } = await setup(port);
    const received = await ask();
    expect(received).not.toContain('0\r\n\r\n');
  });

  test('are seen by a client of HTTP/1.0 too, to whom the end of the connection says that all is well', async () => {
    const { port } = await service((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n');
      setTimeout(() => socket.destroy(), 20);
    });
    const { port: gate } = await setup(port);
    const { socket } = await peers.client(gate);
    const failure = new Promise<NodeJS.ErrnoException>((resolve) => socket.on('error', resolve));
    socket.write('GET / HTTP/1.0\r\n\r\n');
    expect((await failure).code).toBe('ECONNRESET');
  });

  test('a body that ends with its connection is whole only when that ended well', async () => {
    const { port } = await service((socket, _, all) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\nall of it');
      setTimeout(() => (all === 1 ? socket.end() : socket.resetAndDestroy()), 20);
    });
    const { ask } = await setup(port);
    expect(await ask()).toMatch(/all of it\r\n0\r\n\r\n$/);
    expect(await ask()).not.toContain('0\r\n\r\n');
  });
});

describe('outliers', () => {
  test('an endpoint that fails in a row is left out, and asked again later', async () => {
    let isBroken = true;
    const bad = await service((socket) => void (isBroken ? socket.destroy() : socket.write(ok)));
    const good = await answering();
    const { upstream, ask } = await setup([bad.port, good.port], {
      limits: { ejectAfter: 2, ejectMs: 150, retryRatio: 1, retryAttempts: 3 },
    });
    for (let turn = 0; turn < 10; turn++) expect(statusesOf(await ask())).toEqual([200]);
    expect(upstream.status().map(({ ejected }) => ejected)).toEqual([true, false]);
    const asked = bad.counts.requests;
    for (let turn = 0; turn < 5; turn++) await ask();
    expect(bad.counts.requests).toBe(asked);
    isBroken = false;
    await new Promise((resolve) => setTimeout(resolve, 200));
    for (let turn = 0; turn < 4; turn++) await ask();
    expect(bad.counts.requests).toBeGreaterThan(asked);
  });

  test('never more than the share that may be', async () => {
    const [a, b] = [await deadPort(), await deadPort()];
    const { upstream, ask } = await setup([a, b], { limits: { ejectAfter: 1, ejectMaxRatio: 0.5 } });
    for (let turn = 0; turn < 6; turn++) await ask();
    expect(upstream.status().filter(({ ejected }) => ejected)).toHaveLength(1);
  });
});

describe('health checks', () => {
  test('take an endpoint out and back in', async () => {
    let status = 200;
    const { port } = await service((socket) => void socket.write(`HTTP/1.1 ${status} X\r\nContent-Length: 0\r\n\r\n`));
    const { upstream, ask } = await setup(port, { healthCheck: { path: '/healthz', intervalMs: 20 } });
    expect(statusesOf(await ask())).toEqual([200]);
    status = 500;
    await expect.poll(() => upstream.status()[0]?.healthy).toBe(false);
    expect(await ask()).toContain('net.upstream-unavailable');
    status = 204;
    await expect.poll(() => upstream.status()[0]?.healthy).toBe(true);
    expect(statusesOf(await ask())).toEqual([204]);
  });

  test('an endpoint that does not answer is not healthy', async () => {
    const { port } = await service(() => undefined);
    const { upstream } = await setup(port, { healthCheck: { path: '/', intervalMs: 30, timeoutMs: 20, failures: 1 } });
    await expect.poll(() => upstream.status()[0]?.healthy).toBe(false);
  });
});

describe('times', () => {
  test('the first byte', async () => {
    const { port } = await service(() => undefined);
    const { ask, ends } = await setup(port, { limits: { firstByteMs: 80 } });
    expect(await ask()).toMatch(/^HTTP\/1\.1 504 /);
    expect(ends[0]).toMatchObject({ retries: 0, failure: { code: 'net.upstream-timeout' } });
  });

  test('a silence within the answer', async () => {
    const { port } = await service((socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'));
    const { ask, ends } = await setup(port, { limits: { bodyIdleMs: 80 } });
    expect(await ask()).toContain('half');
    expect(ends[0]?.failure?.code).toBe('net.upstream-timeout');
  });

  test('the whole exchange', async () => {
    const { port } = await service((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n');
      const timer = setInterval(() => socket.write('1\r\nx\r\n'), 10);
      socket.on('close', () => clearInterval(timer));
    });
    const { ask, ends } = await setup(port, { limits: { totalMs: 150 } });
    expect(await ask()).not.toContain('0\r\n\r\n');
    expect(ends[0]?.failure?.code).toBe('net.upstream-timeout');
    expect(ends[0]?.totalMs).toBeLessThan(1000);
  });
});

describe('fetch', () => {
  test('gives the whole answer', async () => {
    const { port } = await answering();
    const upstream = peers.upstream(port);
    const { status, headers, body } = await upstream.fetch({ method: 'POST', path: '/x', body: 'hi' });
    expect([status, headers.get('content-length'), body.toString()]).toEqual([200, '2', 'ok']);
  });

  test('is bounded in size and time', async () => {
    const { port } = await service((socket, _, all) => void (all === 1 && socket.write(ok)));
    const upstream = peers.upstream(port);
    await expect(upstream.fetch({ path: '/', maxBytes: 1 })).rejects.toMatchObject({ code: 'net.upstream-too-large' });
    await expect(upstream.fetch({ path: '/', timeoutMs: 50 })).rejects.toMatchObject({ code: 'net.upstream-timeout' });
  });
});

describe('the end', () => {
  test('drain lets what runs end', async () => {
    const held: Socket[] = [];
    const { port } = await service((socket) => void held.push(socket));
    const { upstream, ask } = await setup(port);
    const running = ask();
    await expect.poll(() => held.length).toBe(1);
    const drained = upstream.drain(5000);
    held[0]?.write(ok);
    expect(statusesOf(await running)).toEqual([200]);
    await drained;
  });

  test('stop answers what runs with 502', async () => {
    const { port, counts } = await service(() => undefined);
    const { upstream, ask } = await setup(port, { limits: { retryRatio: 0 } });
    const running = ask();
    await expect.poll(() => counts.requests).toBe(1);
    await upstream.stop();
    expect(statusesOf(await running)).toEqual([502]);
  });
});
