import {
  connect,
  constants,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { type AddressInfo, connect as dial } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Peers } from '../../test/fakes/http-peers.ts';
import type { UpstreamOptions } from './index.ts';

const peers = new Peers();
afterEach(() => peers.close());

interface Service {
  readonly port: number;
  readonly sessions: ServerHttp2Session[];
  readonly seen: IncomingHttpHeaders[];
}

type Answer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, session: number) => void;

/** A service that speaks HTTP/2 without TLS and nothing else. */
async function service(answer: Answer, settings = {}): Promise<Service> {
  const server: Http2Server = createServer({ settings });
  const sessions: ServerHttp2Session[] = [];
  const seen: IncomingHttpHeaders[] = [];
  server.on('session', (session) => {
    sessions.push(session);
    session.on('error', () => undefined);
  });
  server.on('stream', (stream, headers) => {
    seen.push(headers);
    stream.on('error', () => undefined);
    answer(stream, headers, sessions.indexOf(stream.session as ServerHttp2Session));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  peers.defer(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, sessions, seen };
}

/** Our server in front of an upstream of HTTP/2. */
async function front(port: number, options: Partial<UpstreamOptions> = {}) {
  const ends: { failure: string | undefined; retries: number; status: number }[] = [];
  const upstream = peers.upstream(port, { protocol: 'http2', ...options });
  const { port: at, server } = await peers.server({
    http2: 'prior-knowledge',
    limits: { streamResetBurst: 10_000 },
    onRequest: (request, reply) =>
      upstream.forward(request, reply, {
        onEnd: ({ failure, retries, status }) => ends.push({ failure: failure?.code, retries, status }),
      }),
  });
  return { at, server, upstream, ends };
}

const get = (at: number, path = '/', init: RequestInit = {}) => fetch(`http://127.0.0.1:${at}${path}`, init);

describe('a service that speaks HTTP/2', () => {
  test('gets requests of HTTP/1.1 clients, on one connection', async () => {
    const { port, sessions, seen } = await service((stream) => {
      let text = '';
      stream.on('data', (chunk) => (text += chunk));
      stream.on('end', () => {
        stream.respond({ ':status': 201, 'x-a': ['1', '2'], 'set-cookie': ['a=1', 'b=2'] });
        stream.end(`got ${text}`);
      });
    });
    const { at } = await front(port);
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, at_) =>
        get(at, `/a?n=${at_}`, {
          method: 'POST',
          body: `body ${at_}`,
          headers: { authorization: 'Bearer x', connection: 'x-b', 'x-b': 'y' },
        }),
      ),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]));
    expect(await Promise.all(answers.map((answer) => answer.text()))).toEqual(
      Array.from({ length: 20 }, (_, at_) => `got body ${at_}`),
    );
    expect(answers[0]?.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    expect(answers[0]?.headers.get('x-a')).toBe('1, 2');
    expect(sessions).toHaveLength(1);
    expect(seen[0]).toMatchObject({
      ':method': 'POST',
      ':scheme': 'http',
      ':authority': `127.0.0.1:${at}`,
      authorization: 'Bearer x',
    });
    expect(seen[0]).not.toHaveProperty('connection');
    expect(seen[0]).not.toHaveProperty('host');
  });

  test('HEAD, 204 and 304 have no content', async () => {
    const { port } = await service((stream, headers) => {
      const status = Number(headers[':path']?.slice(1)) || 200;
      stream.respond({ ':status': status, 'content-length': status === 200 ? 5 : undefined }, { endStream: true });
    });
    const { at } = await front(port);
    const head = await get(at, '/', { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '5']);
    for (const status of [204, 304]) expect((await get(at, `/${status}`)).status).toBe(status);
  });

  test('more exchanges than it takes at a time share connections as it allows', async () => {
    const active: number[] = [];
    let most = 0;
    const { port, sessions } = await service(
      (stream, _, session) => {
        active[session] = (active[session] ?? 0) + 1;
        most = Math.max(most, active[session]);
        setTimeout(() => {
          active[session] = (active[session] ?? 0) - 1;
          stream.respond({ ':status': 200 });
          stream.end('ok');
        }, 20);
      },
      { maxConcurrentStreams: 5 },
    );
    const { at, upstream } = await front(port);
    const answers = await Promise.all(Array.from({ length: 40 }, () => get(at)));
    expect(answers.every(({ status }) => status === 200)).toBe(true);
    expect(sessions.length).toBeGreaterThan(2);
    expect(most).toBeLessThanOrEqual(5);
    await expect.poll(() => upstream.status()[0]?.active).toBe(0);
  });

  test('trailers pass to whoever takes them, and interim responses', async () => {
    const { port } = await service((stream) => {
      stream.additionalHeaders({ ':status': 103, link: '</a.css>' });
      stream.respond({ ':status': 200 }, { waitForTrailers: true });
      stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }));
      stream.end('ok');
    });
    const { at } = await front(port);
    const answer = await peers.exchange(at, 'GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 103 .*\r\nlink: <\/a\.css>/s);
    expect(answer).toMatch(/2\r\nok\r\n0\r\nx-sum: 7\r\n\r\n$/);
    expect(await peers.exchange(at, 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(/0\r\n\r\n$/);
  });

  test('an answer that comes early ends the upload', async () => {
    const codes: number[] = [];
    const { port } = await service((stream) => {
      stream.on('close', () => codes.push(stream.rstCode));
      stream.respond({ ':status': 413 }, { endStream: true });
    });
    const { at } = await front(port);
    const client = await peers.client(at);
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\nsome');
    expect(await client.until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 413 /);
    await expect.poll(() => codes.length).toBe(1);
  });

  test('a service that speaks HTTP/1.1 is told apart', async () => {
    const port = await peers.rawServer(
      (socket) => void socket.on('data', () => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')),
    );
    const { at, ends } = await front(port);
    expect((await get(at)).status).toBe(502);
    expect(ends[0]?.failure).toBe('net.upstream-protocol');
  });

  test('one that accepts and says nothing is given up in time', async () => {
    const port = await peers.rawServer(() => undefined);
    const { at, ends } = await front(port, { limits: { connectMs: 150, retryAttempts: 0 } });
    expect((await get(at)).status).toBe(504);
    expect(ends[0]?.failure).toBe('net.upstream-timeout');
  });

  test('one that takes requests and does not answer is, too', async () => {
    const codes: number[] = [];
    const { port } = await service((stream) => void stream.on('close', () => codes.push(stream.rstCode)));
    const { at, ends } = await front(port, { limits: { firstByteMs: 150 } });
    expect((await get(at)).status).toBe(504);
    expect(ends[0]?.failure).toBe('net.upstream-timeout');
    await expect.poll(() => codes).toEqual([constants.NGHTTP2_CANCEL]);
  });
});

describe('an HTTP/2 service that sends requests back', () => {
  test('is asked again, whatever the method and with the body that it got', async () => {
    let turn = 0;
    const bodies: string[] = [];
    const { port } = await service((stream) => {
      if (turn++ === 0) return stream.close(constants.NGHTTP2_REFUSED_STREAM);
      let text = '';
      stream.on('data', (chunk) => (text += chunk));
      stream.on('end', () => {
        bodies.push(text);
        stream.respond({ ':status': 200 }, { endStream: true });
      });
    });
    const { at, ends } = await front(port);
    expect((await get(at, '/', { method: 'POST', body: 'pay 100' })).status).toBe(200);
    expect(bodies).toEqual(['pay 100']);
    expect(ends[0]).toMatchObject({ retries: 1, failure: undefined });
  });

  test('is not asked again where it may have begun', async () => {
    let turn = 0;
    const { port } = await service((stream) => {
      turn++;
      stream.close(constants.NGHTTP2_INTERNAL_ERROR);
    });
    const { at, ends } = await front(port);
    expect((await get(at, '/', { method: 'POST', body: 'pay 100' })).status).toBe(502);
    expect([turn, ends[0]?.retries]).toEqual([1, 0]);
  });

  test('GOAWAY: what runs ends there, what comes goes elsewhere, and nothing is lost', async () => {
    const { port, sessions } = await service((stream, _, session) => {
      setTimeout(() => {
        stream.respond({ ':status': 200 });
        stream.end(`by ${session}`);
      }, 50);
    });
    const { at } = await front(port);
    const before = Array.from({ length: 5 }, () => get(at).then((answer) => answer.text()));
    await expect.poll(() => sessions.length).toBe(1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    sessions[0]?.close();
    const after = Array.from({ length: 5 }, () => get(at).then((answer) => answer.text()));
    expect(new Set(await Promise.all(before))).toEqual(new Set(['by 0']));
    expect((await Promise.all(after)).every((text) => text.startsWith('by '))).toBe(true);
    expect(await get(at).then((answer) => answer.text())).toBe('by 1');
  });

  test('a rolling restart under load loses nothing', async () => {
    const { port, sessions } = await service((stream) => {
      stream.on('data', () => undefined);
      stream.on('end', () => {
        stream.respond({ ':status': 200 });
        stream.end('ok');
      });
    });
    const { at } = await front(port);
    const statuses: number[] = [];
    for (let turn = 0; turn < 20; turn++) {
      const batch = Array.from({ length: 20 }, () => get(at, '/', { method: 'POST', body: 'x'.repeat(1000) }));
      // Once in each batch, in the midst of it: a request may meet one restart, and the one of a machine that is late.
      await Promise.race(batch);
      sessions.at(-1)?.close();
      for (const { status } of await Promise.all(batch)) statuses.push(status);
    }
    expect(statuses.filter((status) => status !== 200)).toEqual([]);
    expect(sessions.length).toBeGreaterThan(10);
  });

  test('a connection whose exchanges are cancelled without end is left before the service cuts it', async () => {
    const { port, sessions, seen } = await service(() => undefined);
    const { at } = await front(port, { limits: { streamsPerConnection: 1000 } });
    const session = connect(`http://127.0.0.1:${at}`);
    peers.defer(() => session.destroy());
    session.on('error', () => undefined);
    for (let turn = 1; turn <= 6; turn++) {
      const batch = Array.from({ length: 90 }, () => session.request({ ':path': '/' }));
      for (const stream of batch) stream.on('error', () => undefined);
      await expect.poll(() => seen.length, { timeout: 5000 }).toBe(turn * 90);
      for (const stream of batch) stream.close(constants.NGHTTP2_CANCEL);
      await Promise.all(batch.map((stream) => new Promise((resolve) => stream.on('close', resolve))));
    }
    session.request({ ':path': '/' }).on('error', () => undefined);
    await expect.poll(() => sessions.length, { timeout: 5000 }).toBe(2);
  });
});

test('a connection that has died without a word is found by a ping', async () => {
  // What the service says after its settings is lost.
  const { port } = await service(() => undefined);
  let isDead = false;
  const lossy = await peers.rawServer((socket) => {
    const far = dial(port, '127.0.0.1');
    socket.on('data', (chunk) => void (isDead || far.write(chunk)));
    far.on('data', (chunk) => void (isDead || socket.write(chunk))).on('error', () => undefined);
    socket.on('close', () => far.destroy());
  });
  const { at, ends } = await front(lossy, { limits: { pingMs: 100, connectMs: 300, firstByteMs: 60_000 } });
  const pending = get(at).then(({ status }) => status);
  await new Promise((resolve) => setTimeout(resolve, 60));
  isDead = true;
  expect(await pending).toBe(504);
  expect(ends[0]?.failure).toBe('net.upstream-timeout');
});

test('a connection that is not used is closed', async () => {
  const { port, sessions } = await service((stream) => stream.respond({ ':status': 200 }, { endStream: true }));
  const { at } = await front(port, { limits: { idleTimeMs: 100 } });
  await get(at);
  await expect.poll(() => sessions[0]?.destroyed, { timeout: 3000 }).toBe(true);
});

test('drain lets what runs end', async () => {
  const { port } = await service((stream) => {
    setTimeout(() => {
      stream.respond({ ':status': 200 });
      stream.end('late');
    }, 100);
  });
  const { at, upstream } = await front(port);
  const answer = get(at).then((each) => each.text());
  await new Promise((resolve) => setTimeout(resolve, 40));
  await upstream.drain(5000);
  expect(await answer).toBe('late');
});
