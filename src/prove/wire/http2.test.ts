import { createServer, type Http2Server } from 'node:http2';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nameOfHttp2Error } from '../../core/http2-errors.ts';
import { encodeFields, formatHttp2, frame, parseHttp2 } from './http2.ts';

/** Node's own server is the judge of what is written here, and writes what is read. */
let server: Http2Server;
let port: number;

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk));
    request.on('end', () => {
      response.writeHead(Number(request.headers['x-status'] ?? 200), { 'x-long': 'y'.repeat(300) });
      response.end(`${request.method} ${request.url} ${request.headers['x-long']?.length ?? 0} ${body}`);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as { port: number }).port;
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

function send(bytes: Buffer): Promise<ReturnType<typeof parseHttp2>> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const look = (): void => {
      const answer = parseHttp2(Buffer.concat(chunks));
      if (!answer.ended && !socket.destroyed) return;
      socket.destroy();
      resolve(answer);
    };
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      look();
    });
    socket.on('close', look);
  });
}

const get = [
  [':method', 'GET'],
  [':scheme', 'http'],
  [':path', '/a'],
  [':authority', 'localhost'],
] as const;

describe('requests by frames', () => {
  test('are understood', async () => {
    const answer = await send(formatHttp2({ fields: [...get, ['x-long', 'v'.repeat(5000)]] }));
    expect(answer).toMatchObject({ status: 200, body: 'GET /a 5000 ', ended: true });
  });

  test('carry data', async () => {
    const fields = [[':method', 'POST'], ...get.slice(1)] as const;
    expect((await send(formatHttp2({ fields, data: 'hello' }))).body).toBe('POST /a 0 hello');
  });

  test.each([204, 301, 304, 400, 401, 403, 404, 405, 413, 421, 429, 431, 500, 502, 503])(
    'tell the status %i',
    async (status) => {
      expect((await send(formatHttp2({ fields: [...get, ['x-status', String(status)]] }))).status).toBe(status);
    },
  );

  test('that are wrong are reset', async () => {
    const answer = await send(formatHttp2({ fields: [...get, ['X-Capital', 'a']] }));
    expect(nameOfHttp2Error(answer.reset ?? answer.goAway ?? -1)).toBe('PROTOCOL_ERROR');
  });

  test('that are no frames end the connection', async () => {
    const answer = await send(
      Buffer.concat([formatHttp2({ fields: get }).subarray(0, 33), frame('headers', 4, 0, encodeFields(get))]),
    );
    expect(answer.goAway).toBeDefined();
  });
});
