import { constants, type OutgoingHttpHeaders, type ServerHttp2Stream } from 'node:http2';
import type { HeaderRecord, Headers } from './headers.ts';
import { dropHopByHop } from './hop-by-hop.ts';
import { addFields } from './http2-fields.ts';
import { frameAllowance, type Http2Floods } from './http2-floods.ts';
import type { Reply, ReplyEnd } from './message.ts';
import { hasContent, toHeaders } from './serialise.ts';
import type { TunnelEnd } from './tunnel.ts';

/** What a reply that became a tunnel is known by, as with HTTP/1.1. */
const switching = 101;

/** A reply by an HTTP/2 stream. */
export class Http2Reply implements Reply {
  status = 0;
  bytes = 0;
  closed = false;
  onDrain: (() => void) | undefined;
  readonly #stream: ServerHttp2Stream;
  readonly #method: string;
  readonly #report: (error: unknown) => void;
  #length: number | undefined;
  #takesContent = false;
  #trailers: Headers | undefined;
  #isEnded = false;
  #sentListeners: ((status: number) => void)[] | undefined;
  #closedListeners: ((end: ReplyEnd) => void)[] | undefined;
  readonly #floods: Http2Floods;
  /** Whether its client waits for a tunnel, and takes any success for one. */
  isForTunnel = false;

  constructor(stream: ServerHttp2Stream, method: string, report: (error: unknown) => void, floods: Http2Floods) {
    this.#stream = stream;
    this.#report = report;
    this.#method = method;
    this.#floods = floods;
  }

  /** The request is an extended CONNECT: `upgrade` makes a tunnel of the stream, and without it the stream ends with the reply. */
  becomesTunnel(): void {
    this.isForTunnel = true;
    this.onClosed(() => {
      if (this.status !== switching) this.#stream.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  /** Answers that the tunnel stands, and gives the stream away. Undefined where it is too late, or nobody asked for one. */
  upgrade(headers: Headers): TunnelEnd | undefined {
    if (!this.isForTunnel || this.sent || this.closed || this.#isGone) return undefined;
    headers.delete('sec-websocket-accept');
    this.#stream.respond(addFields([':status', '200'], headers));
    this.#tellSent(switching);
    const earn = (bytes: number): void => {
      this.#floods.earned += bytes + 2 * frameAllowance;
    };
    return { socket: this.#stream, held: undefined, passed: earn };
  }

  get sent(): boolean {
    return this.status !== 0;
  }

  send(status: number, headers?: Headers | HeaderRecord, body?: string | Buffer): void {
    if (this.sent || this.closed) return;
    const content = typeof body === 'string' ? Buffer.from(body) : body;
    this.start(status, headers ?? {}, content?.length ?? 0);
    this.end(content);
  }

  interim(status: number, headers: Headers | HeaderRecord): void {
    if (this.sent || this.closed || status < 102 || status > 199 || this.#isGone) return;
    this.#stream.additionalHeaders({ ...toRecord(toHeaders(headers)), ':status': status });
  }

  start(status: number, headers: Headers | HeaderRecord, length?: number): void {
    if (this.sent || this.closed || this.#isGone) return;
    if (this.isForTunnel && status < 300) {
      this.abort();
      return;
    }
    const given = toHeaders(headers);
    const fields = addFields([':status', String(status)], given);
    this.#takesContent = hasContent(this.#method, status) && length !== 0;
    this.#length = length;
    if (tellsLength(status, length) && !(length === 0 && given.has('grpc-status')))
      fields.push('content-length', String(length));
    // Only content of unknown length can be followed by trailers.
    this.#stream.respond(fields, {
      endStream: !this.#takesContent,
      waitForTrailers: this.#takesContent && length === undefined,
    });
    this.#tellSent(status);
  }

  write(chunk: Buffer | string): boolean {
    const content = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
    if (this.closed || this.#isEnded || !this.#takesContent || content.length === 0) return true;
    this.bytes += content.length;
    this.#floods.earned += frameAllowance;
    if (this.#length === undefined || this.bytes <= this.#length) return this.#stream.write(content);
    this.abort();
    return true;
  }

  end(chunk?: Buffer | string, trailers?: Headers): void {
    if (this.closed || this.#isEnded) return;
    if (chunk !== undefined) this.write(chunk);
    if (this.closed) return;
    if (this.#takesContent && this.#length !== undefined && this.bytes < this.#length) {
      this.abort();
      return;
    }
    this.#trailers = trailers;
    this.#isEnded = true;
    if (this.#takesContent) this.#stream.end();
    this.#close(false);
  }

  abort(): void {
    if (!this.closed) this.#stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  }

  onSent(listener: (status: number) => void): void {
    if (this.sent) listener(this.status);
    else (this.#sentListeners ??= []).push(listener);
  }

  onClosed(listener: (end: ReplyEnd) => void): void {
    if (this.closed) listener({ status: this.status, bytes: this.bytes, aborted: !this.#isEnded });
    else (this.#closedListeners ??= []).push(listener);
  }

  /** From the stream: it can take more. */
  drained(): void {
    this.onDrain?.();
  }

  /** From the stream: the content is out. */
  sendTrailers(): void {
    this.#stream.sendTrailers(toRecord(this.#trailers));
  }

  /** From the stream: it is over. */
  streamClosed(): void {
    this.#close(!this.#isEnded && this.status !== switching);
  }

  /** Whether the stream takes nothing more. It may be closed before it is destroyed, and before we hear of either: a body that breaks its length ends it so. */
  get #isGone(): boolean {
    return this.#stream.closed || this.#stream.destroyed;
  }

  #tellSent(status: number): void {
    this.status = status;
    const listeners = this.#sentListeners;
    this.#sentListeners = undefined;
    for (const listener of listeners ?? []) this.#tell(() => listener(status));
  }

  #close(aborted: boolean): void {
    if (this.closed) return;
    this.closed = true;
    if (this.#closedListeners === undefined) return;
    const end = { status: this.status, bytes: this.bytes, aborted };
    for (const listener of this.#closedListeners) this.#tell(() => listener(end));
  }

  #tell(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#report(error);
    }
  }
}

/** Whether the head says how long the content is. The end of the stream tells that there is none; a gRPC status in the head is all there is (Trailers-Only). */
function tellsLength(status: number, length: number | undefined): boolean {
  return length !== undefined && status >= 200 && status !== 204 && status !== 304;
}

/** Fields as Node's HTTP/2 takes them, without those of one hop. */
function toRecord(headers: Headers | undefined): OutgoingHttpHeaders {
  const record: OutgoingHttpHeaders = Object.create(null) as OutgoingHttpHeaders;
  if (headers === undefined) return record;
  const own = headers.clone();
  dropHopByHop(own);
  for (const [name, value] of own) {
    const present = record[name];
    record[name] = present === undefined ? value : [present as string | string[], value].flat();
  }
  return record;
}
