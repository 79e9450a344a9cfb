import {
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
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
});
