import { createHash } from 'node:crypto';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from 'node:http2';
import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { Peers } from '../../test/fakes/http-peers.ts';
import type { ForwardEnd, HttpServerOptions, UpstreamOptions } from './index.ts';

const peers = new Peers();
afterEach(() => peers.close());

interface Service {
  readonly port: number;
  /** Heads that it got. */
  readonly heads: string[];
}

/** A service that opens a WebSocket as RFC 6455 says, then gives its socket to `serve`. */
async function service(serve: (socket: Socket) => void, change = (answer: string) => answer): Promise<Service> {
  const heads: string[] = [];
  const port = await peers.rawServer((socket) => {
    socket.once('data', (chunk) => {
      const head = chunk.toString('latin1');
      heads.push(head);
      const key = /sec-websocket-key: (.+)\r\n/.exec(head)?.[1] ?? '';
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
      const fields = `Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\nX-Own: yes\r\n`;
      socket.write(change(`HTTP/1.1 101 Switching Protocols\r\n${fields}\r\n`));
      serve(socket);
    });
  });
  return { port, heads };
}

const echo = (socket: Socket): void => void socket.on('data', (chunk) => socket.write(`echo:${chunk}`));

async function front(port: number, options: Partial<UpstreamOptions> = {}, server: Partial<HttpServerOptions> = {}) {
  const ends: ForwardEnd[] = [];
  const upstream = peers.upstream(port, options);
  const started = await peers.server({
    http2: 'prior-knowledge',
    onRequest: (request, reply) => upstream.forward(request, reply, { onEnd: (end) => ends.push(end) }),
    ...server,
  });
  const session = connect(`http://127.0.0.1:${started.port}`);
  session.on('error', () => undefined);
  peers.defer(() => session.destroy());
  await new Promise((resolve) => session.once('remoteSettings', resolve));
  return { session, ends };
}

const extended = {
  ...{ ':method': 'CONNECT', ':protocol': 'websocket', ':scheme': 'http', ':path': '/chat?room=1' },
  ...{ 'sec-websocket-version': '13', origin: 'https://a.example' },
};

interface Opened {
  readonly stream: ClientHttp2Stream;
  readonly head: Readonly<Record<string, unknown>>;
  received(): string;
}

function open(session: ClientHttp2Session, fields: OutgoingHttpHeaders = {}): Promise<Opened> {
  const stream = session.request({ ...extended, ...fields }, { endStream: false });
  let received = '';
  stream.setEncoding('utf8').on('data', (text: string) => {
    received += text;
  });
  return new Promise((resolve, reject) => {
    stream.once('response', (head) => resolve({ stream, head, received: () => received }));
    stream.once('error', reject);
  });
}

describe('a WebSocket by HTTP/2', () => {
  test('is offered, and opened as one of HTTP/1.1 at the service', async () => {
    const back = await service(echo);
    const { session, ends } = await front(back.port);
    expect(session.remoteSettings.enableConnectProtocol).toBe(true);
    const { stream, head, received } = await open(session, { 'sec-websocket-key': 'mine' });
    expect(head).toMatchObject({ ':status': 200, 'x-own': 'yes' });
    expect(head).not.toHaveProperty('sec-websocket-accept');
    expect(back.heads[0]).toMatch(/^GET \/chat\?room=1 HTTP\/1\.1\r\n/);
    expect(back.heads[0]).toMatch(/connection: upgrade\r\nupgrade: websocket\r\n/);
    expect(back.heads[0]).toMatch(/sec-websocket-key: [A-Za-z0-9+/]{22}==\r\n/);
    expect(back.heads[0]).toContain('origin: https://a.example\r\n');
    stream.write('one');
    await expect.poll(received).toBe('echo:one');
    stream.write('two');
    await expect.poll(received).toBe('echo:oneecho:two');
    expect(ends).toEqual([]);
    stream.end();
    await expect.poll(() => ends).toMatchObject([{ status: 101, upgraded: true, failure: undefined }]);
  });

  test('carries what the service said last, and its end', async () => {
    const bytes = 3_000_000;
    const back = await service((socket) => socket.end(Buffer.alloc(bytes, 'x')));
    const { session } = await front(back.port);
    const { stream, received } = await open(session);
    await new Promise((resolve) => stream.once('end', resolve));
    expect(received().length).toBe(bytes);
  });

  test('carries many small pieces and is not taken for a flood', async () => {
    const back = await service(echo);
    const { session } = await front(back.port, {}, { limits: { overheadBytesPerSecond: 1000 } });
    const { stream, received } = await open(session);
    for (let turn = 0; turn < 3000; turn++) {
      stream.write('x');
      if (turn % 100 === 0) await new Promise((resume) => setTimeout(resume, 50));
    }
    await expect.poll(() => received().match(/x/g)?.length, { timeout: 5000 }).toBe(3000);
    expect(session.destroyed).toBe(false);
  });

  test('ends at the service when the client resets it, and other streams go on', async () => {
    let closed = 0;
    const back = await service((socket) => socket.on('close', () => closed++));
    const { session, ends } = await front(back.port);
    const one = await open(session);
    const other = await open(session);
    one.stream.on('error', () => undefined);
    one.stream.close(8);
    await expect.poll(() => [closed, ends.length]).toEqual([1, 1]);
    expect(other.stream.closed).toBe(false);
  });

  test('that nothing passes through is ended', async () => {
    const back = await service(() => undefined);
    const { session, ends } = await front(back.port, { limits: { tunnelIdleMs: 300 } });
    const { stream } = await open(session);
    await new Promise((resolve) => stream.once('close', resolve));
    await expect.poll(() => ends).toMatchObject([{ status: 101 }]);
  });

  test('is refused where the service refuses, with its answer', async () => {
    const back = await service(
      (socket) => socket.end(),
      () => 'HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno',
    );
    const { session } = await front(back.port);
    const { stream, head, received } = await open(session);
    await new Promise((resolve) => stream.once('close', resolve));
    expect([head[':status'], received()]).toEqual([403, 'no']);
  });

  test.each([
    ['an ordinary success', () => 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'],
    ['another key', (answer: string) => answer.replace(/Accept: .+\r\n/, 'Accept: AAAA\r\n')],
    ['no key', (answer: string) => answer.replace(/Sec-WebSocket-Accept: .+\r\n/, '')],
    ['another protocol', (answer: string) => answer.replace('Upgrade: websocket', 'Upgrade: h2c')],
  ])('is no tunnel by %s', async (_, change) => {
    const back = await service(() => undefined, change);
    const { session, ends } = await front(back.port);
    const { head } = await open(session);
    expect(head[':status']).toBe(502);
    expect(ends).toMatchObject([{ upgraded: false, failure: { code: 'net.upstream-malformed' } }]);
  });

  test('is not opened where it may not be', async () => {
    const back = await service(echo);
    const upstream = peers.upstream(back.port);
    const { session } = await front(
      back.port,
      {},
      {
        onRequest: (request, reply) => upstream.forward(request, reply, { upgrade: false }),
      },
    );
    expect((await open(session)).head[':status']).toBe(502);
    expect(back.heads[0]).not.toMatch(/upgrade/i);
  });

  test('what is answered without a service is no tunnel either', async () => {
    const { session } = await front(
      1,
      {},
      {
        onRequest: ({ path }, reply) => reply.send(path === '/denied' ? 403 : 200, {}, 'text'),
      },
    );
    expect((await open(session, { ':path': '/denied' })).head[':status']).toBe(403);
    await expect(open(session)).rejects.toThrow();
  });

  test('no other protocol, and no other CONNECT, is carried', async () => {
    const back = await service(echo);
    const { session } = await front(back.port);
    expect((await open(session, { ':protocol': 'connect-udp' })).head[':status']).toBe(501);
    expect((await open(session, { 'content-length': '5' })).head[':status']).toBe(400);
    const plain = session.request({ ':method': 'CONNECT', ':authority': 'internal.example:22' });
    expect(await new Promise((resolve) => plain.once('response', (head) => resolve(head[':status'])))).toBe(405);
    expect(back.heads).toEqual([]);
  });
});
