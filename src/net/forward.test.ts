import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, test } from 'vitest';
import { Peers, statusesOf } from '../../test/fakes/http-peers.ts';
import type { ForwardEnd, Forwarding, HttpLimits, UpstreamLimits } from './index.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const peers = new Peers();
afterEach(() => peers.close());

/** A real service of Node behind. */
async function service(handle: (request: IncomingMessage, response: ServerResponse) => void): Promise<number> {
  const server: Server = createServer(handle);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  peers.defer(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

interface GatewayOptions extends Forwarding {
  readonly upstreamLimits?: Partial<UpstreamLimits>;
  readonly serverLimits?: Partial<HttpLimits>;
}

/** Our gateway in front of `backPorts`; `ends` gathers how each exchange ended. */
async function gateway(backPorts: number | number[], options: GatewayOptions = {}) {
  const { upstreamLimits = {}, serverLimits = {}, ...forwarding } = options;
  const upstream = peers.upstream(backPorts, { limits: upstreamLimits });
  const ends: ForwardEnd[] = [];
  const { port, server } = await peers.server({
    limits: serverLimits,
    onRequest: (request, reply) =>
      upstream.forward(request, reply, { ...forwarding, onEnd: (end) => void ends.push(end) }),
  });
  return { port, server, upstream, ends };
}

const get = (path: string, fields = ''): string => `GET ${path} HTTP/1.1\r\nHost: a.example\r\n${fields}\r\n`;

describe('a forwarded request', () => {
  test('is written anew from what was parsed', async () => {
    const back = await peers.rawServer((socket) => {
      socket.once('data', (chunk) => {
        const text = chunk.toString('latin1').replaceAll('\r\n', '|');
        socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`);
      });
    });
    const { port } = await gateway(back);
    const received = await peers.exchange(
      port,
      'GET //x/./%7Ey/../z?q=1 HTTP/1.1\r\nHOST: A.example\r\nX-One:  1 \r\nKeep-Alive: timeout=5\r\nTE: trailers\r\n' +
        'Proxy-Authorization: x\r\nConnection: keep-alive, X-Two\r\nX-Two: 2\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n\r\n',
    );
    expect(received).toContain('\r\n\r\nGET /x/z?q=1 HTTP/1.1|host: A.example|x-one: 1||');
  });

  test('loses the fields of one hop on the way back', async () => {
    const back = await peers.rawServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n');
        socket.write('Proxy-Authenticate: x\r\nServer: b\r\nContent-Length: 2\r\n\r\nok');
      });
    });
    const { port } = await gateway(back, {
      onResponseHead: (status, headers) => headers.set('x-status', String(status)),
    });
    const received = await peers.exchange(port, get('/'));
    expect(received.replace(/date: .*\r\n/, '')).toBe(
      'HTTP/1.1 200 OK\r\nserver: b\r\nx-status: 200\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok',
    );
  });

  test('carries bodies of both framings, and the reply of each', async () => {
    const back = await service((request, response) => {
      response.writeHead(200, {
        'x-framing': request.headers['content-length'] ?? request.headers['transfer-encoding'],
      });
      request.pipe(response);
    });
    const { port, ends } = await gateway(back);
    const client = await peers.client(port);
    client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello');
    await client.until('0\r\n\r\n');
    expect(client.received).toContain('x-framing: 5');
    expect(client.received).toContain('5\r\nhello\r\n');
    client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n');
    await client.until('x-framing: chunked');
    await client.until((text) => text.endsWith('0\r\n\r\n'));
    expect(ends.map(({ requestBytes, responseBytes }) => [requestBytes, responseBytes])).toEqual([
      [5, 5],
      [5, 5],
    ]);
  });

  test('answers HEAD, 204 and 304 without content, and the connection stays in step', async () => {
    const back = await service((request, response) => {
      if (request.url === '/head') response.setHeader('content-length', 5);
      response.statusCode = Number(request.url?.slice(1)) || 200;
      response.end(request.url === '/head' ? 'hello' : undefined);
    });
    const { port } = await gateway(back);
    const client = await peers.client(port);
    client.send(get('/head').replace('GET', 'HEAD') + get('/204') + get('/304') + get('/200', 'Connection: close\r\n'));
    const received = await client.untilClosed();
    expect(statusesOf(received)).toEqual([200, 204, 304, 200]);
    expect(received).toContain('content-length: 5');
    expect(received).not.toContain('hello');
    expect(received.split('204 No Content')[1]?.split('HTTP/1.1')[0]).not.toContain('content-length');
  });

  test('passes interim responses on, but none to HTTP/1.0', async () => {
    const back = await service((_, response) => {
      response.writeEarlyHints({ link: '</a.css>; rel=preload' });
      response.end('ok');
    });
    const { port } = await gateway(back);
    expect(statusesOf(await peers.exchange(port, get('/')))).toEqual([103, 200]);
    expect(statusesOf(await peers.exchange(port, 'GET / HTTP/1.0\r\n\r\n'))).toEqual([200]);
  });

  test('sends 100 Continue when the body is first wanted, and not before', async () => {
    const back = await service((request, response) => void request.pipe(response));
    const { port } = await gateway(back);
    const client = await peers.client(port);
    client.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
    await client.until('HTTP/1.1 100 Continue\r\n\r\n');
    client.send('hello');
    await client.until('hello');
    const refusing = await peers.server({ onRequest: (_, reply) => reply.send(403) });
    const other = await peers.client(refusing.port);
    other.send('POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n');
    const received = await other.untilClosed();
    expect(statusesOf(received)).toEqual([403]);
    expect(received).toContain('connection: close');
  });

  test('answers pipelined requests in order whatever the service takes for each', async () => {
    const back = await service((request, response) => {
      setTimeout(() => response.end(request.url), request.url === '/1' ? 60 : 1);
    });
    const { port } = await gateway(back);
    const received = await peers.exchange(port, get('/1') + get('/2') + get('/3'));
    expect([...received.matchAll(/\r\n\r\n(\/\d)/g)].map(([, path]) => path)).toEqual(['/1', '/2', '/3']);
  });

  test('an event stream is not held back', async () => {
    const back = await service((_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write('data: 1\n\n');
      setTimeout(() => response.end('data: 2\n\n'), 200);
    });
    const { port } = await gateway(back);
    const client = await peers.client(port);
    client.send(get('/events'));
    await client.until('data: 1');
    expect(client.received).not.toContain('data: 2');
    await client.until('data: 2');
  });

  test('the head of a response is not held back for its content', async () => {
    const back = await service((_, response) => {
      response.writeHead(200, { 'x-early': '1' });
      response.flushHeaders();
    });
    const { port } = await gateway(back);
    const client = await peers.client(port);
    client.send(get('/'));
    await client.until('x-early: 1');
  });

  test('an early answer reaches the client though its body is not read to the end', async () => {
    const back = await peers.rawServer((socket) => {
      socket.once('data', () =>
        socket.end('HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno'),
      );
    });
    const { port } = await gateway(back);
    const client = await peers.client(port);
    client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10000000\r\n\r\n${'x'.repeat(100_000)}`);
    expect(statusesOf(await client.untilClosed())).toEqual([413]);
  });

  test('a WebSocket is tunnelled, both ways, with what came early', async () => {
    const { port, ends } = await gateway(await upgrading());
    const client = await peers.client(port);
    client.send(get('/chat', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n'));
    await client.until('early');
    expect(client.received).toMatch(/^HTTP\/1\.1 101 .*\r\n/);
    client.send('GET /not-a-request HTTP/1.1\r\n\r\n');
    await client.until('echo:GET /not-a-request');
    client.socket.end();
    await client.untilClosed();
    await expect.poll(() => ends).toHaveLength(1);
    expect(ends[0]).toMatchObject({ status: 101, upgraded: true, failure: undefined });
  });

  test('a WebSocket of a real client works', async () => {
    const back = await peers.rawServer((socket) => {
      socket.once('data', (chunk) => {
        const key = /sec-websocket-key: (.+)\r\n/.exec(chunk.toString('latin1'))?.[1] ?? '';
        const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
        );
        socket.write(Buffer.from('\x81\x05hello', 'latin1'));
      });
    });
    const { port } = await gateway(back);
    const client = new WebSocket(`ws://127.0.0.1:${port}/chat`);
    const message = await new Promise((resolve, reject) => {
      client.onmessage = ({ data }) => resolve(data);
      client.onerror = () => reject(new Error('refused'));
    });
    expect(message).toBe('hello');
    client.close();
  });

  test('hundreds at a time of a real client are all answered, each with its own', async () => {
    const back = await service((request, response) => {
      let content = '';
      request.on('data', (chunk: Buffer) => {
        content += chunk.toString();
      });
      request.on('end', () => response.end(`${request.url} ${content.length}`));
    });
    const { port, ends } = await gateway(back, { upstreamLimits: { connections: 20 } });
    const asked = Array.from({ length: 400 }, async (_, index) => {
      const method = index % 2 === 0 ? 'GET' : 'POST';
      const body = method === 'POST' ? { body: 'x'.repeat(index * 100) } : {};
      const response = await fetch(`http://127.0.0.1:${port}/${index}`, { method, ...body });
      expect(await response.text()).toBe(`/${index} ${method === 'POST' ? index * 100 : 0}`);
    });
    await Promise.all(asked);
    expect(ends).toHaveLength(400);
  });

  test('no other upgrade passes, and nothing after one is read as a request', async () => {
    const seen: string[] = [];
    const back = await service((request, response) => {
      seen.push(`${request.url} ${request.headers.upgrade} ${request.headers.connection}`);
      response.end();
    });
    const { port } = await gateway(back);
    const received = await peers.exchange(
      port,
      get('/a', 'Connection: Upgrade\r\nUpgrade: h2c\r\n') + get('/smuggled'),
    );
    expect(statusesOf(received)).toEqual([200]);
    expect(seen).toEqual(['/a undefined undefined']);
  });
});

/** A service that upgrades, says something at once, and echoes. */
function upgrading(): Promise<number> {
  return peers.rawServer((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nearly');
      socket.on('data', (chunk) => socket.write(`echo:${chunk.toString('latin1')}`));
      socket.on('end', () => socket.end());
    });
  });
}

describe('large bodies', () => {
  const total = 200 * 1024 * 1024;
  const piece = Buffer.alloc(64 * 1024, 'merlon ');

  test('200 MB up and down arrive whole and leave the memory flat', async () => {
    const back = await service((request, response) => {
      response.setHeader('content-length', request.headers['content-length'] as string);
      request.pipe(response);
    });
    const { port } = await gateway(back);
    const { socket } = await peers.client(port);
    const before = process.memoryUsage().arrayBuffers;
    const sent = createHash('sha256');
    const echoed = contentHash(socket, total);
    let peak = 0;
    socket.write(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${total}\r\n\r\n`);
    for (let at = 0; at < total; at += piece.length) {
      sent.update(piece);
      if (!socket.write(piece)) await new Promise((resolve) => socket.once('drain', resolve));
      if (at % (piece.length * 256) === 0) {
        collect();
        // What was collected is given back by another thread.
        await new Promise((resolve) => setTimeout(resolve, 20));
        peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
      }
    }
    expect(await echoed).toBe(sent.digest('hex'));
    // Client, gateway and service share this process; each may hold some pieces.
    expect(peak).toBeLessThan(total / 4);
  }, 60_000);

  test('a client that does not read holds the service back', async () => {
    let written = 0;
    const back = await peers.rawServer((socket) => {
      socket.once('data', () => {
        socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${total}\r\n\r\n`);
        const write = (): void => {
          while (written < total) {
            written += piece.length;
            if (!socket.write(piece)) return;
          }
        };
        socket.on('drain', write);
        write();
      });
    });
    const { port } = await gateway(back);
    const client = await peers.client(port);
    client.socket.pause();
    client.send(get('/'));
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(written).toBeLessThan(24 * 1024 * 1024);
  });
});

/** Hash of the first `bytes` bytes of content that come after a head. */
function contentHash(socket: Socket, bytes: number): Promise<string> {
  const hash = createHash('sha256');
  let head = '';
  let left = bytes;
  return new Promise((resolve) => {
    socket.on('data', (chunk) => {
      let content = chunk;
      if (!head.includes('\r\n\r\n')) {
        head += chunk.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        content = chunk.subarray(end < 0 ? chunk.length : chunk.length - (head.length - end - 4));
      }
      hash.update(content);
      left -= content.length;
      if (left === 0) resolve(hash.digest('hex'));
    });
  });
}
