import { NetError } from './errors.ts';
import type { Headers } from './headers.ts';
import type { BodySink, RequestBody } from './message.ts';

/** What a body needs of the connection that it comes by. */
export interface BodySource {
  /** Whether the bytes it brings are nobody else's; else they are lent. */
  readonly givesAway?: boolean;
  /** Somebody wants the body now: send `100 Continue` where it was asked for, and hand on what is held. */
  start(): void;
  /** Go on after `data` answered false. */
  resume(): void;
}

/** The body of a request that has none. */
export const noBody: RequestBody = {
  present: false,
  length: 0,
  received: 0,
  complete: true,
  limit: () => true,
  buffer: () => Promise.resolve(empty),
  pipe: (sink) => sink.end(undefined),
  resume: () => undefined,
  mayPause: () => undefined,
};

const empty = Buffer.alloc(0);

/** A body that is on its way. The connection feeds it; nothing is taken from the socket before somebody asks. */
export class IncomingBody implements RequestBody {
  readonly present = true;
  readonly length: number | undefined;
  received = 0;
  complete = false;
  /** Whether its sender must keep up a pace. */
  isPaced = true;
  readonly #source: BodySource;
  #sink: BodySink | undefined;
  #maxBytes = Number.POSITIVE_INFINITY;
  #failure: NetError | undefined;
  #trailers: Headers | undefined;
  /** What `buffer` gathered; a later `pipe` replays it. */
  #buffered: Buffer | undefined;
  #isPiped = false;

  constructor(source: BodySource, length: number | undefined) {
    this.#source = source;
    this.length = length;
  }

  /** Whether somebody reads it. */
  get isWanted(): boolean {
    return this.#sink !== undefined;
  }

  limit(maxBytes: number): boolean {
    this.#maxBytes = maxBytes;
    return this.length === undefined || this.length <= maxBytes;
  }

  buffer(maxBytes: number): Promise<Buffer> {
    if (this.#buffered !== undefined) return Promise.resolve(this.#buffered);
    if (!this.limit(Math.min(maxBytes, this.#maxBytes))) return Promise.reject(tooLarge());
    return new Promise((resolve, reject) => {
      const pieces: Buffer[] = [];
      this.#read({
        data: (chunk) => {
          pieces.push(chunk);
          return true;
        },
        end: (trailers) => {
          this.#trailers = trailers;
          this.#buffered = pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces);
          resolve(this.#buffered);
        },
        error: reject,
      });
    });
  }

  pipe(sink: BodySink): void {
    if (this.#isPiped) throw new NetError('net.body-used', 500, 'the body was piped before');
    this.#isPiped = true;
    if (this.#buffered === undefined) {
      this.#read(sink);
      return;
    }
    if (this.#buffered.length > 0) sink.data(this.#buffered);
    sink.end(this.#trailers);
  }

  resume(): void {
    this.#source.resume();
  }

  mayPause(): void {
    this.isPaced = false;
  }

  /** From the connection: a piece of content, lent where the source does not give it away. False: hold on. */
  receive(chunk: Buffer): boolean {
    this.received += chunk.length;
    if (this.received > this.#maxBytes) {
      this.fail(tooLarge());
      return true;
    }
    const sink = this.#sink;
    if (sink === undefined) return true;
    return sink.data(sink.keepsNothing === true || this.#source.givesAway === true ? chunk : Buffer.from(chunk));
  }

  /** From the connection: the content is complete. */
  finish(trailers: Headers | undefined): void {
    if (this.#failure !== undefined) return;
    this.complete = true;
    this.#sink?.end(trailers);
  }

  /** From the connection: it will not be. */
  fail(error: NetError): void {
    if (this.#failure !== undefined || this.complete) return;
    this.#failure = error;
    const sink = this.#sink;
    this.#sink = dropped;
    sink?.error(error);
  }

  /** Nobody will read it: what still comes is dropped. */
  discard(): void {
    this.#sink = dropped;
    this.#maxBytes = Number.POSITIVE_INFINITY;
    this.#source.resume();
  }

  #read(sink: BodySink): void {
    if (this.#failure !== undefined) {
      sink.error(this.#failure);
      return;
    }
    if (this.#sink !== undefined) throw new NetError('net.body-used', 500, 'the body was read before');
    this.#sink = sink;
    this.#source.start();
  }
}

const dropped: BodySink = { keepsNothing: true, data: () => true, end: () => undefined, error: () => undefined };

function tooLarge(): NetError {
  return new NetError('net.body-too-large', 413, 'the body is larger than is allowed here');
}
