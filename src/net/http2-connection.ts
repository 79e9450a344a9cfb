import { constants, performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import type { Socket } from 'node:net';
import { messageOf } from '../core/errors.ts';
import type { ConnectionHost, TrackedConnection } from './connection-host.ts';
import { ConnectionWatch } from './connection-watch.ts';
import { NetError } from './errors.ts';
import { Http2Reply } from './http2-reply.ts';
import { type Http2Fields, readHttp2Body, readHttp2Fields } from './http2-request.ts';
import { IncomingRequest, type PeerInfo } from './request.ts';
import { type IncomingBody, noBody } from './request-body.ts';
import { readRequestLine } from './request-line.ts';
import { HostReader } from './target.ts';

interface Exchange {
  readonly body: IncomingBody | undefined;
  readonly watch: ConnectionWatch;
}

/** How often a client may open a stream only to reset it, at once and per second. */
const resetBurst = 200;
const resetsPerSecond = 50;

/** One HTTP/2 connection of a client: its streams become the same requests and replies as those of HTTP/1.1. */
export class Http2Connection implements TrackedConnection {
  readonly #host: ConnectionHost;
  readonly #session: ServerHttp2Session;
  readonly #peer: PeerInfo;
  readonly #hostReader = new HostReader();
  readonly #watch: ConnectionWatch;
  readonly #streams = new Map<ServerHttp2Stream, Exchange>();
  #requests = 0;

  constructor(host: ConnectionHost, socket: Socket, peer: PeerInfo) {
    this.#host = host;
    this.#peer = peer;
    this.#watch = new ConnectionWatch(host.limits);
    const { streams, headerBytes, headerCount } = host.limits;
    this.#session = performServerHandshake(socket, {
      settings: { maxConcurrentStreams: streams, maxHeaderListSize: headerBytes, enablePush: false },
      maxHeaderListPairs: headerCount + 8,
      maxSessionInvalidFrames: 10,
      maxSessionRejectedStreams: 10,
      streamResetBurst: resetBurst,
      streamResetRate: resetsPerSecond,
      // A service may repeat a field; it is not for us to fail because of it.
      strictSingleValueFields: false,
    });
    this.#session.on('stream', (stream, _headers, _flags, raw) => this.#onStream(stream, raw));
    // What matters follows as `close`.
    this.#session.on('error', () => undefined);
    this.#session.on('close', () => host.closed(this));
  }

  drain(): void {
    this.#session.close();
  }

  sweep(nowMs: number): void {
    const passedMs = this.#watch.tick(nowMs);
    if (this.#streams.size === 0) {
      if (this.#watch.isIdleTooLong(nowMs)) this.#session.close();
      return;
    }
    for (const [stream, { body, watch }] of this.#streams) {
      const isSlow =
        body?.isWanted &&
        body.isPaced &&
        !body.complete &&
        !stream.isPaused() &&
        watch.isBodyTooSlow(passedMs, body.received);
      if (isSlow) body.fail(new NetError('net.body-timeout', 408, 'the body comes too slowly'));
      if (watch.isStalledTooLong(nowMs, stream.writableLength)) stream.close(constants.NGHTTP2_CANCEL);
    }
  }

  #onStream(stream: ServerHttp2Stream, raw: readonly string[]): void {
    stream.on('error', () => undefined);
    this.#watch.requestBegan();
    if (++this.#requests >= this.#host.limits.requestsPerConnection) this.#session.close();
    let fields: Http2Fields | undefined;
    try {
      fields = readHttp2Fields(raw, this.#host.limits);
      this.#begin(stream, fields);
    } catch (error) {
      this.#refuse(stream, error instanceof NetError ? error : internal(error), fields);
    }
  }

  #begin(stream: ServerHttp2Stream, fields: Http2Fields): void {
    const { method, target, headers } = fields;
    const line = readRequestLine({ method, target, version: '2' });
    const authority = this.#hostReader.read(fields.authority, line.target.authority, '2');
    const body = stream.endAfterHeaders ? undefined : readHttp2Body(stream, fields);
    const message = { headers, body: body ?? noBody, receivedAt: this.#host.clock.monotonic() };
    const watch = new ConnectionWatch(this.#host.limits);
    stream.on('drain', () => watch.drained());
    const reply = new Http2Reply(stream, method, this.#host.report);
    this.#streams.set(stream, { body, watch });
    this.#host.requestStarted();
    stream.on('close', () => {
      this.#streams.delete(stream);
      this.#host.requestEnded();
    });
    // What is left of a body when the reply is over is not wanted any more (RFC 9113, section 8.1).
    reply.onClosed(() => {
      if (body?.complete === false) stream.close(constants.NGHTTP2_NO_ERROR);
    });
    this.#host.handle(new IncomingRequest(this.#peer, line, authority, message), reply);
  }

  #refuse(stream: ServerHttp2Stream, error: NetError, fields: Http2Fields | undefined): void {
    const refused = { method: fields?.method, target: fields?.target };
    const { status, headers, content } = this.#host.refuse(error, this.#peer, refused);
    new Http2Reply(stream, fields?.method ?? 'GET', this.#host.report).send(status, headers, content);
  }
}

function internal(error: unknown): NetError {
  return new NetError('net.internal', 500, 'the request could not be handled', messageOf(error));
}
