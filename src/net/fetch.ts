import type { Clock, Timer } from '../core/clock.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import type { Waiter } from './endpoint-set.ts';
import { NetError } from './errors.ts';
import type { Headers } from './headers.ts';
import { formatFields, toHeaders } from './serialise.ts';
import type { ResponseHandler, UpstreamConnection } from './upstream-connection.ts';
import type { FetchRequest, FetchResponse } from './upstream-options.ts';

const defaultMaxBytes = 1_048_576;
const defaultTimeoutMs = 10_000;

/** Where a call gets its connection. */
export interface CallSource {
  lease(waiter: Waiter): void;
  abandon(waiter: Waiter): void;
}

/** Makes one call and gathers its response. Rejects with NetError `net.upstream-*`. */
export function fetchFrom(source: CallSource, clock: Clock, request: FetchRequest): Promise<FetchResponse> {
  return new Promise((resolve, reject) => {
    new Call(source, clock, request, resolve, reject).start();
  });
}

class Call implements Waiter, ResponseHandler {
  readonly #source: CallSource;
  readonly #request: FetchRequest;
  readonly #resolve: (response: FetchResponse) => void;
  readonly #reject: (error: NetError) => void;
  readonly #timer: Timer;
  readonly #pieces: Buffer[] = [];
  #bytes = 0;
  #status = 0;
  #headers: Headers | undefined;
  #connection: UpstreamConnection | undefined;
  #mayRetry = true;

  constructor(
    source: CallSource,
    clock: Clock,
    request: FetchRequest,
    resolve: (response: FetchResponse) => void,
    reject: (error: NetError) => void,
  ) {
    this.#source = source;
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = clock.after(request.timeoutMs ?? defaultTimeoutMs, () => {
      this.#giveUp(new NetError('net.upstream-timeout', 504, 'the service does not answer in time'));
    });
  }

  start(): void {
    this.#source.lease(this);
  }

  ready(connection: UpstreamConnection, pool: EndpointPool): void {
    this.#connection = connection;
    const method = this.#request.method ?? 'GET';
    connection.begin(this, method, false);
    connection.output.write(this.#head(method, pool));
    if (this.#request.body !== undefined) connection.output.write(Buffer.from(this.#request.body));
    connection.requestComplete();
  }

  #head(method: string, pool: EndpointPool): string {
    const { path, body } = this.#request;
    const headers = toHeaders(this.#request.headers);
    const host = headers.has('host') ? '' : `host: ${'path' in pool.endpoint ? 'localhost' : pool.name}\r\n`;
    const length = body === undefined && method === 'GET' ? '' : `content-length: ${Buffer.byteLength(body ?? '')}\r\n`;
    return `${method} ${path} HTTP/1.1\r\n${host}${formatFields(headers)}${length}\r\n`;
  }

  unreachable(error: NetError): void {
    this.#fail(error);
  }

  refused(error: NetError): void {
    this.#fail(error);
  }

  interim(): void {
    // Of no use to a buffered call.
  }

  upgraded(): void {
    this.#giveUp(new NetError('net.upstream-malformed', 502, 'the answer of the service is not valid'));
  }

  drain(): void {
    // The body was handed over whole.
  }

  turnEnded(): void {
    // Nothing is passed on before it is complete.
  }

  head(status: number, headers: Headers): void {
    this.#status = status;
    this.#headers = headers;
  }

  content(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > (this.#request.maxBytes ?? defaultMaxBytes)) {
      this.#giveUp(new NetError('net.upstream-too-large', 502, 'the answer of the service is too large'));
    } else this.#pieces.push(Buffer.from(chunk));
    return true;
  }

  complete(): void {
    this.#timer.cancel();
    this.#resolve({ status: this.#status, headers: this.#headers as Headers, body: Buffer.concat(this.#pieces) });
  }

  /** A connection that was kept idle may have been closed at the other end just now: once more, on another. */
  failed(error: NetError): void {
    const connection = this.#connection;
    this.#connection = undefined;
    const wasStale = error.code === 'net.upstream-reset' && connection?.hasResponse === false && connection.uses > 1;
    if (!wasStale || !this.#mayRetry || (this.#request.method ?? 'GET') !== 'GET') this.#fail(error);
    else {
      this.#mayRetry = false;
      this.#source.lease(this);
    }
  }

  #giveUp(error: NetError): void {
    if (this.#connection === undefined) this.#source.abandon(this);
    else this.#connection.destroy();
    this.#connection = undefined;
    this.#fail(error);
  }

  #fail(error: NetError): void {
    this.#timer.cancel();
    this.#reject(error);
  }
}
