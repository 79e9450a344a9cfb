import type { Clock } from '../core/clock.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import type { EndpointSet, Waiter } from './endpoint-set.ts';
import type { NetError } from './errors.ts';
import type { HeaderRecord, Headers } from './headers.ts';
import { dropHopByHop } from './hop-by-hop.ts';
import type { BodySink, Reply, ServerRequest } from './message.ts';
import { formatProblem } from './problem.ts';
import { OutgoingReply } from './reply.ts';
import { formatRequestHead } from './request-format.ts';
import type { RetryBudget } from './retry-budget.ts';
import { joinSockets } from './tunnel.ts';
import type { ResponseHandler, UpstreamConnection } from './upstream-connection.ts';
import type { Forwarding, UpstreamFailure } from './upstream-options.ts';

/** What an exchange needs of its upstream. */
export interface ExchangeHost {
  readonly clock: Clock;
  readonly endpoints: EndpointSet;
  readonly budget: RetryBudget;
  readonly retryAttempts: number;
  readonly totalMs: number;
  readonly tunnelIdleMs: number;
  began(exchange: Exchange): void;
  ended(exchange: Exchange): void;
  /** A callback failed. */
  report(error: unknown): void;
}

/** Methods whose repetition changes nothing (RFC 9110, section 9.2.2). */
const idempotent = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']);

const clientGone: UpstreamFailure = {
  code: 'net.client-closed',
  status: 499,
  message: 'the client went away',
  detail: undefined,
};

/** One request on its way to an upstream and its response on the way back. */
export class Exchange implements Waiter, ResponseHandler, BodySink {
  readonly keepsNothing = true;
  readonly #host: ExchangeHost;
  readonly #request: ServerRequest;
  readonly #reply: Reply;
  readonly #forwarding: Forwarding;
  readonly #method: string;
  readonly #startedAt: number;
  readonly #asksUpgrade: boolean;
  /** The reply, where it is one of HTTP/1. */
  readonly #outgoing: OutgoingReply | undefined;
  #pool: EndpointPool | undefined;
  #connection: UpstreamConnection | undefined;
  #retries = 0;
  #isBodySent = false;
  #requestBytes = 0;
  #status = 0;
  #headMs = 0;
  #isUpgraded = false;
  #isOver = false;

  constructor(host: ExchangeHost, request: ServerRequest, reply: Reply, forwarding: Forwarding) {
    this.#host = host;
    this.#request = request;
    this.#reply = reply;
    this.#forwarding = forwarding;
    this.#method = forwarding.method ?? request.method;
    this.#startedAt = host.clock.monotonic();
    this.#outgoing = reply instanceof OutgoingReply ? reply : undefined;
    this.#asksUpgrade = forwarding.upgrade !== false && this.#outgoing !== undefined && asksWebSocket(request);
  }

  /** Bound on the whole exchange; 0: none. */
  get totalMs(): number {
    return this.#forwarding.totalMs ?? this.#host.totalMs;
  }

  start(): void {
    this.#host.began(this);
    if (this.#reply.sent || this.#reply.closed) {
      this.#over(clientGone);
      return;
    }
    if (this.#outgoing !== undefined) this.#outgoing.flushesItself = true;
    this.#host.budget.deposit();
    this.#reply.onClosed(({ aborted }) => {
      if (aborted) this.#giveUp();
    });
    this.#host.endpoints.lease(this);
  }

  /** Ends the exchange where it has lasted too long. */
  sweep(nowMs: number): void {
    if (this.#isUpgraded || nowMs - this.#startedAt < this.totalMs) return;
    this.#release();
    this.#end({ code: 'net.upstream-timeout', status: 504, message: 'the service takes too long', detail: undefined });
  }

  // As one who waits for a connection.

  ready(connection: UpstreamConnection, pool: EndpointPool): void {
    this.#pool = pool;
    this.#connection = connection;
    connection.begin(this, this.#method, this.#asksUpgrade);
    const head = formatRequestHead(this.#request, this.#forwarding, this.#asksUpgrade, pool.name);
    if (!this.#request.body.present) {
      connection.output.put(head);
      connection.requestComplete();
      return;
    }
    connection.output.write(head);
    this.#isBodySent = true;
    this.#request.body.pipe(this);
  }

  unreachable(error: NetError, pool: EndpointPool): void {
    this.#pool = pool;
    this.#poolFailed();
    if (this.#mayRetry()) this.#host.endpoints.lease(this, pool);
    else this.#end(error);
  }

  refused(error: NetError): void {
    this.#end(error);
  }

  // As the sink of the request's body.

  data(chunk: Buffer): boolean {
    const connection = this.#connection;
    if (connection === undefined) return true;
    this.#requestBytes += chunk.length;
    const { output } = connection;
    if (this.#request.body.length === undefined) {
      output.write(`${chunk.length.toString(16)}\r\n`);
      output.lend(chunk);
      output.write('\r\n');
    } else {
      output.lend(chunk);
      output.write('');
    }
    return !output.isFull;
  }

  /** Trailers of a request are dropped: a service that merges them into its header fields would take them for checked. */
  end(): void {
    if (this.#request.body.length === undefined) this.#connection?.output.write('0\r\n\r\n');
    this.#connection?.requestComplete();
  }

  error(error: NetError): void {
    if (this.#isOver) return;
    this.#release();
    this.#end(error);
  }

  // As the one who takes the response.

  drain(): void {
    this.#request.body.resume();
  }

  turnEnded(): void {
    this.#outgoing?.flush();
  }

  interim(status: number, headers: Headers): void {
    // We have answered an expectation ourselves when the body was first read.
    if (status === 100) return;
    dropHopByHop(headers);
    this.#reply.interim(status, headers);
  }

  head(status: number, headers: Headers, length: number | undefined): void {
    this.#began(status);
    if (status === 502 || status === 503 || status === 504) this.#poolFailed();
    else this.#pool?.succeeded();
    dropHopByHop(headers);
    this.#forwarding.onResponseHead?.(status, headers);
    this.#reply.start(status, headers, length);
  }

  content(chunk: Buffer): boolean {
    const takesMore = this.#outgoing?.lend(chunk) ?? this.#reply.write(Buffer.from(chunk));
    if (takesMore) return true;
    this.#reply.onDrain ??= () => this.#connection?.resume();
    return false;
  }

  complete(trailers: Headers | undefined): void {
    const takesTrailers = trailers !== undefined && this.#request.headers.get('te')?.includes('trailers') === true;
    this.#connection = undefined;
    this.#over(undefined);
    this.#reply.end(undefined, takesTrailers ? trailers : undefined);
  }

  upgraded(headers: Headers): void {
    this.#began(101);
    this.#pool?.succeeded();
    this.#joinTunnel(headers);
  }

  failed(error: NetError): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#poolFailed();
    const wasUnanswered = error.code === 'net.upstream-reset' && connection?.hasResponse === false;
    if (wasUnanswered && !this.#isBodySent && idempotent.has(this.#method) && this.#mayRetry()) {
      this.#host.endpoints.lease(this, (connection?.uses ?? 1) > 1 ? undefined : this.#pool);
    } else this.#end(error);
  }

  #began(status: number): void {
    this.#status = status;
    this.#headMs = this.#host.clock.monotonic() - this.#startedAt;
  }

  #joinTunnel(headers: Headers): void {
    const connection = this.#connection as UpstreamConnection;
    const far = connection.detach();
    this.#connection = undefined;
    const protocol = headers.get('upgrade') as string;
    dropHopByHop(headers);
    this.#forwarding.onResponseHead?.(101, headers);
    const near = this.#outgoing?.upgrade(headers, protocol);
    if (near === undefined) {
      far.socket.destroy();
      return;
    }
    this.#isUpgraded = true;
    joinSockets(near, far, this.#host, () => {
      this.#pool?.forget(connection);
      this.#over(undefined);
    });
  }

  #mayRetry(): boolean {
    if (this.#isOver || this.#reply.sent || this.#reply.closed || this.#retries >= this.#host.retryAttempts)
      return false;
    if (!this.#host.budget.tryWithdraw()) return false;
    this.#retries++;
    return true;
  }

  #poolFailed(): void {
    this.#pool?.failed(this.#host.endpoints.mayEject(this.#host.clock.monotonic()));
  }

  /** The client is gone. */
  #giveUp(): void {
    if (this.#isOver || this.#isUpgraded) return;
    this.#release();
    this.#over(clientGone);
  }

  /** Lets go of the connection, or of the place in the queue. */
  #release(): void {
    if (this.#connection === undefined) this.#host.endpoints.abandon(this);
    else this.#connection.destroy();
    this.#connection = undefined;
  }

  /** It failed: tells the client what can still be told. */
  #end(failure: UpstreamFailure): void {
    if (this.#isOver) return;
    const { code, status, message, detail } = failure;
    this.#over({ code, status, message, detail });
    if (this.#reply.sent) {
      this.#reply.abort();
      return;
    }
    const { headers, body } = this.#describe(failure);
    this.#reply.send(status, headers, body);
  }

  #describe(failure: UpstreamFailure): { readonly headers?: HeaderRecord; readonly body?: string } {
    try {
      const described = this.#forwarding.onFailure?.(failure);
      if (described !== undefined) return described;
    } catch (error) {
      this.#host.report(error);
    }
    return formatProblem(failure.status, failure.code, failure.message);
  }

  #over(failure: UpstreamFailure | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#host.ended(this);
    if (this.#forwarding.onEnd !== undefined) this.#tellEnd(this.#forwarding.onEnd, failure);
  }

  #tellEnd(onEnd: NonNullable<Forwarding['onEnd']>, failure: UpstreamFailure | undefined): void {
    const end = {
      status: this.#status,
      endpoint: this.#pool?.name,
      retries: this.#retries,
      headMs: this.#headMs,
      totalMs: this.#host.clock.monotonic() - this.#startedAt,
      requestBytes: this.#requestBytes,
      responseBytes: this.#reply.bytes,
      upgraded: this.#isUpgraded,
      failure,
    };
    try {
      onEnd(end);
    } catch (error) {
      this.#host.report(error);
    }
  }
}

/** Whether `request` asks for a WebSocket (RFC 6455, section 4.1). No other upgrade passes: h2c would carry requests past every filter. */
function asksWebSocket(request: ServerRequest): boolean {
  const { headers, method, body, httpVersion } = request;
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket' || method !== 'GET') return false;
  if (body.present || httpVersion !== '1.1') return false;
  return headers.getAll('connection').some((value) => /(^|[\s,])upgrade($|[\s,])/i.test(value));
}
