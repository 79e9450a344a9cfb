// Servers that read HTTP the way that makes request smuggling possible, in front of a platform. The gateway has no
// switch that would make it one of them.
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { request as requestHttps } from 'node:https';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import type { EdgeTarget } from '../../src/prove/index.ts';

export interface Front {
  readonly edge: EdgeTarget;
  stop(): Promise<void>;
}

interface Parsed {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** Sends what was understood on to the gateway, well formed. */
function passOn(edge: EdgeTarget, { method, path, headers, body }: Parsed): Promise<{ status: number; body: Buffer }> {
  return new Promise((resolve) => {
    const fields = Object.fromEntries(
      Object.entries(headers).filter(([name]) => /^(?:authorization|content-type)$/.test(name)),
    );
    const call = requestHttps(
      {
        host: edge.host,
        port: edge.port,
        ca: edge.tls?.ca,
        cert: edge.tls?.client?.certificate,
        key: edge.tls?.client?.key,
        servername: 'localhost',
        agent: false,
        method: method === 'CONNECT' ? 'GET' : method,
        path: path.startsWith('/') ? path : '/',
        headers: { ...fields, host: edge.authority, ...(body.length > 0 ? { 'content-length': body.length } : {}) },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
      },
    );
    call.on('error', () => resolve({ status: 502, body: Buffer.alloc(0) }));
    call.end(body);
  });
}

async function listen(server: Server, behind: EdgeTarget, sockets: Set<Socket>): Promise<Front> {
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    edge: { host: '127.0.0.1', port, tls: undefined, authority: behind.authority },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Node's own server with its lenient parser. */
export function startNodeFront(behind: EdgeTarget): Promise<Front> {
  const answer = async (message: IncomingMessage, response: ServerResponse): Promise<void> => {
    const chunks: Buffer[] = [];
    for await (const chunk of message as AsyncIterable<Buffer>) chunks.push(chunk);
    const headers = Object.fromEntries(Object.entries(message.headers).map(([name, value]) => [name, String(value)]));
    const { method = 'GET', url = '/' } = message;
    const result = await passOn(behind, { method, path: url, headers, body: Buffer.concat(chunks) });
    response.writeHead(result.status);
    response.end(result.body);
  };
  const server = createHttpServer({ insecureHTTPParser: true, requireHostHeader: false }, (message, response) => {
    answer(message, response).catch(() => response.destroy());
  });
  return listen(server, behind, new Set());
}

/** A server that takes whatever comes: any line end, the first length that it finds, and what is left as the next request. */
export function startSloppyFront(behind: EdgeTarget): Promise<Front> {
  const server = createTcpServer((socket) => {
    let rest = Buffer.alloc(0);
    let turn = Promise.resolve();
    socket.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk]);
      for (let found = takeRequest(rest); found !== undefined; found = takeRequest(rest)) {
        rest = Buffer.from(found.rest);
        const { request } = found;
        turn = turn.then(async () => {
          const { status, body } = await passOn(behind, request);
          socket.write(`HTTP/1.1 ${status} Answer\r\ncontent-length: ${body.length}\r\n\r\n`);
          socket.write(body);
        });
      }
    });
  });
  return listen(server, behind, new Set());
}

function takeRequest(bytes: Buffer): { request: Parsed; rest: Buffer } | undefined {
  const text = bytes.toString('latin1');
  const head = /^([\s\S]*?)\r?\n\r?\n/.exec(text);
  if (head === null) return undefined;
  const [first = '', ...lines] = (head[1] as string).split(/\r?\n/);
  const [method = '', path = ''] = first.trim().split(/\s+/);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^:]*):?(.*)$/s.exec(line) ?? [];
    headers[name.trim().toLowerCase()] ??= value.trim();
  }
  const from = head[0].length;
  const length = Math.abs(Number.parseInt(headers['content-length'] ?? '', 10)) || 0;
  const chunked = headers['content-length'] === undefined && (headers['transfer-encoding'] ?? '').includes('chunked');
  const end = chunked ? endOfChunks(text, from) : from + length;
  const body = chunked ? Buffer.alloc(0) : bytes.subarray(from, end);
  return { request: { method, path, headers, body }, rest: bytes.subarray(Math.min(end, bytes.length)) };
}

/** Up to the first line that says 0, whatever came before. */
function endOfChunks(text: string, from: number): number {
  const last = /(?:^|\n)0\r?\n\r?\n/.exec(text.slice(from));
  return last === null ? text.length : from + last.index + last[0].length;
}
