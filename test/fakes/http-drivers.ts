import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { Headers, type NetError } from '../../src/net/index.ts';
import { ServerConnection } from '../../src/net/server-connection.ts';
import { hostOf, localPeer } from './connection-host.ts';

/** What a server makes of bytes. */
export interface Reading {
  /** Requests that came to their end, with their content: `POST /a hello`. */
  readonly requests: string[];
  /** What was wrong with the rest, where something was. */
  error: string | undefined;
}

/** Gives `bytes` to a server without a network, cut at `cuts`; resolves when it has nothing more to say. */
async function play(serve: (socket: Duplex) => void, bytes: string, cuts: readonly number[]): Promise<void> {
  const [client, socket] = duplexPair({ allowHalfOpen: true });
  client.on('error', () => undefined);
  client.resume();
  serve(socket);
  const ends = [...cuts, bytes.length];
  let at = 0;
  for (const end of ends) {
    if (end > at) client.write(Buffer.from(bytes.slice(at, end), 'latin1'));
    at = end;
    if (ends.length > 1) await turn();
  }
  client.end();
  for (let left = 12; left > 0 && !client.destroyed && !client.readableEnded; left--) await turn();
  client.destroy();
  socket.destroy();
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Reads `bytes` as our server does. */
export async function readAsMerlon(bytes: string, cuts: readonly number[] = []): Promise<Reading> {
  const reading: Reading = { requests: [], error: undefined };
  const host = hostOf({
    report: () => undefined,
    handle: (request, reply) => {
      request.body.buffer(100_000).then(
        (body) => {
          reading.requests.push(`${request.method} ${request.rawTarget} ${body.toString('latin1')}`);
          reply.send(200);
        },
        (error: NetError) => {
          reading.error = error.code;
          reply.send(error.status);
        },
      );
    },
    refuse: (error) => {
      reading.error = error.code;
      return { status: error.status, headers: new Headers(), content: Buffer.alloc(0) };
    },
  });
  await play((socket) => void new ServerConnection(host, socket as Socket, localPeer), bytes, cuts);
  return reading;
}

/** What of Node's own parser is used here. It has no types. */
interface NodeParser {
  initialize(type: number, resource: object): void;
  execute(bytes: Buffer): number | Error;
  [callback: number]: (...values: never[]) => number | undefined;
}
interface NodeParserModule {
  readonly HTTPParser: {
    new (): NodeParser;
    readonly REQUEST: number;
    readonly kOnHeadersComplete: number;
    readonly kOnBody: number;
    readonly kOnMessageComplete: number;
  };
  readonly methods: readonly string[];
}
const { HTTPParser, methods } = createRequire(import.meta.url)('node:_http_common') as NodeParserModule;

/** Reads `bytes` as Node's own parser does at its strictest: the requests that come to their end before the first error. */
export function readAsNode(bytes: string): Reading {
  const reading: Reading = { requests: [], error: undefined };
  let start = '';
  let content = '';
  const parser = new HTTPParser();
  parser.initialize(HTTPParser.REQUEST, {});
  const onHead = (_major: number, _minor: number, _fields: string[], method: number, target: string): undefined => {
    start = `${methods[method]} ${target}`;
    content = '';
  };
  parser[HTTPParser.kOnHeadersComplete] = onHead as never;
  parser[HTTPParser.kOnBody] = ((chunk: Buffer) => {
    content += chunk.toString('latin1');
  }) as never;
  parser[HTTPParser.kOnMessageComplete] = () => {
    reading.requests.push(`${start} ${content}`);
    return undefined;
  };
  const result = parser.execute(Buffer.from(bytes, 'latin1'));
  if (result instanceof Error) reading.error = (result as NodeJS.ErrnoException).code ?? 'unknown';
  return reading;
}
