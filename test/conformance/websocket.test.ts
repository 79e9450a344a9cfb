// A WebSocket by HTTP/2 (RFC 8441) the whole way: Node's client or Chromium, the gateway by TLS, the agent by mutual TLS,
// and a service that knows HTTP/1.1 alone.
import { createHash } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { chromiumCommand, startBrowser } from '../e2e/chromium.ts';
import { type MeshParts, type MeshPlatform, startMeshPlatform } from '../fakes/mesh-platform.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** A page at `/`; at any other path a WebSocket that greets and then says back whatever bytes it gets. */
async function startService(heard: string[]): Promise<number> {
  const server: Server = createServer((_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' });
    response.end('<title>page</title>');
  });
  server.on('upgrade', (request, socket) => {
    heard.push(`${request.method} ${request.url} ${request.headers['merlon-subject'] ?? 'nobody'}`);
    const key = `${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`;
    const accept = createHash('sha1').update(key).digest('base64');
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
    );
    // One text frame (RFC 6455, section 5.2).
    socket.write(Buffer.from('\x81\x05hello', 'latin1'));
    socket.on('data', (chunk) => socket.write(chunk)).on('end', () => socket.end());
    socket.on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

async function start(parts: Partial<MeshParts> = {}): Promise<{ platform: MeshPlatform; heard: string[] }> {
  const heard: string[] = [];
  const platform = await startMeshPlatform(await startService(heard), { protocol: 'http1', ...parts });
  closers.push(() => platform.stop());
  return { platform, heard };
}

async function session({ edge, ca }: MeshPlatform): Promise<ClientHttp2Session> {
  const opened = connect(`https://localhost:${edge}`, { ca });
  opened.on('error', () => undefined);
  closers.push(() => opened.destroy());
  await new Promise((resolve) => opened.once('remoteSettings', resolve));
  return opened;
}

interface Opened {
  readonly stream: ClientHttp2Stream;
  readonly head: Readonly<Record<string, unknown>>;
  received(): string;
}

function open(by: ClientHttp2Session): Promise<Opened> {
  const stream = by.request(
    { ':method': 'CONNECT', ':protocol': 'websocket', ':path': '/chat', 'sec-websocket-version': '13' },
    { endStream: false },
  );
  let received = '';
  stream.setEncoding('latin1').on('data', (text: string) => {
    received += text;
  });
  return new Promise((resolve, reject) => {
    stream.once('response', (head) => resolve({ stream, head, received: () => received }));
    stream.once('error', reject);
  });
}

test('a client of HTTP/2 opens one, beside other requests on its connection', async () => {
  const { platform, heard } = await start();
  const { stream, head, received } = await open(await session(platform));
  expect(head[':status']).toBe(200);
  stream.write('\x82\x04ping', 'latin1');
  await expect.poll(received).toBe('\x81\x05hello\x82\x04ping');
  expect(heard).toEqual(['GET /chat nobody']);
  expect(platform.decisions).toEqual([]);
  stream.end();
  await expect
    .poll(() => platform.decisions)
    .toMatchObject([{ verdict: 'allow', status: 101, method: 'GET', path: '/chat', id: head['merlon-decision'] }]);
  await expect.poll(() => platform.meshDecisions).toMatchObject([{ verdict: 'allow', status: 101 }]);
});

test('who may not call may not open one: it is refused before there is a tunnel', async () => {
  const { platform, heard } = await start({ route: { auth: 'required' } });
  const { head, received, stream } = await open(await session(platform));
  await new Promise((resolve) => stream.once('close', resolve));
  expect([head[':status'], JSON.parse(received()).code]).toEqual([401, 'authn.token-missing']);
  expect(platform.decisions).toMatchObject([{ verdict: 'deny', status: 401, method: 'GET', path: '/chat' }]);
  expect(heard).toEqual([]);
});

test('it would be open to anybody, were the protection off', async () => {
  const { platform, heard } = await start({
    route: { auth: 'required' },
    weaknesses: new Set(['authn', 'authz.policy'] as const),
  });
  expect((await open(await session(platform))).head[':status']).toBe(200);
  expect(heard.length).toBe(1);
});

test('rules that read responses do not stand in its way', async () => {
  const waf = {
    ruleSets: [{ name: 't', files: [{ name: 't.conf', text: 'SecResponseBodyAccess On' }], data: {} }],
    digest: 't',
    sampling: 100,
    routes: {
      '/': {
        ...{ mode: 'block' as const, exclusions: [], patches: [], responseBody: true, bodyBytes: 1000 },
        streamsBodies: false,
      },
    },
  };
  const { platform } = await start({ snapshot: { waf } });
  const { head, received, stream } = await open(await session(platform));
  expect(head[':status']).toBe(200);
  await expect.poll(received).toBe('\x81\x05hello');
  stream.end();
  await expect.poll(() => platform.decisions).toMatchObject([{ verdict: 'allow', status: 101 }]);
});

test('a route takes the methods that it names: a WebSocket is a GET', async () => {
  const { platform } = await start({ route: { methods: ['POST'] } });
  expect((await open(await session(platform))).head[':status']).toBe(405);
});

test.skipIf(chromiumCommand === undefined)(
  'Chromium opens one on the connection that it has',
  async () => {
    const { platform } = await start();
    let connections = 0;
    // What it connects to counts.
    const door = createTcpServer((near) => {
      connections++;
      const far = connectTcp(platform.edge, '127.0.0.1');
      for (const socket of [near, far]) socket.on('error', () => undefined);
      near.pipe(far).pipe(near);
    });
    await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
    const { port } = door.address() as AddressInfo;
    const browser = await startBrowser();
    closers.push(() => door.close());
    closers.push(() => browser.close());
    await browser.open(`https://localhost:${port}/`);
    const before = connections;
    const text = await browser.evaluate<string>(
      `new Promise((resolve, reject) => {
       const socket = new WebSocket('wss://localhost:${port}/chat');
       socket.onmessage = ({ data }) => resolve(data);
       socket.onerror = () => reject(new Error('refused'));
     })`,
    );
    expect([text, connections]).toEqual(['hello', before]);
  },
  60_000,
);
