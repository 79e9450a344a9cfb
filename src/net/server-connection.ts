import type { Socket } from 'node:net';
import { BodyDecoder } from './body-decoder.ts';
import { clientClosed, headerTimeout, internal, slowBody } from './connection-faults.ts';
import type { ConnectionHost, TrackedConnection } from './connection-host.ts';
import { ConnectionWatch, halfOpenMs, lingerBytes, lingerMs } from './connection-watch.ts';
import { NetError } from './errors.ts';
import { expectsContinue, Framing } from './framing.ts';
import { more } from './head-parser.ts';
import type { Intake } from './intake.ts';
import type { RequestBody } from './message.ts';
import { Output } from './output.ts';
import { formatRefusal } from './refusal.ts';
import { OutgoingReply, type ReplyConnection } from './reply.ts';
import { IncomingRequest, type PeerInfo, type RequestLine } from './request.ts';
import { type BodySource, IncomingBody, noBody } from './request-body.ts';
import { RequestHeadParser } from './request-head.ts';
import { readRequestLine } from './request-line.ts';
import { disown, own, type SocketOwner } from './socket-events.ts';
import { HostReader } from './target.ts';

const inHead = 0;
const inBody = 1;
/** Nothing that comes is read any more: a refusal, `Connection: close`, or a broken body. */
const isClosing = 2;
const isTunnel = 3;

/** Content that is thrown away to save a connection whose body nobody wanted. */
const discardBytes = 65_536;

/** One connection of a client: reads its requests in turn and keeps it within its limits. */
export class ServerConnection implements ReplyConnection, BodySource, SocketOwner, TrackedConnection {
  readonly output: Output;
  readonly peer: PeerInfo;
  readonly #host: ConnectionHost;
  readonly #socket: Socket;
  readonly #intake: Intake | undefined;
  readonly #parser: RequestHeadParser;
  #framing = new Framing();
  #hostReader = new HostReader();
  readonly #decoder: BodyDecoder;
  readonly #take = (chunk: Buffer): boolean => this.#takeContent(chunk);
  #line: RequestLine | undefined;
  #phase = inHead;
  #reply: OutgoingReply | undefined;
  #body: IncomingBody | undefined;
  /** Bytes that came before they were wanted, from `#heldAt` on. While there are any, the socket is paused. */
  #held: Buffer | undefined;
  #heldAt = 0;
  #isPaused = false;
  #isWorking = false;
  /** A sink asked to wait. */
  #isBlocked = false;
  #isPersistent = true;
  #isPeerEnded = false;
  #owesContinue = false;
  #asksUpgrade = false;
  #requests = 0;
  #lingered = 0;
  /** When the present wait ends the connection; 0: never. */
  #deadline = 0;
  readonly #watch: ConnectionWatch;

  /** `intake`: what reads the socket; without one its stream is read. */
  constructor(host: ConnectionHost, socket: Socket, peer: PeerInfo, intake?: Intake) {
    this.#host = host;
    this.#socket = socket;
    this.#intake = intake;
    this.peer = peer;
    this.output = new Output(socket);
    this.#parser = new RequestHeadParser(host.limits);
    this.#watch = new ConnectionWatch(host.limits);
    this.#decoder = new BodyDecoder(host.limits.trailerBytes);
    this.#deadline = host.clock.monotonic() + host.limits.headerTimeMs;
    if (intake === undefined) socket.on('data', this.#onData);
    else intake.take = this.#onData;
    own(socket, this);
  }

  get isIdle(): boolean {
    return this.#reply === undefined && this.#phase === inHead && !this.#parser.isPartial;
  }

  now(): number {
    return this.#host.clock.now();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#phase === isClosing) {
      this.#lingered += chunk.length;
      if (this.#lingered > lingerBytes) this.#socket.destroy();
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

  drained(): void {
    this.#watch.drained();
    this.#reply?.drained();
    this.#work();
  }

  ended(): void {
    this.#isPeerEnded = true;
    if (this.#phase === isClosing) return;
    this.#deadline = this.#host.clock.monotonic() + halfOpenMs;
    this.#work();
  }

  closed(): void {
    this.#phase = isClosing;
    this.#release();
    this.#body?.fail(clientClosed());
    const reply = this.#reply;
    this.#reply = undefined;
    if (reply !== undefined) {
      reply.connectionClosed();
      this.#host.requestEnded();
    }
    this.#host.closed(this);
  }

  /** Reads what is held as far as it is wanted; stops the socket where something is left over. */
  #work(): void {
    if (this.#isWorking) return;
    this.#isWorking = true;
    while (this.#held !== undefined && this.#isWanted()) this.#step(this.#held, this.#heldAt);
    this.#isWorking = false;
    if (this.#isPeerEnded && this.#held === undefined) this.#endOfInput();
    const mustPause = this.#held !== undefined;
    if (mustPause === this.#isPaused || this.#phase === isTunnel) return;
    this.#isPaused = mustPause;
    if (mustPause) this.#socket.pause();
    else this.#socket.resume();
  }

  /** The client has ended its side and all that it sent is read. A reply that is under way still gets its time. */
  #endOfInput(): void {
    if (this.#phase === inBody) this.#fail(clientClosed());
    else if (this.#phase === inHead && this.#reply === undefined) this.#close();
  }

  /** Whether the client has ended its side and nothing that it sent is left. */
  get #hasEnded(): boolean {
    return this.#isPeerEnded && (this.#held === undefined || this.#heldAt >= this.#held.length);
  }

  #isWanted(): boolean {
    if (this.#phase === inHead) return this.#reply === undefined && !this.output.isFull;
    return this.#phase === inBody && !this.#isBlocked && (this.#body as IncomingBody).isWanted;
  }

  #step(chunk: Buffer, at: number): void {
    let next: number;
    try {
      next = this.#phase === inHead ? this.#readHead(chunk, at) : this.#readBody(chunk, at);
    } catch (error) {
      this.#release();
      this.#fail(error instanceof NetError ? error : internal(error));
      return;
    }
    if (this.#phase === isClosing || next === more || next >= chunk.length) this.#release();
    else this.#heldAt = next;
  }

  #release(): void {
    this.#held = undefined;
    this.#heldAt = 0;
  }

  #readHead(chunk: Buffer, at: number): number {
    const next = this.#parser.feed(chunk, at);
    if (next === more) {
      if (this.#deadline === 0) this.#deadline = this.#host.clock.monotonic() + this.#host.limits.headerTimeMs;
      return more;
    }
    this.#heldAt = next;
    this.#begin();
    // The body may be read, too.
    return this.#held === undefined ? more : this.#heldAt;
  }

  /** A head is complete: checks what it says and hands the request on. */
  #begin(): void {
    const { headers, version, repeats } = this.#parser;
    const framing = this.#framing;
    if (repeats) framing.again(headers, version);
    else framing.read(headers, version);
    const line = this.#readLine();
    const authority = this.#hostReader.read(framing.host, line.target.authority, version);
    this.#owesContinue = expectsContinue(framing.expect, version);
    this.#asksUpgrade = framing.upgradeOption && framing.upgrade !== undefined;
    this.#deadline = 0;
    this.#watch.requestBegan();
    this.#requests++;
    this.#isPersistent =
      (version === '1.1' ? !framing.close : framing.keepAlive && !framing.close) &&
      this.#requests < this.#host.limits.requestsPerConnection;
    const body = this.#beginBody();
    const message = { headers, body, receivedAt: this.#host.clock.monotonic() };
    const request = new IncomingRequest(this.peer, line, authority, message);
    const reply = new OutgoingReply(this, line.method, version);
    this.#reply = reply;
    this.#host.requestStarted();
    this.#host.handle(request, reply);
  }

  /** The request line, taken apart; not again where it is that of the request before. */
  #readLine(): RequestLine {
    const { method, target, version } = this.#parser;
    const former = this.#line;
    if (former?.rawTarget === target && former.method === method && former.version === version) return former;
    this.#line = readRequestLine(this.#parser);
    return this.#line;
  }

  #beginBody(): RequestBody {
    const { chunked, contentLength } = this.#framing;
    if (!chunked && contentLength <= 0) {
      this.#body = undefined;
      return noBody;
    }
    if (chunked) this.#decoder.expectChunks();
    else this.#decoder.expectLength(contentLength);
    this.#phase = inBody;
    this.#isBlocked = false;
    this.#body = new IncomingBody(this, chunked ? undefined : contentLength);
    return this.#body;
  }

  #readBody(chunk: Buffer, at: number): number {
    const next = this.#decoder.decode(chunk, at, this.#take);
    if (this.#decoder.done && this.#phase === inBody) {
      this.#phase = inHead;
      this.#isBlocked = false;
      this.#body?.finish(this.#decoder.trailers);
    }
    return next;
  }

  #takeContent(chunk: Buffer): boolean {
    this.#isBlocked = !(this.#body as IncomingBody).receive(chunk);
    return !this.#isBlocked;
  }

  start(): void {
    if (this.#owesContinue && this.#phase === inBody && this.#reply?.sent === false) {
      this.output.write('HTTP/1.1 100 Continue\r\n\r\n');
      this.output.flush();
    }
    this.#owesContinue = false;
    this.#work();
  }

  resume(): void {
    this.#isBlocked = false;
    this.#work();
  }

  takeWhole(): Buffer | undefined {
    const { remaining } = this.#decoder;
    if (this.#phase !== inBody || this.#held === undefined || remaining === undefined) return undefined;
    const end = this.#heldAt + remaining;
    if (end > this.#held.length) return undefined;
    // What is held is only lent.
    const content = Buffer.from(this.#held.subarray(this.#heldAt, end));
    this.#phase = inHead;
    this.#owesContinue = false;
    if (end === this.#held.length) this.#release();
    else this.#heldAt = end;
    return content;
  }

  mustClose(): boolean {
    if (this.#host.isDraining || this.#hasEnded || this.#phase === isClosing) this.#isPersistent = false;
    else if (this.#asksUpgrade)
      // What follows such a request may be of the other protocol.
      this.#isPersistent = false;
    else if (this.#phase === inBody) {
      const { remaining } = this.#decoder;
      if (this.#owesContinue || remaining === undefined || remaining > discardBytes) this.#isPersistent = false;
    }
    return !this.#isPersistent;
  }

  replyEnded(endsConnection: boolean): void {
    this.#reply = undefined;
    this.#host.requestEnded();
    if (endsConnection || !this.#isPersistent || this.#phase === isClosing) {
      this.#close();
      return;
    }
    if (this.#phase === inBody) this.#body?.discard();
    this.#work();
  }

  cut(mustShow: boolean): void {
    // TLS shows it by itself: its end is not announced. Only plain TCP can reset.
    this.output.settle();
    const canReset = this.peer.scheme === 'http' && this.peer.remoteAddress !== '';
    if (mustShow && canReset) this.#socket.resetAndDestroy();
    else this.#socket.destroy();
  }

  report(error: unknown): void {
    this.#host.report(error);
  }

  detach(): { readonly socket: Socket; readonly held: Buffer | undefined } {
    const held = this.#held === undefined ? undefined : Buffer.from(this.#held.subarray(this.#heldAt));
    this.#release();
    this.#phase = isTunnel;
    const socket = this.#socket;
    if (this.#intake === undefined) socket.off('data', this.#onData);
    else this.#intake.take = undefined;
    disown(socket);
    return { socket, held };
  }

  /** Ends our side, and waits a little for the client to take what was sent: a reset would take it from it. */
  #close(): void {
    this.#phase = isClosing;
    this.#release();
    this.output.flush();
    this.#socket.end();
    this.#deadline = this.#host.clock.monotonic() + lingerMs;
    if (this.#isPaused) this.#socket.resume();
    this.#isPaused = false;
  }

  /** The client broke the grammar. */
  #fail(error: NetError): void {
    if (this.#phase === inBody) {
      this.#phase = isClosing;
      this.#isPersistent = false;
      this.#body?.fail(error);
      if (this.#reply === undefined) this.#close();
    } else this.#refuse(error);
  }

  #refuse(error: NetError): void {
    const { method, target } = this.#parser;
    const refused = { method: method || undefined, target: target || undefined };
    this.output.write(formatRefusal(this.#host.refuse(error, this.peer, refused), this.now()));
    this.#close();
  }

  /** No further request: closes where nothing is under way. */
  drain(): void {
    if (this.isIdle) this.#close();
  }

  sweep(nowMs: number): boolean {
    const passedMs = this.#watch.tick(nowMs);
    const isResting = this.isIdle && this.#requests > 0;
    if (this.#deadline !== 0 && nowMs >= this.#deadline) this.#expire();
    else if (this.#watch.isStalledTooLong(nowMs, this.#socket.writableLength)) this.#socket.destroy();
    else if (this.#isBodyTooSlow(passedMs)) this.#fail(slowBody());
    else if (isResting && this.#watch.isIdleTooLong(nowMs)) this.#close();
    else {
      if (isResting && this.#line !== undefined && this.#watch.isAtRest(nowMs)) this.#forget();
      return false;
    }
    return true;
  }

  #isBodyTooSlow(passedMs: number): boolean {
    if (this.#phase !== inBody || this.#isBlocked || !this.#body?.isWanted) return false;
    return this.#watch.isBodyTooSlow(passedMs, this.#body.received);
  }

  /** Thousands of connections may rest: the head that was read last, and every piece cut from it, goes. */
  #forget(): void {
    this.#parser.forget();
    this.#framing = new Framing();
    this.#hostReader = new HostReader();
    this.#line = undefined;
  }

  #expire(): void {
    this.#deadline = 0;
    if (this.#phase !== inHead || this.#reply !== undefined) this.#socket.destroy();
    else if (this.#parser.isPartial) this.#refuse(headerTimeout());
    else this.#close();
  }
}
