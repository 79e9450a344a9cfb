import type { Socket } from 'node:net';
import { messageOf } from '../core/errors.ts';
import { BodyDecoder } from './body-decoder.ts';
import type { CallHead, Carrier, ResponseHandler } from './carrier.ts';
import type { UpstreamLimits } from './config.ts';
import { dial, endpointName } from './dial.ts';
import { NetError } from './errors.ts';
import { Framing } from './framing.ts';
import { more } from './head-parser.ts';
import type { Headers } from './headers.ts';
import type { Intake } from './intake.ts';
import type { ServerRequest } from './message.ts';
import { Output } from './output.ts';
import { formatCallHead, formatRequestHead } from './request-format.ts';
import { ResponseHeadParser } from './response-head.ts';
import { hasContent } from './serialise.ts';
import type { Endpoint, Forwarding, UpstreamTls } from './upstream-options.ts';

/** What a connection tells its pool. */
export interface ConnectionOwner {
  readonly limits: UpstreamLimits;
  connected(connection: UpstreamConnection): void;
  /** The exchange is over and the connection can carry another. */
  idle(connection: UpstreamConnection): void;
  /** `error`: it never came about. */
  closed(connection: UpstreamConnection, error: NetError | undefined): void;
}

const isConnecting = 0;
const isIdle = 1;
const awaitsHead = 2;
const inBody = 3;
const isClosed = 4;

const mostInterims = 16;

/** One connection to an endpoint: one exchange at a time, one after another. */
export class UpstreamConnection implements Carrier {
  readonly canRefuse = false;
  readonly lends = true;
  /** Exchanges so far. */
  uses = 0;
  /** Whether any byte of the present response has come. */
  hasResponse = false;
  readonly #owner: ConnectionOwner;
  readonly #endpoint: string;
  readonly #socket: Socket;
  readonly #intake: Intake;
  readonly #output: Output;
  readonly #parser: ResponseHeadParser;
  readonly #framing = new Framing();
  readonly #decoder: BodyDecoder;
  readonly #take = (chunk: Buffer): boolean => this.#takeContent(chunk);
  #state = isConnecting;
  #handler: ResponseHandler | undefined;
  #method = '';
  #asksUpgrade = false;
  #isRequestComplete = false;
  #isRequestChunked = false;
  /** Whether all of the request is here, so that it is written in one turn. */
  #isRequestHere = false;
  #isPersistent = false;
  #interims = 0;
  #held: Buffer | undefined;
  #heldAt = 0;
  #isWorking = false;
  #isBlocked = false;
  #isEnded = false;
  #isReset = false;
  /** Since when the present state lasts without progress, as the sweep sees it; 0: it has just begun. */
  #since = 0;

  constructor(owner: ConnectionOwner, endpoint: Endpoint, tls: UpstreamTls | undefined) {
    this.#owner = owner;
    this.#endpoint = endpointName(endpoint);
    this.#parser = new ResponseHeadParser({ ...owner.limits, targetBytes: 0 });
    this.#decoder = new BodyDecoder(owner.limits.trailerBytes);
    const { socket, intake } = dial(endpoint, tls, {
      connected: () => this.#connected(),
      failed: (error) => this.#close(error),
    });
    this.#socket = socket;
    this.#intake = intake;
    this.#output = new Output(this.#socket);
  }

  send(handler: ResponseHandler, request: ServerRequest, forwarding: Forwarding, asksUpgrade: boolean): void {
    const { body } = request;
    this.#begin(handler, forwarding.method ?? request.method, asksUpgrade);
    this.#isRequestChunked = body.present && body.length === undefined;
    const head = formatRequestHead(request, forwarding, asksUpgrade, this.#endpoint);
    this.#isRequestHere = !body.present || body.complete;
    this.#put(head);
  }

  sendCall(handler: ResponseHandler, call: CallHead): void {
    this.#begin(handler, call.method, false);
    this.#isRequestChunked = false;
    this.#isRequestHere = true;
    this.#output.put(formatCallHead(call, this.#endpoint));
    if (call.body !== undefined) this.#output.put(Buffer.from(call.body));
    this.end();
  }

  write(chunk: Buffer): boolean {
    const output = this.#output;
    if (this.#isRequestChunked) output.put(`${chunk.length.toString(16)}\r\n`);
    output.lend(chunk);
    this.#put(this.#isRequestChunked ? '\r\n' : '');
    return !output.isFull;
  }

  /** What ends the request follows in this turn, or may be long in coming. */
  #put(piece: string): void {
    if (this.#isRequestHere) this.#output.put(piece);
    else this.#output.write(piece);
  }

  end(): void {
    if (this.#isRequestChunked) this.#output.put('0\r\n\r\n');
    this.#isRequestComplete = true;
    this.#since = 0;
    this.#output.flushTogether();
  }

  resume(): void {
    this.#isBlocked = false;
    this.#since = 0;
    this.#work();
  }

  /** Gives the connection up. Its handler hears nothing. */
  destroy(): void {
    this.#handler = undefined;
    this.#socket.destroy();
    this.#close(undefined);
  }

  /** Ends the connection; its handler, or whoever waits for it, is told. */
  abort(): void {
    if (this.#state === isConnecting) {
      this.#socket.destroy();
      this.#close(reset());
    } else if (this.#handler !== undefined) this.#fail(reset());
    else this.destroy();
  }

  /** Gives the socket away, with what came after the head. */
  detach(): { readonly socket: Socket; readonly held: Buffer | undefined } {
    const held = this.#held === undefined ? undefined : Buffer.from(this.#held.subarray(this.#heldAt));
    this.#held = undefined;
    this.#handler = undefined;
    const socket = this.#socket;
    this.#intake.take = undefined;
    socket.off('end', this.#onEnd);
    socket.off('drain', this.#onDrain);
    this.#state = isClosed;
    return { socket, held };
  }

  /** Holds the connection to its time bounds. */
  sweep(nowMs: number): void {
    if (this.#since === 0 || (this.#state === inBody && this.#isBlocked)) {
      this.#since = nowMs;
      return;
    }
    const passedMs = nowMs - this.#since;
    const { connectMs, firstByteMs, bodyIdleMs, idleTimeMs } = this.#owner.limits;
    if (this.#state === isIdle && passedMs >= idleTimeMs) this.destroy();
    else if (this.#state === isConnecting && passedMs >= connectMs) {
      this.#socket.destroy();
      this.#close(timeout('the service does not accept the connection in time'));
    } else if (this.#state === awaitsHead && passedMs >= (this.#isRequestComplete ? firstByteMs : bodyIdleMs)) {
      this.#fail(timeout('the service does not answer in time'));
    } else if (this.#state === inBody && passedMs >= bodyIdleMs) {
      this.#fail(timeout('the service stopped in the middle of its answer'));
    }
  }

  #begin(handler: ResponseHandler, method: string, asksUpgrade: boolean): void {
    this.#handler = handler;
    this.#method = method;
    this.#asksUpgrade = asksUpgrade;
    this.#state = awaitsHead;
    this.#since = 0;
    this.#isRequestComplete = false;
    this.hasResponse = false;
    this.#interims = 0;
    this.uses++;
  }

  #connected(): void {
    if (this.#state !== isConnecting) return;
    this.#state = isIdle;
    this.#since = 0;
    const socket = this.#socket;
    this.#intake.take = this.#onData;
    socket.on('end', this.#onEnd);
    socket.on('drain', this.#onDrain);
    socket.on('close', this.#onClose);
    this.#owner.connected(this);
  }

  readonly #onData = (chunk: Buffer): void => {
    // Bytes that answer nothing: the next response could not be told from them.
    if (this.#handler === undefined) {
      this.destroy();
      return;
    }
    this.#held = this.#held === undefined ? chunk : Buffer.concat([this.#held.subarray(this.#heldAt), chunk]);
    this.#heldAt = 0;
    this.#work();
    // What comes was only lent.
    if (this.#held === chunk) this.#keep(chunk);
  };

  #keep(chunk: Buffer): void {
    this.#held = Buffer.from(chunk.subarray(this.#heldAt));
    this.#heldAt = 0;
  }

  readonly #onDrain = (): void => {
    this.#since = 0;
    this.#handler?.drain();
  };

  readonly #onEnd = (): void => {
    this.#isEnded = true;
    // What is held back is read first.
    if (this.#held === undefined) this.#endOfInput();
  };

  readonly #onClose = (): void => {
    if (!this.#isEnded) this.#isReset = true;
    this.#onEnd();
  };

  #endOfInput(): void {
    if (this.#state === isClosed) return;
    this.#isPersistent = false;
    if (this.#state === inBody && !this.#isReset && this.#decoder.endOfInput()) this.#complete();
    else if (this.#handler === undefined) this.destroy();
    else this.#fail(reset());
  }

  #work(): void {
    if (this.#isWorking) return;
    this.#isWorking = true;
    try {
      while (this.#held !== undefined && !this.#isBlocked && this.#handler !== undefined) this.#step(this.#held);
    } catch (error) {
      this.#fail(toUpstreamError(error));
    }
    this.#isWorking = false;
    this.#handler?.turnEnded();
    if (this.#state === isClosed) return;
    if (this.#held !== undefined && this.#isBlocked) this.#socket.pause();
    else if (this.#socket.isPaused()) this.#socket.resume();
    if (this.#isEnded && this.#held === undefined) this.#endOfInput();
  }

  #step(chunk: Buffer): void {
    this.hasResponse = true;
    this.#since = 0;
    const next =
      this.#state === awaitsHead ? this.#readHead(chunk) : this.#decoder.decode(chunk, this.#heldAt, this.#take);
    if (next === more || next >= chunk.length) this.#held = undefined;
    else this.#heldAt = next;
    if (this.#state === inBody && this.#decoder.done) this.#complete();
  }

  #readHead(chunk: Buffer): number {
    const next = this.#parser.feed(chunk, this.#heldAt);
    if (next === more) return more;
    this.#heldAt = next;
    const { status, headers, version, repeats } = this.#parser;
    if (repeats) this.#framing.again(headers, version);
    else this.#framing.read(headers, version);
    if (status === 101) this.#upgrade(headers);
    else if (status < 200) this.#interim(status, headers);
    else this.#beginResponse(status, headers, version);
    return this.#held === undefined ? more : next;
  }

  #interim(status: number, headers: Headers): void {
    if (++this.#interims > mostInterims) throw malformed('the service sends interim responses without end');
    this.#handler?.interim(status, headers);
  }

  #upgrade(headers: Headers): void {
    const { upgrade } = this.#framing;
    if (!this.#asksUpgrade || upgrade?.toLowerCase() !== 'websocket') {
      throw malformed('the service switches to a protocol that was not asked for');
    }
    if (this.#held !== undefined && this.#heldAt >= this.#held.length) this.#held = undefined;
    this.#handler?.upgraded(headers);
  }

  #beginResponse(status: number, headers: Headers, version: '1.0' | '1.1'): void {
    const { chunked, contentLength, close, keepAlive } = this.#framing;
    this.#isPersistent = version === '1.1' ? !close : keepAlive && !close;
    this.#state = inBody;
    const length = contentLength < 0 ? undefined : contentLength;
    if (!hasContent(this.#method, status)) this.#decoder.expectLength(0);
    else if (chunked) this.#decoder.expectChunks();
    else if (length !== undefined) this.#decoder.expectLength(length);
    else {
      this.#decoder.expectClose();
      this.#isPersistent = false;
    }
    this.#handler?.head(status, headers, length);
  }

  #takeContent(chunk: Buffer): boolean {
    this.#isBlocked = this.#handler?.content(chunk) === false;
    return !this.#isBlocked;
  }

  /** The response is complete. The connection is kept only where nothing at all is out of step. */
  #complete(): void {
    const handler = this.#handler;
    const { trailers } = this.#decoder;
    this.#handler = undefined;
    this.#isBlocked = false;
    this.#since = 0;
    const isClean = this.#isPersistent && this.#isRequestComplete && this.#held === undefined;
    if (isClean) {
      this.#state = isIdle;
      this.#owner.idle(this);
    } else {
      this.#socket.destroy();
      this.#close(undefined);
    }
    handler?.complete(trailers);
  }

  #fail(error: NetError): void {
    const handler = this.#handler;
    this.destroy();
    handler?.failed(error);
  }

  #close(error: NetError | undefined): void {
    if (this.#state === isClosed) return;
    this.#state = isClosed;
    this.#held = undefined;
    this.#owner.closed(this, error);
  }
}

/** What our parser says of a response is the upstream's fault, not the client's. */
function toUpstreamError(error: unknown): NetError {
  if (error instanceof NetError && error.code.startsWith('net.upstream')) return error;
  return malformed(error instanceof NetError ? error.message : messageOf(error));
}

function malformed(detail: string): NetError {
  return new NetError('net.upstream-malformed', 502, 'the answer of the service is not valid', detail);
}

function reset(): NetError {
  return new NetError('net.upstream-reset', 502, 'the service closed the connection before its answer was complete');
}

function timeout(message: string): NetError {
  return new NetError('net.upstream-timeout', 504, message);
}
