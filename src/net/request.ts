import type { CidrSet } from './cidr.ts';
import { type ClientAddress, resolveClient } from './client-address.ts';
import type { Headers } from './headers.ts';
import type { PeerCertificate, RequestBody, ServerRequest } from './message.ts';
import type { NormalPath } from './path.ts';
import type { Authority, Target } from './target.ts';

/** What all requests of a connection share. */
export interface PeerInfo {
  readonly scheme: 'http' | 'https';
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly localPort: number;
  readonly peerCertificate: PeerCertificate | undefined;
  readonly servername: string | undefined;
  readonly trustedProxies: CidrSet | undefined;
  /** The client that the last request was from. */
  lastClient?: ClientAddress;
}

/** A request line, taken apart and normalised. */
export interface RequestLine {
  readonly method: string;
  readonly rawTarget: string;
  readonly version: '1.0' | '1.1' | '2';
  readonly target: Target;
  readonly normal: NormalPath;
}

/** A request. Plain data but for `client`, which is derived when it is first asked for. */
export class IncomingRequest implements ServerRequest {
  readonly method: string;
  readonly rawTarget: string;
  readonly rawPath: string;
  readonly path: string;
  readonly hasEncodedSlash: boolean;
  readonly query: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
  readonly headers: Headers;
  readonly httpVersion: '1.0' | '1.1' | '2';
  readonly receivedAt: number;
  readonly body: RequestBody;
  readonly #peer: PeerInfo;
  #client: ClientAddress | undefined;

  constructor(
    peer: PeerInfo,
    line: RequestLine,
    authority: Authority,
    message: { readonly headers: Headers; readonly body: RequestBody; readonly receivedAt: number },
  ) {
    this.#peer = peer;
    this.method = line.method;
    this.rawTarget = line.rawTarget;
    this.rawPath = line.target.path;
    this.path = line.normal.path;
    this.hasEncodedSlash = line.normal.hasEncodedSlash;
    this.query = line.target.query;
    this.httpVersion = line.version;
    this.host = authority.host;
    this.port = authority.port;
    this.headers = message.headers;
    this.body = message.body;
    this.receivedAt = message.receivedAt;
  }

  get scheme(): 'http' | 'https' {
    return this.#peer.scheme;
  }

  get remoteAddress(): string {
    return this.#peer.remoteAddress;
  }

  get remotePort(): number {
    return this.#peer.remotePort;
  }

  get localPort(): number {
    return this.#peer.localPort;
  }

  get peerCertificate(): PeerCertificate | undefined {
    return this.#peer.peerCertificate;
  }

  get servername(): string | undefined {
    return this.#peer.servername;
  }

  get client(): ClientAddress {
    this.#client ??= this.#resolveClient();
    return this.#client;
  }

  /** Where no proxy is believed it is the peer, and all its requests to a host can share what is known of it. */
  #resolveClient(): ClientAddress {
    const { scheme, host, headers, remoteAddress } = this;
    const { trustedProxies, lastClient } = this.#peer;
    if (trustedProxies === undefined && lastClient?.host === host) return lastClient;
    const client = resolveClient({ remoteAddress, scheme, host, headers }, trustedProxies);
    this.#peer.lastClient = client;
    return client;
  }
}
