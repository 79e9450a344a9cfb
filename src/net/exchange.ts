import type { Clock, Timer } from '../core/clock.ts';
import type { Carrier, ResponseHandler } from './carrier.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import type { EndpointSet, Waiter } from './endpoint-set.ts';
import type { NetError } from './errors.ts';
import { isGrpc } from './grpc.ts';
import type { Headers } from './headers.ts';
import { dropHopByHop } from './hop-by-hop.ts';
import { Http2Reply } from './http2-reply.ts';
import type { BodySink, Reply, ServerRequest } from './message.ts';
import { formatProblem } from './problem.ts';
import { OutgoingReply } from './reply.ts';
import type { RetryBudget } from './retry-budget.ts';
import { SentBody } from './sent-body.ts';
import { joinSockets } from './tunnel.ts';
import type { FailureReply, Forwarding, UpstreamFailure, UpstreamProtocol } from './upstream-options.ts';
import { asksWebSocket, isAccepted } from './websocket.ts';

/** What an exchange needs of its upstream. */
export interface ExchangeHost {
  readonly clock: Clock;
  readonly endpoints: EndpointSet;
  readonly protocol: UpstreamProtocol;
  readonly budget: RetryBudget;
  readonly retryAttempts: number;
  readonly totalMs: number;
  readonly gatherBytes: number;
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
  /** An HTTP/1.1 connection writes what it is given at once. */
  readonly keepsNothing: boolean;
  readonly #host: ExchangeHost;
  readonly #request: ServerRequest;
  readonly #reply: Reply;
  readonly #forwarding: Forwarding;
  readonly #method: string;
  readonly #startedAt: number;
  readonly #asksUpgrade: boolean;
  /** The reply, where it is one of HTTP/1. */
  readonly #outgoing: OutgoingReply | undefined;
  /** The reply, or the one beneath it, where it can become a tunnel by HTTP/1.1. */
  readonly #switchable: OutgoingReply | undefined;
  /** The reply, where its client asks for a tunnel by HTTP/2. */
  readonly #tunnel: Http2Reply | undefined;
  #pool: EndpointPool | undefined;
  #carrier: Carrier | undefined;
  #retries = 0;
  #isBodySent = false;
  #isBodyComplete = false;
  /** Where the endpoint may send the request back: what it got of the body. */
  #sent: SentBody | undefined;
  #trailers: Headers | undefined;
  #deadline: Timer | undefined;
  #requestBytes = 0;
  #status = 0;
  #headMs = 0;
  #isUpgraded = false;
  #isOver = false;

  constructor(host: ExchangeHost, request: ServerRequest, reply: Reply, forwarding: Forwarding) {
    this.keepsNothing = host.protocol === 'http1';
    this.#host = host;
    this.#request = request;
    this.#reply = reply;
    this.#forwarding = forwarding;
    this.#method = forwarding.method ?? request.method;
    this.#startedAt = host.clock.monotonic();
    this.#outgoing = reply instanceof OutgoingReply ? reply : undefined;
    const last = reply.beneath ?? reply;
    this.#switchable = last instanceof OutgoingReply ? last : undefined;
    this.#tunnel = last instanceof Http2Reply && last.isForTunnel ? last : undefined;
    this.#asksUpgrade =
      forwarding.upgrade !== false &&
      host.protocol === 'http1' &&
      (this.#switchable ?? this.#tunnel) !== undefined &&
      asksWebSocket(request);
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
    if (this.#host.protocol === 'grpc' && isGrpc(this.#request.headers)) this.#request.body.mayPause();
    const { deadlineMs } = this.#forwarding;
    if (deadlineMs !== undefined) this.#deadline = this.#host.clock.after(deadlineMs, () => this.#expire());
    this.#reply.onClosed(({ aborted }) => {
      if (aborted) this.#giveUp();
    });
    const { body } = this.#request;
    if (body.present && this.#host.gatherBytes > 0) body.gather(this.#host.gatherBytes, this.#gathered);
    else this.#host.endpoints.lease(this);
  }

  readonly #gathered = (error: NetError | undefined): void => {
    if (error !== undefined) this.error(error);
    else if (!this.#isOver) this.#host.endpoints.lease(this);
  };

  /** Ends the exchange where it has lasted too long. */
  sweep(nowMs: number): void {
    if (this.#isUpgraded || nowMs - this.#startedAt < this.totalMs) return;
    this.#release();
    this.#end({ code: 'net.upstream-timeout', status: 504, message: 'the service takes too long', detail: undefined });
  }

  // As one who waits for a connection.

  ready(carrier: Carrier, pool: EndpointPool): void {
    this.#pool = pool;
    this.#carrier = carrier;
    carrier.send(this, this.#request, this.#forwarding, this.#asksUpgrade);
    if (!this.#request.body.present) carrier.end();
    else if (this.#isBodySent) this.#resend(carrier);
    else {
      this.#isBodySent = true;
      if (carrier.canRefuse) this.#sent = new SentBody();
      this.#request.body.pipe(this);
    }
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
    this.#requestBytes += chunk.length;
    this.#sent?.keep(chunk);
    // Between two attempts there is none: hold on.
    return this.#carrier === undefined ? this.#isOver : this.#carrier.write(chunk);
  }

  /** Trailers of a request are dropped: a service that merges them into its header fields would take them for checked. */
  end(): void {
    this.#isBodyComplete = true;
    this.#carrier?.end();
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
    if (this.#tunnel !== undefined && status < 300) {
      // To its client any success would be the tunnel that it asked for.
      this.#notUpgraded();
      return;
    }
    this.#began(status);
    this.#sent = undefined;
    if (status === 502 || status === 503 || status === 504) this.#poolFailed();
    else this.#pool?.succeeded();
    if (this.#forwarding.onResponseHead !== undefined) {
      // Whoever writes them leaves them out; who looks at them shall not see them either.
      dropHopByHop(headers);
      this.#forwarding.onResponseHead(status, headers);
    }
    this.#reply.start(status, headers, length);
  }

  content(chunk: Buffer): boolean {
    const takesMore =
      this.#outgoing?.lend(chunk) ?? this.#reply.write(this.#carrier?.lends === false ? chunk : Buffer.from(chunk));
    if (takesMore) return true;
    this.#reply.onDrain ??= () => this.#carrier?.resume();
    return false;
  }

  complete(trailers: Headers | undefined): void {
    const takesTrailers = trailers !== undefined && this.#request.headers.get('te')?.includes('trailers') === true;
    this.#carrier = undefined;
    this.#trailers = trailers;
    this.#over(undefined);
    this.#reply.end(undefined, takesTrailers ? trailers : undefined);
  }

  upgraded(headers: Headers): void {
    this.#began(101);
    this.#pool?.succeeded();
    this.#joinTunnel(headers);
  }

  failed(error: NetError): void {
    const carrier = this.#carrier;
    this.#carrier = undefined;
    // Not processed, as the endpoint itself says: any method may be asked again, elsewhere or by another connection.
    const isRefused = error.code === 'net.upstream-refused';
    if (!isRefused) this.#poolFailed();
    const wasUnanswered = error.code === 'net.upstream-reset' && carrier?.hasResponse === false;
    const mayRepeat = isRefused
      ? !this.#isBodySent || this.#sent?.pieces !== undefined
      : wasUnanswered && !this.#isBodySent && idempotent.has(this.#method);
    // Nothing was asked of anybody yet: the first time that costs nothing of the budget.
    if (mayRepeat && this.#mayRetry(isRefused && this.#retries === 0)) {
      this.#host.endpoints.lease(this, isRefused || (carrier?.uses ?? 1) > 1 ? undefined : this.#pool);
    } else this.#end(error);
  }

  /** What the endpoint before sent back. */
  #resend(carrier: Carrier): void {
    for (const piece of this.#sent?.pieces ?? []) carrier.write(piece);
    if (this.#isBodyComplete) carrier.end();
    else this.#request.body.resume();
  }

  /** The caller's own deadline has passed. */
  #expire(): void {
    this.#release();
    this.#end({ code: 'net.deadline-exceeded', status: 504, message: 'the deadline has passed', detail: undefined });
  }

  #began(status: number): void {
    this.#status = status;
    if (this.#forwarding.onEnd !== undefined) this.#headMs = this.#host.clock.monotonic() - this.#startedAt;
  }

  #joinTunnel(headers: Headers): void {
    const carrier = this.#carrier as Carrier;
    if (this.#tunnel !== undefined && !isAccepted(this.#request.headers, headers)) {
      this.#notUpgraded();
      return;
    }
    const far = carrier.detach();
    this.#carrier = undefined;
    const protocol = headers.get('upgrade') as string;
    dropHopByHop(headers);
    this.#forwarding.onResponseHead?.(101, headers);
    const near = this.#tunnel?.upgrade(headers) ?? this.#switchable?.upgrade(headers, protocol);
    if (near === undefined) {
      far.socket.destroy();
      return;
    }
    this.#isUpgraded = true;
    joinSockets(near, far, this.#host, () => {
      this.#pool?.forget(carrier);
      this.#over(undefined);
    });
  }

  #notUpgraded(): void {
    this.#release();
    const message = 'the service did not open the WebSocket that was asked for';
    this.#end({ code: 'net.upstream-malformed', status: 502, message, detail: undefined });
  }

  #mayRetry(isFree = false): boolean {
    if (this.#isOver || this.#reply.sent || this.#reply.closed || this.#retries >= this.#host.retryAttempts)
      return false;
    if (!isFree && !this.#host.budget.tryWithdraw()) return false;
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
    if (this.#carrier === undefined) this.#host.endpoints.abandon(this);
    else this.#carrier.destroy();
    this.#carrier = undefined;
  }

  /** It failed: tells the client what can still be told. */
  #end(failure: UpstreamFailure): void {
    if (this.#isOver) return;
    const { code, status, message, detail } = failure;
    this.#over({ code, status, message, detail });
    const described = this.#describe(failure);
    if (!this.#reply.sent) this.#reply.send(described.status ?? status, described.headers, described.body);
    else if (described.trailers === undefined) this.#reply.abort();
    else this.#reply.end(undefined, described.trailers);
  }

  #describe(failure: UpstreamFailure): FailureReply {
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
    this.#deadline?.cancel();
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
      trailers: this.#trailers,
      failure,
    };
    try {
      onEnd(end);
    } catch (error) {
      this.#host.report(error);
    }
  }
}
