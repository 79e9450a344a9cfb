import { NetError } from './errors.ts';
import { GrpcMessages } from './grpc-messages.ts';
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
  /** The content, where all of it came with the head; then nothing of it is handed on any more. */
  takeWhole?(): Buffer | undefined;
}

/** The body of a request that has none. */
export const noBody: RequestBody = {
  present: false,
  length: 0,
  received: 0,
  complete: true,
  limit: () => true,
  limitMessages: () => undefined,
  buffer: () => Promise.resolve(empty),
  whole: () => empty,
  gather: (_, done) => done(undefined),
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
  #messages: GrpcMessages | undefined;
  #failure: NetError | undefined;
  #trailers: Headers | undefined;
  /** What `buffer` gathered; a later `pipe` replays it. */
  #buffered: Buffer | undefined;
  /** What `gather` has; a later `pipe` begins with it. */
  #gathered: Buffer[] | undefined;
  /** Whether the sink that took over what was gathered asked to hold on. */
  #isHeld = false;
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

  limitMessages(maxBytes: number): void {
    this.#messages = new GrpcMessages(maxBytes);
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

  whole(maxBytes: number): Buffer | undefined {
    if (this.#buffered !== undefined) return this.#buffered;
    const { length = Number.POSITIVE_INFINITY } = this;
    if (length > Math.min(maxBytes, this.#maxBytes) || this.isWanted || this.#messages !== undefined) return undefined;
    const content = this.#source.takeWhole?.();
    if (content === undefined) return undefined;
    this.#sink = dropped;
    this.received = content.length;
    this.complete = true;
    this.#buffered = content;
    return content;
  }

  gather(bytes: number, done: (error: NetError | undefined) => void): void {
    if (this.#buffered !== undefined) {
      done(undefined);
      return;
    }
    const pieces: Buffer[] = [];
    let count = 0;
    let isEnough = false;
    const enough = (): void => {
      isEnough = true;
      this.#gathered = pieces;
      done(undefined);
    };
    const gathering: BodySink = {
      data: (chunk) => {
        pieces.push(chunk);
        count += chunk.length;
        // What comes although it was told to hold on.
        if (isEnough) return false;
        if (count < bytes) return true;
        enough();
        return this.#sink !== gathering && !this.#isHeld;
      },
      end: (trailers) => {
        this.#trailers = trailers;
        if (!isEnough) enough();
      },
      error: (error) => {
        if (!isEnough) done(error);
      },
    };
    this.#read(gathering);
  }

  pipe(sink: BodySink): void {
    if (this.#isPiped) throw new NetError('net.body-used', 500, 'the body was piped before');
    this.#isPiped = true;
    if (this.#gathered !== undefined) {
      this.#pipeGathered(sink, this.#gathered);
      return;
    }
    if (this.#buffered === undefined) {
      this.#read(sink);
      return;
    }
    if (this.#buffered.length > 0) sink.data(this.#buffered);
    sink.end(this.#trailers);
  }

  #pipeGathered(sink: BodySink, pieces: readonly Buffer[]): void {
    this.#gathered = undefined;
    if (this.#failure !== undefined) {
      sink.error(this.#failure);
      return;
    }
    this.#sink = sink;
    this.#isHeld = false;
    for (const piece of pieces) if (!sink.data(piece)) this.#isHeld = true;
    if (this.complete) sink.end(this.#trailers);
    else if (!this.#isHeld) this.#source.resume();
  }

  resume(): void {
    this.#isHeld = false;
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
    const fault = this.#messages?.take(chunk);
    if (fault !== undefined) {
      this.fail(fault === 'too-large' ? tooLarge() : notGrpc());
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

function notGrpc(): NetError {
  return new NetError('net.bad-framing', 400, 'the body is not a stream of gRPC messages');
}

function tooLarge(): NetError {
  return new NetError('net.body-too-large', 413, 'the body is larger than is allowed here');
}
