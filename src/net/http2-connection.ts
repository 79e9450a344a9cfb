import {
  constants,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
  type ServerSessionOptions,
} from 'node:http2';
import type { Socket } from 'node:net';
import type { HttpLimits } from './config.ts';
import { internal } from './connection-faults.ts';
import type { ConnectionHost, TrackedConnection } from './connection-host.ts';
import { ConnectionWatch } from './connection-watch.ts';
import { NetError } from './errors.ts';
import { grpcStatusFields, grpcStatusOf, isGrpc } from './grpc.ts';
import type { Headers } from './headers.ts';
import { frameAllowance, Http2Floods, unreadAllowance } from './http2-floods.ts';
import { Http2Reply } from './http2-reply.ts';
import { type Http2Fields, readHttp2Body, readHttp2Fields } from './http2-request.ts';
import { IncomingRequest, type PeerInfo } from './request.ts';
import { noBody } from './request-body.ts';
import { readRequestLine } from './request-line.ts';
import { ServerStream } from './server-stream.ts';
import { HostReader } from './target.ts';
import { toUpgrade } from './websocket.ts';

/** One HTTP/2 connection of a client: its streams become the same requests and replies as those of HTTP/1.1. */
export class Http2Connection implements TrackedConnection {
  readonly #host: ConnectionHost;
  readonly #socket: Socket;
  readonly #session: ServerHttp2Session;
  readonly #peer: PeerInfo;
  readonly #hostReader = new HostReader();
  readonly #watch: ConnectionWatch;
  readonly #floods: Http2Floods;
  readonly #streams = new Set<ServerStream>();
  #requests = 0;
  #isCut = false;

  constructor(host: ConnectionHost, socket: Socket, peer: PeerInfo) {
    this.#host = host;
    this.#socket = socket;
    this.#peer = peer;
    this.#watch = new ConnectionWatch(host.limits);
    this.#floods = new Http2Floods(host.limits);
    const session = performServerHandshake(socket, sessionOptions(host.limits));
    this.#session = session;
    const { connectionWindowBytes } = host.limits;
    if (connectionWindowBytes > defaultWindowBytes) session.setLocalWindowSize(connectionWindowBytes);
    session.on('stream', (stream, _headers, _flags, raw) => this.#onStream(stream, raw));
    session.on('error', (error: NodeJS.ErrnoException) => this.#failed(error));
    session.on('close', () => host.closed(this));
  }

  drain(): void {
    this.#session.close();
  }

  sweep(nowMs: number): boolean {
    const passedMs = this.#watch.tick(nowMs);
    const flood = this.#floods.sweep(passedMs, this.#socket.bytesRead);
    if (flood !== undefined) {
      this.#cut(flood);
      return true;
    }
    for (const stream of this.#streams) stream.sweep(nowMs, passedMs);
    if (this.#streams.size > 0 || !this.#watch.isIdleTooLong(nowMs)) return false;
    this.#session.close();
    return true;
  }

  /** From a stream: it is over; `isReset`: before its time. */
  streamClosed(stream: ServerStream, isReset: boolean): void {
    this.#streams.delete(stream);
    this.#host.requestEnded();
    if (stream.body?.complete === false) this.#floods.earned += unreadAllowance;
    const flood = isReset ? this.#floods.reset() : undefined;
    if (flood !== undefined) this.#cut(flood);
  }

  #onStream(stream: ServerHttp2Stream, raw: readonly string[]): void {
    this.#watch.requestBegan();
    if (++this.#requests >= this.#host.limits.requestsPerConnection) this.#session.close();
    let fields: Http2Fields | undefined;
    try {
      fields = readHttp2Fields(raw, this.#host.limits);
      this.#floods.earned += fields.bytes + 4 * frameAllowance;
      this.#begin(stream, fields);
    } catch (error) {
      this.#floods.earned += this.#host.limits.headerBytes;
      this.#refuse(stream, error instanceof NetError ? error : internal(error), fields);
    }
  }

  #begin(stream: ServerHttp2Stream, fields: Http2Fields): void {
    const { target, headers, protocol } = fields;
    if (protocol !== undefined) toUpgrade(protocol, headers, stream.endAfterHeaders);
    const method = protocol === undefined ? fields.method : 'GET';
    const line = readRequestLine({ method, target, version: '2' });
    const authority = this.#hostReader.read(fields.authority, line.target.authority, '2');
    const hasBody = !stream.endAfterHeaders && protocol === undefined;
    const body = hasBody ? readHttp2Body(stream, fields, this.#floods) : undefined;
    const message = { headers, body: body ?? noBody, receivedAt: this.#host.clock.monotonic() };
    const reply = new Http2Reply(stream, method, this.#host.report, this.#floods);
    if (protocol !== undefined) reply.becomesTunnel();
    this.#streams.add(new ServerStream(this, stream, { reply, body, limits: this.#host.limits }));
    this.#host.requestStarted();
    this.#host.handle(new IncomingRequest(this.#peer, line, authority, message), reply);
  }

  #refuse(stream: ServerHttp2Stream, error: NetError, fields: Http2Fields | undefined): void {
    stream.on('error', ignore);
    const refused = { method: fields?.method, target: fields?.target };
    const { status, headers, content } = this.#host.refuse(error, this.#peer, refused);
    const reply = new Http2Reply(stream, fields?.method ?? 'GET', this.#host.report, this.#floods);
    if (fields !== undefined && isGrpc(fields.headers)) reply.send(200, grpcRefusal(error, headers));
    else reply.send(status, headers, content);
    if (!stream.endAfterHeaders) stream.close(constants.NGHTTP2_NO_ERROR);
  }

  /** What breaks the protocol is told; that a socket broke is not. */
  #failed(error: NodeJS.ErrnoException): void {
    if (error.code?.startsWith('ERR_HTTP2') !== true) return;
    this.#tell(new NetError('net.http2-protocol', 0, 'the connection broke the rules of HTTP/2', error.message));
  }

  #cut(error: NetError): void {
    this.#tell(error);
    // Without an error Node tells the client that all is well, whatever the code.
    this.#session.destroy(error, constants.NGHTTP2_ENHANCE_YOUR_CALM);
  }

  #tell(error: NetError): void {
    if (this.#isCut) return;
    this.#isCut = true;
    this.#host.refuse(error, this.#peer, { method: undefined, target: undefined });
  }
}

const defaultWindowBytes = 65_535;

function sessionOptions(limits: HttpLimits): ServerSessionOptions & { readonly strictSingleValueFields: boolean } {
  const { streams, headerBytes, headerCount, streamResetBurst, streamResetsPerSecond, invalidFrames } = limits;
  return {
    settings: {
      maxConcurrentStreams: streams,
      maxHeaderListSize: headerBytes,
      enablePush: false,
      enableConnectProtocol: true,
    },
    maxHeaderListPairs: headerCount + 8,
    maxSessionInvalidFrames: invalidFrames,
    maxSessionRejectedStreams: 10,
    // Our own count ends the connection, and says so; this one is for resets that come faster than we hear of them.
    streamResetBurst: streamResetBurst * 4,
    streamResetRate: streamResetsPerSecond * 4,
    // A service may repeat a field; it is not for us to fail because of it.
    strictSingleValueFields: false,
  };
}

/** A refusal as a gRPC client reads it. */
function grpcRefusal({ status, message }: NetError, headers: Headers): Headers {
  const fields = headers.clone().set('content-type', 'application/grpc');
  for (const [name, value] of Object.entries(grpcStatusFields(grpcStatusOf(status), message))) fields.set(name, value);
  return fields;
}

const ignore = (): void => undefined;
