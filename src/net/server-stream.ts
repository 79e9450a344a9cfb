import { constants, type ServerHttp2Stream } from 'node:http2';
import type { HttpLimits } from './config.ts';
import { clientClosed, slowBody } from './connection-faults.ts';
import { ConnectionWatch } from './connection-watch.ts';
import type { Http2Reply } from './http2-reply.ts';
import type { IncomingBody } from './request-body.ts';

/** What a stream needs of its connection. */
interface StreamConnection {
  streamClosed(stream: ServerStream, isReset: boolean): void;
}

interface StreamParts {
  readonly reply: Http2Reply;
  readonly body: IncomingBody | undefined;
  readonly limits: HttpLimits;
}

/** Our own side of a stream, found without a closure for each of its events. */
const sideOf = Symbol('side');
type OwnedStream = ServerHttp2Stream & { [sideOf]: ServerStream };

/** One request of an HTTP/2 connection and its reply, held to their time bounds. */
export class ServerStream {
  readonly body: IncomingBody | undefined;
  readonly reply: Http2Reply;
  readonly #connection: StreamConnection;
  readonly #stream: ServerHttp2Stream;
  readonly #limits: HttpLimits;
  /** Made by the first sweep that finds the stream: most are gone before. */
  #watch: ConnectionWatch | undefined;

  constructor(connection: StreamConnection, stream: ServerHttp2Stream, { reply, body, limits }: StreamParts) {
    this.#connection = connection;
    this.#stream = stream;
    this.#limits = limits;
    this.body = body;
    this.reply = reply;
    (stream as OwnedStream)[sideOf] = this;
    stream.on('error', ignore).on('close', onClose).on('drain', onDrain).on('wantTrailers', onWantTrailers);
    if (body === undefined) return;
    stream.on('aborted', onAborted);
    // What is left of a body when the reply is over is not wanted any more (RFC 9113, section 8.1).
    reply.onClosed(() => {
      if (!body.complete) stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  sweep(nowMs: number, passedMs: number): void {
    this.#watch ??= new ConnectionWatch(this.#limits);
    const stream = this.#stream;
    const { body } = this;
    const isAwaited = body?.isWanted && body.isPaced && !body.complete && !stream.isPaused();
    if (isAwaited && this.#watch.isBodyTooSlow(passedMs, body.received)) body.fail(slowBody());
    if (this.#watch.isStalledTooLong(nowMs, stream.writableLength)) stream.close(constants.NGHTTP2_CANCEL);
  }

  /** The client has taken all that was written. */
  drained(): void {
    this.#watch?.drained();
    this.reply.drained();
  }

  aborted(): void {
    this.body?.fail(clientClosed());
  }

  closed(): void {
    const { rstCode } = this.#stream;
    this.aborted();
    this.reply.streamClosed();
    this.#connection.streamClosed(this, rstCode !== constants.NGHTTP2_NO_ERROR);
  }
}

function onClose(this: ServerHttp2Stream): void {
  (this as OwnedStream)[sideOf].closed();
}

function onAborted(this: ServerHttp2Stream): void {
  (this as OwnedStream)[sideOf].aborted();
}

function onDrain(this: ServerHttp2Stream): void {
  (this as OwnedStream)[sideOf].drained();
}

function onWantTrailers(this: ServerHttp2Stream): void {
  (this as OwnedStream)[sideOf].reply.sendTrailers();
}

const ignore = (): void => undefined;
