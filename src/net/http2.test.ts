import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type OutgoingHttpHeaders,
} from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTlsAuthority, type TlsAuthority } from '../../test/fakes/certificates.ts';
import { Peers } from '../../test/fakes/http-peers.ts';
import { formatHttp2, parseHttp2 } from '../prove/wire/http2.ts';
import type { HttpServerOptions, Refusal, TlsCredentials } from './index.ts';

const peers = new Peers();
afterEach(() => peers.close());

let authority: TlsAuthority;
let credentials: TlsCredentials;
beforeAll(() => {
  authority = createTlsAuthority('ours');
  credentials = authority.issue({ dnsNames: ['localhost'], addresses: ['127.0.0.1'] });
});

async function setup(onRequest: HttpServerOptions['onRequest'], options: Partial<HttpServerOptions> = {}) {
  const refusals: Refusal[] = [];
  const started = await peers.server({
    tls: { ...credentials, http2: true },
    onRequest,
    onRefused: (refusal) => {
      refusals.push(refusal);
      return { body: 'go away' };
    },
    ...options,
  });
  const session = connect(`https://localhost:${started.port}`, { ca: authority.bundle });
  session.on('error', () => undefined);
  peers.defer(() => session.destroy());
  return { ...started, session, refusals };
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly trailers: Readonly<Record<string, unknown>>;
  readonly interim: number[];
  readonly body: string;
}

/** The answer to one request; rejects where the stream is reset. */
function ask(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string): Promise<Answer> {
  const stream = session.request({ ':path': '/', ...headers }, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  return answerOf(stream);
}

function answerOf(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let head: Record<string, unknown> = {};
    let trailers: Record<string, unknown> = {};
    let body = '';
    const interim: number[] = [];
    stream.on('headers', (headers) => interim.push(Number(headers[':status'])));
    stream.on('response', (headers) => {
      head = headers as Record<string, unknown>;
    });
    stream.on('trailers', (headers) => {
      trailers = headers as Record<string, unknown>;
    });
    stream.on('data', (chunk: Buffer) => {
      body += chunk.toString();
    });
    stream.on('error', reject);
    stream.on('end', () => resolve({ status: Number(head[':status']), headers: head, trailers, interim, body }));
  });
}

/** Our server before a raw back end that answers `answer` and shows what it got. */
async function forwarding(answer: string) {
  const got: string[] = [];
  const back = await peers.rawServer((socket) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      const isWhole = /\r\n\r\n/.test(text) && (!/chunked/.test(text) || /\r\n0\r\n\r\n/.test(text));
      if (!isWhole) return;
      got.push(text);
      text = '';
      socket.write(answer, 'latin1');
    });
  });
  const upstream = peers.upstream(back);
  return { got, ...(await setup((request, reply) => upstream.forward(request, reply))) };
}

describe('HTTP/2', () => {
  test('a request is the same as any other', async () => {
    const seen: unknown[] = [];
    const { session, port } = await setup(
      ({ method, path, query, host, scheme, httpVersion, headers, body }, reply) => {
        seen.push({
          method,
          path,
          query,
          host,
          scheme,
          httpVersion,
          cookie: headers.get('cookie'),
          present: body.present,
        });
        reply.send(200, { 'x-a': ['1', '2'], 'set-cookie': ['a=1', 'b=2'], connection: 'close' }, 'hello');
      },
    );
    const { status, headers, body } = await ask(session, { ':path': '/a/../b//c?d', cookie: ['x=1', 'y=2'] });
    expect([status, body]).toEqual([200, 'hello']);
    expect(headers).toMatchObject({ 'content-length': '5', 'x-a': '1, 2', 'set-cookie': ['a=1', 'b=2'] });
    expect(headers).not.toHaveProperty('connection');
    expect(seen).toEqual([
      {
        method: 'GET',
        path: '/b/c',
        query: 'd',
        host: 'localhost',
        scheme: 'https',
        httpVersion: '2',
        cookie: 'x=1; y=2',
        present: false,
      },
    ]);
    expect(await peers.exchange(port, 'GET / HTTP/1.1\r\n\r\n')).toBe('');
  });

  test('is written to a service as HTTP/1.1', async () => {
    const { session, got } = await forwarding(
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\nKeep-Alive: x\r\n\r\nok',
    );
    const { status, headers, body } = await ask(session, { ':method': 'POST', te: 'trailers', 'x-a': 'b' }, 'hello');
    expect([status, body]).toEqual([200, 'ok']);
    expect(headers).not.toHaveProperty('keep-alive');
    expect(got[0]).toMatch(
      /^POST \/ HTTP\/1\.1\r\nhost: localhost:\d+\r\nx-a: b\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n$/,
    );
  });

  test('carries interim responses and trailers', async () => {
    const { session } = await forwarding(
      'HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 7\r\n\r\n',
    );
    expect(await ask(session, { te: 'trailers' })).toMatchObject({
      status: 200,
      body: 'ok',
      interim: [103],
      trailers: { 'x-sum': '7' },
    });
  });

  test('HEAD, 204 and 304 have no content', async () => {
    const { session } = await setup((request, reply) => reply.send(Number(request.path.slice(1)) || 200, {}, 'hello'));
    expect(await ask(session, { ':method': 'HEAD' })).toMatchObject({
      status: 200,
      body: '',
      headers: { 'content-length': '5' },
    });
    for (const status of [204, 304])
      expect(await ask(session, { ':path': `/${status}` })).toMatchObject({ status, body: '' });
  });

  test('100 Continue is sent when the body is wanted', async () => {
    const { session } = await setup(async (request, reply) => reply.send(200, {}, await request.body.buffer(100)));
    const stream = session.request({ ':path': '/', ':method': 'POST', expect: '100-continue' });
    stream.on('continue', () => stream.end('hello'));
    expect(await answerOf(stream)).toMatchObject({ status: 200, body: 'hello', interim: [100] });
  });

  test('a body is bounded, and a large one flows through', async () => {
    const { session } = await setup(async (request, reply) => {
      try {
        reply.send(200, {}, `${(await request.body.buffer(5_000_000)).length}`);
      } catch (error) {
        reply.send((error as { status: number }).status);
      }
    });
    expect(await ask(session, { ':method': 'POST' }, 'x'.repeat(5_000_000))).toMatchObject({ body: '5000000' });
    const tooLarge = ask(session, { ':method': 'POST' }, 'x'.repeat(5_000_001));
    await expect(tooLarge).resolves.toMatchObject({ status: 413 });
  });

  // Where there is no code, the stream is reset by the protocol's own rules before it comes to us.
  test.each<[what: string, headers: OutgoingHttpHeaders, code?: string]>([
    ['a climb above the root', { ':path': '/../x' }, 'net.bad-path'],
    ['an absolute path', { ':path': 'https://localhost/' }],
    ['a path without a slash', { ':path': 'a' }],
    ['a fragment', { ':path': '/a#b' }, 'net.bad-target'],
    ['another host', { ':authority': 'a.example', host: 'b.example' }, 'net.bad-host'],
    ['a broken authority', { ':authority': 'a@b' }],
    ['an authority that is no host', { ':authority': 'a,b' }, 'net.bad-host'],
    ['two lengths', { 'content-length': '5, 5' }],
    ['an expectation', { expect: '200-ok' }, 'net.bad-expectation'],
    [
      'a hundred fields',
      Object.fromEntries(Array.from({ length: 102 }, (_, index) => [`x-${index}`, 'y'])),
      'net.headers-too-large',
    ],
    ['more fields', Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`x-${index}`, 'y']))],
    [
      'CONNECT',
      { ':method': 'CONNECT', ':authority': 'a:1', ':path': undefined, ':scheme': undefined },
      'net.connect-refused',
    ],
  ])('%s is refused', async (_, headers, code) => {
    let handled = 0;
    const { session, refusals } = await setup((__, reply) => {
      handled++;
      reply.send(200);
    });
    const answer = await ask(session, headers).catch((error: Error) => error);
    expect(handled).toBe(0);
    expect(refusals.map((refusal) => refusal.code)).toEqual(code === undefined ? [] : [code]);
    if (code !== undefined) expect(answer).toMatchObject({ body: 'go away' });
  });

  test('a body without content that has ended before anybody asks for it is empty, and not awaited', async () => {
    const read: string[] = [];
    const { session } = await setup(async ({ body, path }, reply) => {
      await new Promise((resume) => setTimeout(resume, 100));
      if (path === '/gathered') await new Promise<void>((resolve) => body.gather(100, () => resolve()));
      if (path === '/piped' || path === '/gathered')
        await new Promise<void>((resolve, reject) =>
          body.pipe({ data: () => true, end: () => resolve(), error: reject }),
        );
      else read.push((await body.buffer(100)).toString());
      reply.send(200);
    });
    const statuses = ['/buffered', '/piped', '/gathered'].map(
      // An empty DATA frame ends it, after the fields.
      async (path) => (await ask(session, { ':method': 'POST', ':path': path }, '')).status,
    );
    expect(await Promise.all(statuses)).toEqual([200, 200, 200]);
    expect(read).toEqual(['']);
  });

  test('a client that resets is heard of', async () => {
    const ends: boolean[] = [];
    const { session, server } = await setup((_, reply) => {
      reply.onClosed(({ aborted }) => ends.push(aborted));
      reply.start(200, {});
      reply.write('some');
    });
    const stream = session.request({ ':path': '/' });
    stream.on('data', () => stream.close(constants.NGHTTP2_CANCEL));
    await expect.poll(() => ends).toEqual([true]);
    await expect.poll(() => server.stats.active).toBe(0);
  });

  test('one that opens and resets streams without end is cut', async () => {
    const { session, server } = await setup(() => undefined);
    await new Promise((resolve) => session.once('connect', resolve));
    let isClosed = false;
    session.on('close', () => {
      isClosed = true;
    });
    for (let turn = 0; turn < 2000 && !isClosed; turn++) {
      const stream = session.request({ ':path': '/' });
      stream.on('error', () => undefined);
      await new Promise((resolve) => setImmediate(resolve));
      stream.close(constants.NGHTTP2_CANCEL);
    }
    await expect.poll(() => isClosed, { timeout: 3000 }).toBe(true);
    expect(server.stats.requests).toBeLessThan(1000);
    await expect.poll(() => server.stats.connections).toBe(0);
  });

  test('drain lets what runs end', async () => {
    const pending: (() => void)[] = [];
    const { session, server } = await setup((_, reply) => void pending.push(() => reply.send(200, {}, 'late')));
    const answer = ask(session, {});
    await expect.poll(() => pending.length).toBe(1);
    const drained = server.drain(5000);
    pending[0]?.();
    expect(await answer).toMatchObject({ status: 200, body: 'late' });
    await drained;
  });

  test('a client that takes nothing is cut', async () => {
    const ends: boolean[] = [];
    const { session, server } = await setup(
      (_, reply) => {
        reply.onClosed(({ aborted }) => ends.push(aborted));
        reply.start(200, {});
        while (reply.write(Buffer.alloc(65_536)));
      },
      { limits: { writeIdleMs: 150 } },
    );
    const stream = session.request({ ':path': '/' });
    const reset = new Promise((resolve) => stream.on('close', resolve));
    stream.on('error', () => undefined);
    stream.pause();
    await expect.poll(() => server.stats.requests).toBe(1);
    await expect.poll(() => ends, { timeout: 3000 }).toEqual([true]);
    stream.resume();
    await reset;
  });

  test('a body that stops coming is 408', async () => {
    const { session } = await setup(
      (request, reply) =>
        request.body.buffer(100).then(
          () => reply.send(200),
          (error: { status: number }) => reply.send(error.status),
        ),
      { limits: { bodyIdleMs: 120 } },
    );
    const stream = session.request({ ':path': '/', ':method': 'POST' });
    stream.write('half');
    expect(await answerOf(stream)).toMatchObject({ status: 408 });
    stream.destroy();
  });

  test('what is sent on after the reply is not taken', async () => {
    const { session, server } = await setup(async (request, reply) => {
      await request.body.buffer(10).catch(() => undefined);
      reply.send(413);
    });
    const stream = session.request({ ':path': '/', ':method': 'POST' });
    stream.on('error', () => undefined);
    stream.resume();
    const closed = new Promise((resolve) => stream.on('close', resolve));
    stream.write('x'.repeat(100));
    await closed;
    expect(stream.writableEnded && stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR);
    await expect.poll(() => server.stats.active).toBe(0);
  });

  test.each([
    ['0', 'more than nothing'],
    ['4', 'more than four'],
    ['400', 'less'],
  ])('content that does not have its length of %s ends its stream and nothing else', async (length, data) => {
    const { port, got, session } = await forwarding('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
    // From now on there is a connection to the service, and content is passed on as it comes.
    await ask(session, {});
    const socket = connectTls({ port, host: 'localhost', ca: authority.bundle, ALPNProtocols: ['h2'] });
    peers.defer(() => socket.destroy());
    const chunks: Buffer[] = [];
    socket.on('error', () => undefined).on('data', (chunk: Buffer) => chunks.push(chunk));
    const fields = { ':method': 'POST', ':scheme': 'https', ':authority': 'a', ':path': '/', 'content-length': length };
    socket.write(formatHttp2({ fields: Object.entries(fields), data }));
    const answer = () => parseHttp2(Buffer.concat(chunks));
    await expect.poll(() => answer().reset).toBe(constants.NGHTTP2_PROTOCOL_ERROR);
    expect(answer().status).toBe(0);
    expect(got.join()).not.toContain('more than');
    expect((await ask(session, {})).status).toBe(200);
  });

  test('an idle connection is closed', async () => {
    const { session } = await setup((_, reply) => reply.send(200), { limits: { idleTimeMs: 150 } });
    await ask(session, {});
    await new Promise((resolve) => session.once('close', resolve));
  });

  test('is not spoken where it is not offered', async () => {
    const { port } = await peers.server({ tls: credentials, onRequest: () => undefined });
    const session = connect(`https://localhost:${port}`, { ca: authority.bundle });
    await expect(new Promise((_, reject) => session.once('error', reject))).rejects.toThrow();
  });
});
