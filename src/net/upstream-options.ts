import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import type { UpstreamLimits } from './config.ts';
import type { NetCode } from './errors.ts';
import type { HeaderRecord, Headers } from './headers.ts';
import type { Reply, ServerRequest } from './message.ts';
import type { TlsCredentials } from './server-options.ts';

/** A member of an upstream. */
export type Endpoint = { readonly host: string; readonly port: number } | { readonly path: string };

/**
 * What an upstream speaks. `http2`: by ALPN where there is TLS, else by prior knowledge (RFC 9113, section 3.3). `grpc`: HTTP/2 whose
 * calls may pause, in both directions, for as long as the upstream's own idle bound allows.
 */
export type UpstreamProtocol = 'http1' | 'http2' | 'grpc';

/** TLS toward an upstream: 1.2 at least; the chain is always verified. */
export interface UpstreamTls {
  /** Bundle (PEM) that the endpoint's chain must end in. Absent: the machine's roots. A getter, so that a rotated bundle applies to new connections. */
  ca?(): string | readonly string[];
  /** Our own certificate, where the endpoint asks for one. Called for each new connection. */
  credentials?(): TlsCredentials;
  /** Name asked for and checked against the certificate. Default: the endpoint's host. */
  readonly servername?: string;
  /** Has the last word on the verified chain (DER, leaf first). With it the host name is not checked: SPIFFE names no hosts. */
  verifyPeer?(chain: readonly Buffer[]): Error | undefined;
}

/** An active check: an endpoint is healthy while `GET path` answers below 400. */
export interface HealthCheck {
  readonly path: string;
  readonly intervalMs: number;
  /** Default 2000. */
  readonly timeoutMs?: number;
  /** Host header. Default: the endpoint's own. */
  readonly host?: string;
  /** Failures in a row that take an endpoint out, successes that take it back. Default 2 and 1. */
  readonly failures?: number;
  readonly successes?: number;
}

/** The addresses of a host name. Rejects where there are none to be had. */
export type LookupAddresses = (host: string) => Promise<readonly string[]>;

/** How long the addresses of a name are good for, ms; undefined where nobody says. Never rejects. */
export type LookupLifetime = (host: string, addresses: readonly string[]) => Promise<number | undefined>;

export interface UpstreamOptions {
  /** For logs and errors. */
  readonly name: string;
  readonly clock: Clock;
  readonly endpoints: readonly Endpoint[];
  readonly tls?: UpstreamTls;
  /** Default `http1`. */
  readonly protocol?: UpstreamProtocol;
  readonly limits?: Partial<UpstreamLimits>;
  readonly healthCheck?: HealthCheck;
  /**
   * Resolves the names among the endpoints anew, at least so often: all addresses of a name are endpoints. Default: a name is resolved by
   * each new connection.
   */
  readonly resolve?: {
    readonly intervalMs: number;
    readonly lookup?: LookupAddresses;
    /** Default, where `lookup` is the machine's own: what DNS says. */
    readonly lifetime?: LookupLifetime;
  };
  readonly log?: Logger;
}

/** Why an upstream gave no answer. */
export interface UpstreamFailure {
  readonly code: NetCode;
  /** 502, 503 or 504; or the status of a fault of the client's own body (400, 408, 413). */
  readonly status: number;
  readonly message: string;
  /** For the operator. */
  readonly detail: string | undefined;
}

/** How a forwarded exchange ended. Reported once. */
export interface ForwardEnd {
  /** Status of the upstream, 0 where there was none. */
  readonly status: number;
  /** Endpoint that answered (or failed last): `10.0.0.7:8080`. */
  readonly endpoint: string | undefined;
  readonly retries: number;
  /** From `forward` to the response head, and to the end, in ms. */
  readonly headMs: number;
  readonly totalMs: number;
  readonly requestBytes: number;
  readonly responseBytes: number;
  readonly upgraded: boolean;
  /** Trailers of the upstream, sent on or not. */
  readonly trailers: Headers | undefined;
  readonly failure: UpstreamFailure | undefined;
}

/** What a client reads where the upstream gave nothing, or broke off. */
export interface FailureReply {
  /** Default: that of the failure. */
  readonly status?: number;
  readonly headers?: HeaderRecord;
  readonly body?: string;
  /** Ends an answer that has begun, in place of a cut that only tells that it is not complete. */
  readonly trailers?: Headers;
}

/** What is sent to the upstream, and who is told. */
export interface Forwarding {
  /** Default: the request's. */
  readonly method?: string;
  /** Path as it shall stand on the wire: normalised. Default: the request's `path`. */
  readonly path?: string;
  /** Default: the request's; null: none. */
  readonly query?: string | null | undefined;
  /**
   * Fields to send. Default: the request's. Hop-by-hop fields are dropped, framing fields are the engine's. `Host` is kept
   * as it is where there is one.
   */
  readonly headers?: Headers;
  /** Whether a WebSocket upgrade may pass. Default true. Other upgrades never do. */
  readonly upgrade?: boolean;
  /** Bound on the whole exchange, ms; default that of the upstream. */
  readonly totalMs?: number;
  /** The caller's own deadline, ms from now. Met more exactly than `totalMs`. */
  readonly deadlineMs?: number | undefined;
  /** May edit the fields of the response before they are sent. Hop-by-hop fields are gone by then. */
  onResponseHead?(status: number, headers: Headers): void;
  /** Writes what the client reads where the upstream gave nothing, or broke off. Default: an RFC 9457 problem, or a cut. */
  onFailure?(failure: UpstreamFailure): FailureReply | undefined;
  onEnd?(end: ForwardEnd): void;
}

/** A small internal call. */
export interface FetchRequest {
  readonly method?: string;
  /** Path and query as on the wire. */
  readonly path: string;
  readonly headers?: HeaderRecord;
  readonly body?: string | Buffer;
  /** Bound on the response body. Default 1 MiB. */
  readonly maxBytes?: number;
  /** Bound on the whole exchange. Default 10 s. */
  readonly timeoutMs?: number;
}

export interface FetchResponse {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/** A named group of endpoints. */
export interface Upstream {
  readonly name: string;
  /** Sends `request` on and its answer back through `reply`. Everything that can fail is answered and told to `onEnd`; never throws. */
  forward(request: ServerRequest, reply: Reply, forwarding?: Forwarding): void;
  /** Throws NetError `net.upstream-*`. */
  fetch(request: FetchRequest): Promise<FetchResponse>;
  /** Endpoints that stay keep their connections; those that go are drained. */
  setEndpoints(endpoints: readonly Endpoint[]): void;
  /** State of each endpoint, for health reports and metrics. */
  status(): readonly EndpointStatus[];
  /** Lets what is under way end (at most `timeoutMs`), then closes everything. */
  drain(timeoutMs: number): Promise<void>;
  /** Cuts everything. */
  stop(): Promise<void>;
}

export interface EndpointStatus {
  readonly endpoint: string;
  readonly healthy: boolean;
  readonly ejected: boolean;
  readonly active: number;
  readonly idle: number;
}
