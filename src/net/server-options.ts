import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import type { HttpLimits } from './config.ts';
import type { NetCode } from './errors.ts';
import type { HeaderRecord } from './headers.ts';
import type { Reply, ServerRequest } from './message.ts';

/** A certificate chain and its key, PEM. */
export interface TlsCredentials {
  /** Leaf first. */
  readonly certificate: string;
  readonly key: string;
}

/** TLS of a listener: 1.2 at least. Keys are agreed on as OpenSSL prefers: X25519 with ML-KEM-768 where the client has it. */
export interface ServerTls extends TlsCredentials {
  /** Default `TLSv1.2`. */
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** Other credentials for a server name that the client asks for; undefined: the ones above. */
  sni?(servername: string): TlsCredentials | undefined;
  /** Whether a client certificate is asked for, and whether one is needed. Default `none`. One that does not verify is never let in. */
  readonly clientCertificate?: 'none' | 'optional' | 'required';
  /** Bundle (PEM) that client certificates are verified against. Needed unless `none`. */
  readonly ca?: string;
  /** Whether HTTP/2 is offered (ALPN `h2`) besides HTTP/1.1. Default false. */
  readonly http2?: boolean;
  /**
   * Has the last word on a verified chain (DER, leaf first): an error ends the connection. Where the trust domain is
   * checked, among others. A connection without a certificate is not asked about.
   */
  verifyPeer?(chain: readonly Buffer[]): Error | undefined;
  /** `verifyPeer`: it alone judges the chain, and OpenSSL's verdict is not asked. Default `bundle`: both must agree. */
  readonly judge?: 'bundle' | 'verifyPeer';
  /**
   * Keys of 48 bytes shared by the workers of a port, so that any of them resumes a session of another: the first makes tickets,
   * all are accepted. Not used with client certificates: a resumed session would outlive their check.
   */
  readonly ticketKeys?: readonly Buffer[];
  /** Where certificate authorities ask for proof by TLS-ALPN-01 (RFC 8737): the challenge's certificate of a name. */
  challenge?(servername: string): TlsCredentials | undefined;
}

/** A request, or a connection, that the engine itself refused. */
export interface Refusal {
  readonly code: NetCode;
  /** Status that is sent. */
  readonly status: number;
  /** Public sentence. */
  readonly message: string;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localPort: number;
  readonly scheme: 'http' | 'https';
  /** As far as it was read. Untrusted. */
  readonly method: string | undefined;
  readonly target: string | undefined;
}

/** What a refused client gets to read. */
export interface RefusalReply {
  readonly headers?: HeaderRecord;
  readonly body?: string;
}

/** What may change while a listener runs. */
export interface ListenerSettings {
  readonly limits?: Partial<HttpLimits>;
  /** CIDRs of proxies whose `X-Forwarded-*` are believed. */
  readonly trustedProxies?: readonly string[];
  /** `required`: each connection begins with a PROXY protocol header (v1 or v2), believed only from `trustedProxies`. Default `none`. */
  readonly proxyProtocol?: 'none' | 'required';
}

export interface HttpServerOptions extends ListenerSettings {
  readonly clock: Clock;
  readonly tls?: ServerTls;
  /** `prior-knowledge`: a connection without TLS may begin with the preface of HTTP/2. Default `none`. */
  readonly http2?: 'none' | 'prior-knowledge';
  /** Must answer each request through `reply`, in time. What it throws (or rejects with) is answered by 500 and told to `log`. */
  onRequest(request: ServerRequest, reply: Reply): void | Promise<void>;
  /** Told of each refusal before the reply is written; gives its fields and body. Default: an RFC 9457 problem. */
  onRefused?(refusal: Refusal): RefusalReply | undefined;
  readonly log?: Logger;
  /** What is done at most in one turn of the event loop; default `defaultTurnBounds`. */
  readonly turnBounds?: TurnBounds;
}

/** What everybody waits for who is served already, and so is done a few at a time. */
export interface TurnBounds {
  /** TLS handshakes begun: each is most of a millisecond of work. */
  readonly handshakes: number;
  /** Connections that a sweep ends: those of an attack came together and are due together. */
  readonly endings: number;
}

/**
 * Two handshakes are more than a core can do, and no client waits for another that is slow. A thousand refusals with their records at once
 * would hold up everybody else for a fifth of a second.
 */
export const defaultTurnBounds: TurnBounds = { handshakes: 2, endings: 8 };

/**
 * Where to listen. `acceptors`: how many sockets listen there, each of which lets in one connection a turn; default 1. `fds`: descriptors of a
 * listening socket that was handed over, all of the same one.
 */
export type ListenAddress =
  | { readonly host: string; readonly port: number; readonly backlog?: number; readonly acceptors?: number }
  | { readonly fds: readonly number[] }
  | { readonly path: string };

export interface HttpServer {
  /** Throws `net.listen`. Resolves when connections are accepted. */
  listen(address: ListenAddress): Promise<void>;
  /** Where it listens: the port that the system chose, or the path. */
  address(): { readonly host: string; readonly port: number } | { readonly path: string };
  /** Bounds, trusted proxies and PROXY protocol of the connections to come. Running ones keep theirs. Throws `net.bad-cidr` and changes nothing. */
  configure(settings: ListenerSettings): void;
  /** New connections use `tls` from now on; running ones are kept. Throws `net.bad-tls` and changes nothing where it does not load. */
  setTls(tls: ServerTls): void;
  /**
   * Accepts no more, answers what is under way with `Connection: close`, then closes; what is left after `timeoutMs` is cut. Idle
   * connections are kept for `idleGraceMs` (default 0): a request that is on its way over one is answered, and not lost to the
   * end that it crosses (RFC 9112, section 9.6).
   */
  drain(timeoutMs: number, idleGraceMs?: number): Promise<void>;
  /** Cuts every connection and releases the port. May be called twice. */
  stop(): Promise<void>;
  readonly stats: ServerStats;
}

/** Counters since the start, for metrics. */
export interface ServerStats {
  /** Open now. */
  connections: number;
  accepted: number;
  /** Not let in: over a bound, failed handshake, certificate refused. */
  rejected: number;
  requests: number;
  /** Requests under way now. */
  active: number;
  refused: number;
}
