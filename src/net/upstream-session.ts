import { type ClientHttp2Session, type ClientSessionOptions, connect } from 'node:http2';
import type { Socket } from 'node:net';
import { nameOfHttp2Error } from '../core/http2-errors.ts';
import type { UpstreamLimits } from './config.ts';
import { dialHttp2, endpointName } from './dial.ts';
import { NetError } from './errors.ts';
import type { SessionTarget } from './http2-head.ts';
import type { Endpoint, UpstreamProtocol, UpstreamTls } from './upstream-options.ts';
import { type StreamOwner, UpstreamStream } from './upstream-stream.ts';

/** What a session tells its pool. */
export interface SessionOwner {
  readonly limits: UpstreamLimits;
  readonly protocol: UpstreamProtocol;
  /** Streams can be opened. */
  opened(session: UpstreamSession): void;
  streamClosed(): void;
  /** `error`: what to tell whoever waits for it. */
  sessionClosed(session: UpstreamSession, error: NetError): void;
}

const isConnecting = 0;
const isOpen = 1;
const isClosed = 2;

/** What a stream may take in before somebody reads it. The connection's window holds that of every stream, so that slow readers cannot starve the others. */
const streamWindowBytes = 65_535;

/** After so many cancelled exchanges another session takes over: servers cut a connection that resets too many streams, with all that it carries. */
const mostCancelled = 500;

/** One HTTP/2 connection to an endpoint. */
export class UpstreamSession implements StreamOwner {
  readonly target: SessionTarget;
  readonly limits: UpstreamLimits;
  /** Exchanges that wait for it to stand. */
  reserved = 0;
  uses = 0;
  lastStreamId = Number.POSITIVE_INFINITY;
  /** No use is made of it beyond what runs and waits. */
  closesWhenIdle = false;
  readonly #owner: SessionOwner;
  readonly #socket: Socket;
  readonly #streams = new Set<UpstreamStream>();
  #session: ClientHttp2Session | undefined;
  #state = isConnecting;
  #isRetired = false;
  #error: NetError | undefined;
  #cancelled = 0;
  #since = 0;
  #heardAt = 0;
  #pingedAt = 0;

  constructor(owner: SessionOwner, endpoint: Endpoint, tls: UpstreamTls | undefined) {
    this.#owner = owner;
    this.limits = owner.limits;
    const scheme = tls === undefined ? 'http' : 'https';
    this.target = { scheme, endpoint: endpointName(endpoint), protocol: owner.protocol };
    this.#socket = dialHttp2(endpoint, tls, {
      connected: () => this.#connected(),
      failed: (error) => this.#closed(error),
    });
  }

  get session(): ClientHttp2Session {
    return this.#session as ClientHttp2Session;
  }

  get isOpen(): boolean {
    return this.#state === isOpen;
  }

  /** Exchanges that run or wait for it. */
  get load(): number {
    return this.#streams.size + this.reserved;
  }

  get hasRoom(): boolean {
    if (this.#state === isClosed || this.#isRetired) return false;
    return this.load < this.#mostStreams() && this.#session?.closed !== true;
  }

  openStream(): UpstreamStream {
    this.uses++;
    this.#since = 0;
    const stream = new UpstreamStream(this);
    this.#streams.add(stream);
    return stream;
  }

  heard(): void {
    this.#heardAt = 0;
  }

  ended(stream: UpstreamStream, cancelled: boolean): void {
    this.#streams.delete(stream);
    if (cancelled && ++this.#cancelled >= mostCancelled) this.#isRetired = true;
    this.#closeIfDone();
    this.#owner.streamClosed();
  }

  /** Carries what runs and waits to its end, then closes. */
  drain(): void {
    this.closesWhenIdle = true;
    this.#closeIfDone();
  }

  /** Ends at once; every exchange is told. */
  abort(): void {
    this.#end(new NetError('net.upstream-reset', 502, 'the connection to the service was closed'));
  }

  sweep(nowMs: number): void {
    for (const stream of this.#streams) stream.sweep(nowMs);
    this.#since ||= nowMs;
    const { connectMs, idleTimeMs } = this.limits;
    if (this.#state === isConnecting) {
      if (nowMs - this.#since >= connectMs) this.#end(timeout('does not accept the connection in time'));
    } else if (this.load > 0) {
      this.#since = 0;
      this.#checkLife(nowMs);
    } else if (nowMs - this.#since >= idleTimeMs) this.#session?.close();
  }

  #mostStreams(): number {
    const asked = this.#state === isOpen ? this.#session?.remoteSettings.maxConcurrentStreams : undefined;
    return Math.min(asked ?? Infinity, this.limits.streamsPerConnection);
  }

  #connected(): void {
    const { headerBytes, headerCount, streamsPerConnection } = this.limits;
    const options: ClientSessionOptions & { strictSingleValueFields: boolean } = {
      createConnection: () => this.#socket,
      settings: { enablePush: false, initialWindowSize: streamWindowBytes, maxHeaderListSize: headerBytes },
      maxHeaderListPairs: headerCount + 8,
      peerMaxConcurrentStreams: streamsPerConnection,
      strictSingleValueFields: false,
    };
    const session = connect(`${this.target.scheme}://localhost`, options);
    this.#session = session;
    session.once('connect', () => session.setLocalWindowSize(streamWindowBytes * (streamsPerConnection + 1)));
    // Before its settings are here nobody knows whether it speaks HTTP/2, nor how many streams it takes.
    session.once('remoteSettings', () => {
      if (this.#state !== isConnecting) return;
      this.#state = isOpen;
      this.#since = 0;
      this.#owner.opened(this);
      this.#closeIfDone();
    });
    session.on('goaway', (code, lastStreamId) => this.#goneAway(code, lastStreamId));
    session.on('error', (error: NodeJS.ErrnoException) => {
      this.#error ??= this.#errorOf(error);
    });
    session.on('close', () => this.#closed(this.#error ?? reset('the service closed the connection')));
  }

  #goneAway(code: number, lastStreamId: number): void {
    this.#isRetired = true;
    this.lastStreamId = lastStreamId;
    this.#error ??= reset(`GOAWAY ${nameOfHttp2Error(code)}`);
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    if (this.load === 0 && (this.#isRetired || this.closesWhenIdle)) {
      if (this.#state === isOpen) this.#session?.close();
      else this.#end(reset('nobody waits for it any more'));
    }
  }

  /** Asks an endpoint that has been silent for long whether it lives. */
  #checkLife(nowMs: number): void {
    const { pingMs, connectMs } = this.limits;
    if (this.#pingedAt !== 0) {
      if (nowMs - this.#pingedAt >= connectMs) this.#end(timeout('does not answer a ping'));
      return;
    }
    this.#heardAt ||= nowMs;
    if (nowMs - this.#heardAt < pingMs) return;
    this.#pingedAt = nowMs;
    this.#session?.ping((error) => {
      if (error !== null) return;
      this.#pingedAt = 0;
      this.#heardAt = 0;
    });
  }

  #errorOf(error: NodeJS.ErrnoException): NetError {
    if (this.#state === isOpen) return reset(error.message);
    const isForeign = error.code?.startsWith('ERR_HTTP2') === true;
    return isForeign
      ? new NetError('net.upstream-protocol', 502, 'the service does not speak HTTP/2', error.message)
      : new NetError('net.upstream-connect', 502, 'the service cannot be reached', error.message);
  }

  /** `error` goes to whoever runs or waits. */
  #end(error: NetError): void {
    this.#error ??= error;
    for (const stream of [...this.#streams]) stream.abort(error);
    this.#session?.destroy();
    this.#socket.destroy();
    this.#closed(error);
  }

  #closed(error: NetError): void {
    if (this.#state === isClosed) return;
    this.#state = isClosed;
    this.#owner.sessionClosed(this, error);
  }
}

function reset(detail: string): NetError {
  return new NetError('net.upstream-reset', 502, 'the service closed the connection', detail);
}

function timeout(what: string): NetError {
  return new NetError('net.upstream-timeout', 504, `the service ${what}`);
}
