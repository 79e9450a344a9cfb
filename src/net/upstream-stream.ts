import { type ClientHttp2Session, type ClientHttp2Stream, constants } from 'node:http2';
import type { Socket } from 'node:net';
import { messageOf } from '../core/errors.ts';
import { nameOfHttp2Error } from '../core/http2-errors.ts';
import type { CallHead, Carrier, ResponseHandler } from './carrier.ts';
import type { UpstreamLimits } from './config.ts';
import { NetError } from './errors.ts';
import type { Headers } from './headers.ts';
import { malformed, readResponseFields, readTrailers } from './http2-fields.ts';
import { formatHttp2Call, formatHttp2Request, type SessionTarget } from './http2-head.ts';
import type { ServerRequest } from './message.ts';
import { hasContent } from './serialise.ts';
import type { Forwarding } from './upstream-options.ts';

/** What a stream needs of its session. */
export interface StreamOwner {
  readonly limits: UpstreamLimits;
  readonly target: SessionTarget;
  readonly session: ClientHttp2Session;
  /** Exchanges so far. */
  readonly uses: number;
  /** The last stream that the endpoint will have looked at, where it has said so (GOAWAY). */
  readonly lastStreamId: number;
  /** Something came. */
  heard(): void;
  /** The stream is over; `cancelled`: by us, before its time. */
  ended(stream: UpstreamStream, cancelled: boolean): void;
}

const awaitsHead = 0;
const inBody = 1;
const mostInterims = 16;
const endStreamFlag = constants.NGHTTP2_FLAG_END_STREAM;

/** Our own side of a stream, found without a closure for each of its events. */
const carrierOf = Symbol('carrier');
type OwnedStream = ClientHttp2Stream & { [carrierOf]: UpstreamStream };

/** One exchange on an HTTP/2 connection to an endpoint. */
export class UpstreamStream implements Carrier {
  readonly canRefuse = true;
  readonly lends = false;
  readonly uses: number;
  hasResponse = false;
  readonly #owner: StreamOwner;
  #stream: ClientHttp2Stream | undefined;
  #handler: ResponseHandler | undefined;
  #method = '';
  #phase = awaitsHead;
  #isRequestComplete = false;
  #isBlocked = false;
  #isCancelled = false;
  #interims = 0;
  #trailers: Headers | undefined;
  /** Since when the present phase lasts without progress, as the sweep sees it; 0: it has just begun. */
  #since = 0;

  constructor(owner: StreamOwner) {
    this.#owner = owner;
    this.uses = owner.uses;
  }

  send(handler: ResponseHandler, request: ServerRequest, forwarding: Forwarding): void {
    this.#method = forwarding.method ?? request.method;
    this.#open(handler, formatHttp2Request(request, forwarding, this.#owner.target), !request.body.present);
  }

  sendCall(handler: ResponseHandler, call: CallHead): void {
    this.#method = call.method;
    this.#open(handler, formatHttp2Call(call, this.#owner.target), call.body === undefined);
    if (call.body !== undefined) this.write(Buffer.from(call.body));
    this.end();
  }

  write(chunk: Buffer): boolean {
    const stream = this.#stream;
    this.#since = 0;
    return stream === undefined || stream.destroyed || stream.closed || stream.write(chunk);
  }

  end(): void {
    if (this.#isRequestComplete) return;
    this.#isRequestComplete = true;
    this.#since = 0;
    if (this.#stream?.destroyed === false) this.#stream.end();
  }

  resume(): void {
    this.#isBlocked = false;
    this.#since = 0;
    this.#stream?.resume();
  }

  destroy(): void {
    this.#handler = undefined;
    this.#cancel();
  }

  detach(): { readonly socket: Socket; readonly held: Buffer | undefined } {
    throw new NetError('net.internal', 500, 'a stream of HTTP/2 carries no other protocol');
  }

  /** Ends the exchange; its handler is told. */
  abort(error: NetError): void {
    this.#fail(error);
  }

  /** Holds the exchange to its time bounds. */
  sweep(nowMs: number): void {
    if (this.#since === 0 || this.#isBlocked) {
      this.#since = nowMs;
      return;
    }
    const passedMs = nowMs - this.#since;
    const { firstByteMs, bodyIdleMs } = this.#owner.limits;
    const awaitsAnswer = this.#phase === awaitsHead && this.#isRequestComplete;
    if (passedMs < (awaitsAnswer ? firstByteMs : bodyIdleMs)) return;
    const what = this.#phase === awaitsHead ? 'does not answer in time' : 'stopped in the middle of its answer';
    this.#fail(new NetError('net.upstream-timeout', 504, `the service ${what}`));
  }

  // Events of the stream.

  response(flags: number, raw: readonly string[]): void {
    const handler = this.#begins();
    if (handler === undefined) return;
    this.#guard(() => {
      const { status, headers, length } = readResponseFields(raw);
      if (status < 200) throw malformed('an interim response that ends the stream');
      const isWhole = (flags & endStreamFlag) !== 0;
      if (isWhole && length !== undefined && length > 0 && hasContent(this.#method, status))
        throw malformed('a Content-Length that its content does not have');
      this.#phase = inBody;
      handler.head(status, headers, isWhole ? (length ?? 0) : length);
      if (isWhole) this.#complete();
      else this.#handler?.turnEnded();
    });
  }

  interim(raw: readonly string[]): void {
    const handler = this.#begins();
    if (handler === undefined || this.#phase !== awaitsHead) return;
    this.#guard(() => {
      if (++this.#interims > mostInterims) throw malformed('interim responses without end');
      const { status, headers } = readResponseFields(raw);
      handler.interim(status, headers);
    });
  }

  content(chunk: Buffer): void {
    const handler = this.#begins();
    if (handler === undefined) return;
    if (!handler.content(chunk)) {
      this.#isBlocked = true;
      this.#stream?.pause();
    }
    this.#handler?.turnEnded();
  }

  trailers(raw: readonly string[]): void {
    this.#guard(() => {
      this.#trailers = readTrailers(raw);
    });
  }

  ended(): void {
    if (this.#phase === inBody) this.#complete();
  }

  drained(): void {
    this.#since = 0;
    this.#handler?.drain();
  }

  closed(): void {
    const handler = this.#handler;
    this.#handler = undefined;
    this.#owner.ended(this, this.#isCancelled);
    handler?.failed(this.#causeOfClose());
  }

  #open(handler: ResponseHandler, fields: string[], endStream: boolean): void {
    this.#handler = handler;
    this.#isRequestComplete = endStream;
    try {
      const stream = this.#owner.session.request(fields, { endStream }) as OwnedStream;
      stream[carrierOf] = this;
      this.#stream = stream;
      stream.on('response', onResponse).on('headers', onInterim).on('trailers', onTrailers);
      stream.on('data', onData).on('end', onEnd).on('drain', onDrain).on('error', ignore).on('close', onClose);
    } catch (error) {
      // The session ended in this very turn. Whoever sends is not yet ready to be told.
      const detail = messageOf(error);
      process.nextTick(() => {
        this.#owner.ended(this, false);
        this.#handler?.failed(refused(detail));
      });
    }
  }

  /** Something came; gives who takes it. */
  #begins(): ResponseHandler | undefined {
    this.hasResponse = true;
    this.#since = 0;
    this.#owner.heard();
    return this.#handler;
  }

  #guard(step: () => void): void {
    try {
      step();
    } catch (error) {
      const isOurs = error instanceof NetError && error.code.startsWith('net.upstream');
      this.#fail(isOurs ? error : malformed(messageOf(error)));
    }
  }

  #complete(): void {
    const handler = this.#handler;
    this.#handler = undefined;
    // An early answer: the rest of the request is not wanted any more (RFC 9113, section 8.1).
    if (!this.#isRequestComplete) this.#cancel();
    else this.#stream?.resume();
    handler?.complete(this.#trailers);
  }

  #fail(error: NetError): void {
    const handler = this.#handler;
    this.destroy();
    handler?.failed(error);
  }

  #cancel(): void {
    const stream = this.#stream;
    if (stream === undefined || stream.closed || stream.destroyed) return;
    this.#isCancelled = true;
    stream.close(constants.NGHTTP2_CANCEL);
  }

  #causeOfClose(): NetError {
    const { id, rstCode = 0 } = this.#stream ?? {};
    const isUnprocessed = rstCode === constants.NGHTTP2_REFUSED_STREAM || (id ?? Infinity) > this.#owner.lastStreamId;
    const name = nameOfHttp2Error(rstCode);
    if (isUnprocessed && !this.hasResponse) return refused(name);
    return new NetError('net.upstream-reset', 502, 'the service broke off before its answer was complete', name);
  }
}

function refused(detail: string): NetError {
  return new NetError('net.upstream-refused', 503, 'the service did not take the request', detail);
}

function onResponse(this: ClientHttp2Stream, _: unknown, flags: number, raw: readonly string[]): void {
  (this as OwnedStream)[carrierOf].response(flags, raw);
}

function onInterim(this: ClientHttp2Stream, _: unknown, __: number, raw: readonly string[]): void {
  (this as OwnedStream)[carrierOf].interim(raw);
}

function onTrailers(this: ClientHttp2Stream, _: unknown, __: number, raw: readonly string[]): void {
  (this as OwnedStream)[carrierOf].trailers(raw);
}

function onData(this: ClientHttp2Stream, chunk: Buffer): void {
  (this as OwnedStream)[carrierOf].content(chunk);
}

function onEnd(this: ClientHttp2Stream): void {
  (this as OwnedStream)[carrierOf].ended();
}

function onDrain(this: ClientHttp2Stream): void {
  (this as OwnedStream)[carrierOf].drained();
}

function onClose(this: ClientHttp2Stream): void {
  (this as OwnedStream)[carrierOf].closed();
}

const ignore = (): void => undefined;
