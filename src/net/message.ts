import type { ClientAddress } from './client-address.ts';
import type { NetError } from './errors.ts';
import type { HeaderRecord, Headers } from './headers.ts';

/** Where a body goes, piece by piece. */
export interface BodySink {
  /** It keeps none of the bytes after `data` returns: it is lent them, and they need not be copied for it. */
  readonly keepsNothing?: boolean;
  /** Takes a piece (its bytes may be kept). False asks the source to wait until its `resume` is called. */
  data(chunk: Buffer): boolean;
  /** The body is complete. */
  end(trailers: Headers | undefined): void;
  /** The body will never be complete: its sender went away, broke the framing, was too slow or sent too much. */
  error(error: NetError): void;
}

/** The body of a request. It is read once: buffered, then perhaps piped on, or piped at once. Nothing is read before. */
export interface RequestBody {
  /** Whether the message has a body at all (perhaps one of length 0 when chunked). */
  readonly present: boolean;
  /** Content-Length, 0 where there is no body, undefined where it is chunked. */
  readonly length: number | undefined;
  /** Bytes of content received so far. */
  readonly received: number;
  /** Whether all of it has been received. */
  readonly complete: boolean;
  /**
   * From now on the body may hold `maxBytes` and no more: what reads it fails with `net.body-too-large`. Returns false
   * where the declared length already says that it is longer.
   */
  limit(maxBytes: number): boolean;
  /** As `limit`, for a stream of gRPC messages: none may be larger, however many there are. */
  limitMessages(maxBytes: number): void;
  /** The whole body. It can still be piped (or forwarded) afterwards. Rejects with `net.body-too-large`, `net.client-closed`, `net.bad-chunk`, `net.body-timeout`. */
  buffer(maxBytes: number): Promise<Buffer>;
  /**
   * As `buffer`, at once: undefined where `buffer` must be asked, since not all of it is here or it is too large. A small body mostly
   * comes with its head.
   */
  whole(maxBytes: number): Buffer | undefined;
  /**
   * Waits until `bytes` of it are there, or all of it, before anybody reads it; then calls `done`, once, with the error where that will
   * never be. It can be piped afterwards.
   */
  gather(bytes: number, done: (error: NetError | undefined) => void): void;
  /** Streams the body into `sink`, from its first byte. Throws `net.body-used` where it was piped before. */
  pipe(sink: BodySink): void;
  /** Go on after a sink answered false. */
  resume(): void;
  /** From now on its sender may pause, as in a conversation: who calls this bounds the exchange instead. */
  mayPause(): void;
}

/** A request as it came from a client, checked against the grammar in full. */
export interface ServerRequest {
  readonly method: string;
  /** The request target as it stands on the wire. Untrusted text: never forward it, never route by it. */
  readonly rawTarget: string;
  /** Path of the target as it stands on the wire. */
  readonly rawPath: string;
  /**
   * Normalised path (see `normalisePath`): starts with "/", no dot segments, no empty segments, percent-encoding only
   * where it is needed and in upper case. An encoded slash stays `%2F`: see `hasEncodedSlash`. `*` for `OPTIONS *`.
   */
  readonly path: string;
  /** Whether the path came with a `%2F`. A route that does not expect one must refuse it. */
  readonly hasEncodedSlash: boolean;
  /** What follows the first "?", without it, as it stands on the wire; undefined where there is none. */
  readonly query: string | undefined;
  /** How the connection itself was made, whatever a header says. */
  readonly scheme: 'http' | 'https';
  /** Host without port, in lower case; IPv6 addresses in brackets. Empty where an HTTP/1.0 request names none. */
  readonly host: string;
  /** Port that the client named, or undefined. */
  readonly port: number | undefined;
  readonly headers: Headers;
  readonly httpVersion: '1.0' | '1.1' | '2';
  /** Address of the peer of the connection (or what a trusted PROXY header says); empty on a Unix socket. IPv4-mapped addresses are written as IPv4. */
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localPort: number;
  /** The client behind proxies that are trusted; without any, the peer itself. Computed when first asked. */
  readonly client: ClientAddress;
  /** The client's certificate, where it gave one and its chain was verified. */
  readonly peerCertificate: PeerCertificate | undefined;
  /** Server name that the client asked for in TLS. */
  readonly servername: string | undefined;
  /** Monotonic time (ms) at which the head was complete. */
  readonly receivedAt: number;
  readonly body: RequestBody;
}

/** A certificate chain that the peer gave in TLS and that was verified. */
export interface PeerCertificate {
  /** DER of the leaf. */
  readonly leaf: Buffer;
  /** DER of the chain as verified, leaf first. */
  readonly chain: readonly Buffer[];
  /** Whether the chain ends in the configured bundle. Connections with a chain that does not are not let in. */
  readonly authorized: boolean;
}

/** How a reply ended. */
export interface ReplyEnd {
  /** Status that was sent; 0 where the connection went before any was. */
  readonly status: number;
  /** Bytes of content handed to the connection. */
  readonly bytes: number;
  /** Whether the client did not get all of it. */
  readonly aborted: boolean;
}

/** The one answer to a request. Framing and hop-by-hop fields are the engine's: what a caller sets of them is dropped. */
export interface Reply {
  /** Whether the head is on its way. Nothing can be changed then. */
  readonly sent: boolean;
  /** Whether the reply is over: complete, or its client is gone. */
  readonly closed: boolean;
  /** Status sent, 0 before. */
  readonly status: number;
  /** Bytes of content written so far. */
  readonly bytes: number;
  /** A whole reply in one write. Ignored after another. Throws `net.bad-field` on a field that could not stand on the wire. */
  send(status: number, headers?: Headers | HeaderRecord, body?: string | Buffer): void;
  /** An interim response: 103 Early Hints, 102. Not sent to HTTP/1.0 clients. */
  interim(status: number, headers: Headers | HeaderRecord): void;
  /** Begins a streamed reply. With `length` the content must be just that long; without it is chunked (or ends with the connection). */
  start(status: number, headers: Headers | HeaderRecord, length?: number): void;
  /** A piece of content. False asks to wait for `onDrain`. */
  write(chunk: Buffer | string): boolean;
  /** Ends a streamed reply, perhaps with a last piece, perhaps with trailers. */
  end(chunk?: Buffer | string, trailers?: Headers): void;
  /** Cuts the connection so that the client can see that the reply is not complete. */
  abort(): void;
  /** Called each time the connection can take more after `write` answered false. One listener; setting it replaces it. */
  onDrain: (() => void) | undefined;
  /** Of a reply that reads what another one will send: that other one, which can become a tunnel where this one cannot. */
  readonly beneath?: Reply;
  /** Called when the head is written. */
  onSent(listener: (status: number) => void): void;
  /** Called once, when the reply is over; at once where it is already. */
  onClosed(listener: (end: ReplyEnd) => void): void;
}
