// Our readers and Node's, without a network, a timer or a promise: thousands of messages a second.
import { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import { BodyDecoder } from '../../src/net/body-decoder.ts';
import { defaultUpstreamLimits } from '../../src/net/config.ts';
import { Framing } from '../../src/net/framing.ts';
import { more } from '../../src/net/head-parser.ts';
import { Headers, NetError } from '../../src/net/index.ts';
import { ResponseHeadParser } from '../../src/net/response-head.ts';
import { hasContent } from '../../src/net/serialise.ts';
import { ServerConnection } from '../../src/net/server-connection.ts';
import { hostOf, localPeer } from './connection-host.ts';

/** What a reader makes of bytes: the messages that came to their end, and what was wrong with the rest. */
export interface SyncReading {
  readonly messages: string[];
  /** A code of ours or of Node's; undefined where nothing is wrong, or not yet. */
  error: string | undefined;
}

/** A socket that takes everything and tells nothing. */
class MuteSocket extends EventEmitter {
  readonly writableLength = 0;
  readonly writableNeedDrain = false;
  isOver = false;
  write(): boolean {
    return true;
  }
  cork(): void {}
  uncork(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {
    this.isOver = true;
  }
  destroy(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.emit('close');
  }
}

/** One connection of our server. */
export class ServerReader {
  readonly reading: SyncReading = { messages: [], error: undefined };
  readonly #socket = new MuteSocket();

  constructor() {
    const { reading } = this;
    const host = hostOf({
      report: (error) => {
        throw error;
      },
      handle: (request, reply) => {
        let body = '';
        request.body.pipe({
          data: (chunk) => {
            body += chunk.toString('latin1');
            return true;
          },
          end: () => {
            reading.messages.push(`${request.method} ${request.rawTarget} ${body}`);
            reply.send(200);
          },
          error: (error) => {
            reading.error = error.code;
            reply.send(error.status);
          },
        });
      },
      refuse: (error) => {
        reading.error = error.code;
        // Any other error is a fault of ours, and is not to pass for a refusal.
        if (error.code === 'net.internal') throw new Error(error.detail);
        return { status: error.status, headers: new Headers(), content: Buffer.alloc(0) };
      },
    });
    new ServerConnection(host, this.#socket as unknown as Socket, localPeer);
  }

  /** False: it reads no more. */
  feed(bytes: Buffer): boolean {
    if (!this.#socket.isOver) this.#socket.emit('data', bytes);
    return !this.#socket.isOver && this.reading.error === undefined;
  }

  close(): void {
    this.#socket.isOver = false;
    this.#socket.destroy();
  }
}

/** Cuts `bytes` into pieces of their own memory, as a network brings them. */
export function piecesOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  let at = 0;
  return [...cuts.toSorted((a, b) => a - b), bytes.length].map((end) => {
    const piece = Buffer.from(bytes.subarray(at, end));
    at = end;
    return piece;
  });
}

export function readRequests(bytes: Buffer, cuts: readonly number[] = []): SyncReading {
  const reader = new ServerReader();
  for (const piece of piecesOf(bytes, cuts)) if (piece.length > 0 && !reader.feed(piece)) break;
  const { messages, error } = reader.reading;
  reader.close();
  return { messages, error: error === 'net.client-closed' ? undefined : error };
}

/** Reads the response to a GET as our upstream connections do. */
export function readResponse(bytes: Buffer, cuts: readonly number[] = []): SyncReading {
  const reading: SyncReading = { messages: [], error: undefined };
  const parser = new ResponseHeadParser({ ...defaultUpstreamLimits, targetBytes: 0 });
  const framing = new Framing();
  const decoder = new BodyDecoder(defaultUpstreamLimits.trailerBytes);
  let inBody = false;
  let body = '';
  const take = (chunk: Buffer): boolean => {
    body += chunk.toString('latin1');
    return true;
  };
  const begin = (): void => {
    framing.read(parser.headers, parser.version);
    // Nobody asked for another protocol.
    if (parser.status === 101) throw new NetError('net.upstream-malformed', 502, 'another protocol');
    if (parser.status < 200) return;
    inBody = true;
    if (!hasContent('GET', parser.status)) decoder.expectLength(0);
    else if (framing.chunked) decoder.expectChunks();
    else if (framing.contentLength >= 0) decoder.expectLength(framing.contentLength);
    else decoder.expectClose();
  };
  try {
    for (const piece of piecesOf(bytes, cuts)) {
      for (let at = 0; at < piece.length && !(inBody && decoder.done); ) {
        const next = inBody ? decoder.decode(piece, at, take) : parser.feed(piece, at);
        if (next === more) break;
        at = next;
        if (!inBody) begin();
      }
    }
    if (inBody && (decoder.done || decoder.endOfInput())) reading.messages.push(`${parser.status} ${body}`);
  } catch (error) {
    if (!(error instanceof NetError)) throw error;
    reading.error = error.code;
  }
  return reading;
}

/** What of Node's own parser is used here. It has no types. */
interface NodeParser {
  initialize(type: number, resource: object): void;
  execute(bytes: Buffer): number | Error;
  finish(): number | Error | undefined;
  /** Gives its memory back: nothing else does. */
  close(): void;
  [callback: number]: (...values: never[]) => number | undefined;
}
interface NodeParserModule {
  readonly HTTPParser: {
    new (): NodeParser;
    readonly REQUEST: number;
    readonly RESPONSE: number;
    readonly kOnHeadersComplete: number;
    readonly kOnBody: number;
    readonly kOnMessageComplete: number;
  };
  readonly methods: readonly string[];
}
const { HTTPParser, methods } = createRequire(import.meta.url)('node:_http_common') as NodeParserModule;

type OnHead = (
  major: number,
  minor: number,
  fields: string[],
  method: number | undefined,
  target: string | undefined,
  status: number | undefined,
) => undefined;

/** Reads as Node's own parser does at its strictest, to the first error. */
export function readAsNode(bytes: Buffer, kind: 'requests' | 'response'): SyncReading {
  const reading: SyncReading = { messages: [], error: undefined };
  const isResponse = kind === 'response';
  let start = '';
  let content = '';
  const parser = new HTTPParser();
  parser.initialize(isResponse ? HTTPParser.RESPONSE : HTTPParser.REQUEST, {});
  const onHead: OnHead = (_major, _minor, _fields, method, target, status) => {
    start = isResponse ? String(status) : `${methods[method ?? -1]} ${target}`;
    content = '';
  };
  parser[HTTPParser.kOnHeadersComplete] = onHead as never;
  parser[HTTPParser.kOnBody] = ((chunk: Buffer) => {
    content += chunk.toString('latin1');
  }) as never;
  parser[HTTPParser.kOnMessageComplete] = () => {
    if (!isResponse || !start.startsWith('1')) reading.messages.push(`${start} ${content}`);
    return undefined;
  };
  const result = parser.execute(bytes);
  const end = result instanceof Error ? result : isResponse ? parser.finish() : undefined;
  parser.close();
  if (end instanceof Error) reading.error = (end as NodeJS.ErrnoException).code ?? 'unknown';
  return reading;
}
