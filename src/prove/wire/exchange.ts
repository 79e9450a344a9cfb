import { connect as connectTcp, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import type { Clock } from '../../core/clock.ts';
import { messageOf, systemCode } from '../../core/errors.ts';
import { parseResponses, type RawResponse } from './response.ts';

/** Where to, and how the connection is made. */
export interface Route {
  readonly host: string;
  readonly port: number;
  /** Undefined: plain TCP. */
  readonly tls?: ConnectionOptions;
  /** Address to come from. */
  readonly from?: string;
}

export interface ExchangeOptions {
  /** Ends the exchange after so many responses; without it, at the end of the connection. */
  readonly responses?: number;
  /** Ends the exchange when so much has come; for what is not HTTP/1.1. */
  readonly until?: (received: Buffer) => boolean;
  readonly timeoutMs?: number;
  /** Sent one after the other, each so long after the former. */
  readonly pace?: { readonly pieces: readonly Buffer[]; readonly everyMs: number };
}

/** What happened on one connection. */
export interface Transcript {
  readonly responses: readonly RawResponse[];
  /** All bytes as they came. */
  readonly bytes: Buffer;
  /** The other side ended the connection. */
  readonly closed: boolean;
  /** A handshake or connection that failed: the code, or the sentence. */
  readonly error?: string;
  /** The connection (and TLS) was made. */
  readonly connected: boolean;
  readonly tookMs: number;
}

const defaultTimeoutMs = 8000;
const maxBytes = 4 * 1024 * 1024;

/** Sends bytes over a connection of its own and gives what came back. Never rejects: what fails is part of the answer. */
export function exchange(
  clock: Clock,
  route: Route,
  bytes: Buffer,
  options: ExchangeOptions = {},
): Promise<Transcript> {
  return new Promise((resolve) => {
    const startedMs = clock.monotonic();
    const received: Buffer[] = [];
    let size = 0;
    let connected = false;
    let done = false;
    const socket = open(route, () => {
      connected = true;
      if (bytes.length > 0) socket.write(bytes);
      if (options.pace !== undefined) drip(clock, socket, options.pace, () => done);
    });
    const finish = (closed: boolean, error?: string): void => {
      if (done) return;
      done = true;
      timer.cancel();
      socket.destroy();
      const tookMs = Math.round(clock.monotonic() - startedMs);
      const all = Buffer.concat(received);
      const responses = options.until === undefined ? parseResponses(all, closed) : [];
      resolve({ responses, bytes: all, closed, connected, tookMs, ...(error === undefined ? {} : { error }) });
    };
    const timer = clock.after(options.timeoutMs ?? defaultTimeoutMs, () => finish(false, 'no end in time'));
    socket.on('data', (chunk: Buffer) => {
      received.push(chunk);
      size += chunk.length;
      if (size > maxBytes) return finish(false, 'the answer is too large');
      if (isEnough(Buffer.concat(received), options)) finish(false);
    });
    socket.on('error', (error) => finish(true, systemCode(error) ?? messageOf(error)));
    socket.on('end', () => finish(true));
    socket.on('close', () => finish(true));
  });
}

function isEnough(bytes: Buffer, { responses, until }: ExchangeOptions): boolean {
  if (until !== undefined) return until(bytes);
  return responses !== undefined && parseResponses(bytes, false).length >= responses;
}

function open({ host, port, tls, from }: Route, onConnected: () => void): Socket {
  const local = from === undefined ? {} : { localAddress: from };
  if (tls === undefined) return connectTcp({ host, port, ...local }, onConnected);
  return connectTls({ host, port, ALPNProtocols: ['http/1.1'], ...local, ...tls }, onConnected);
}

function drip(
  clock: Clock,
  socket: Socket,
  { pieces, everyMs }: NonNullable<ExchangeOptions['pace']>,
  isOver: () => boolean,
): void {
  let next = 0;
  const timer = clock.every(everyMs, () => {
    const piece = pieces[next++];
    if (isOver() || piece === undefined) return timer.cancel();
    socket.write(piece);
  });
}
