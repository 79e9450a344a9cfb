import type { Socket } from 'node:net';
import type { TLSSocket, Server as TlsServer } from 'node:tls';
import { messageOf } from '../core/errors.ts';
import { silentLogger } from '../core/log.ts';
import { Acceptors } from './acceptors.ts';
import { type CidrSet, compileCidrs } from './cidr.ts';
import { awaitBytes, peekAlpnOffer } from './client-hello.ts';
import { defaultHttpLimits, type HttpLimits } from './config.ts';
import type { ConnectionHost } from './connection-host.ts';
import { ConnectionTable } from './connection-table.ts';
import { Http2Connection } from './http2-connection.ts';
import { takeIn } from './intake.ts';
import { plainAddress } from './ip-address.ts';
import type { Reply, ServerRequest } from './message.ts';
import { detectPreface } from './preface.ts';
import { formatProblem } from './problem.ts';
import { type ProxySource, takeProxyHeader } from './proxy-protocol.ts';
import { refuse } from './refusal.ts';
import type { PeerInfo } from './request.ts';
import { ServerConnection } from './server-connection.ts';
import {
  defaultTurnBounds,
  type HttpServer,
  type HttpServerOptions,
  type ListenAddress,
  type ListenerSettings,
  type ServerStats,
  type ServerTls,
} from './server-options.ts';
import { acmeProtocol, checkPeer, createChallengeServer, createTlsServer, readPeerCertificate } from './tls.ts';
import { Turnstile } from './turnstile.ts';

/** A server of HTTP/1.1, and of HTTP/2 where TLS offers it. Throws `net.bad-tls`, `net.bad-cidr`. It takes connections after `listen`. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  return new SocketServer(options);
}

class SocketServer implements HttpServer {
  readonly stats: ServerStats = { connections: 0, accepted: 0, rejected: 0, requests: 0, active: 0, refused: 0 };
  readonly #options: HttpServerOptions;
  readonly #table: ConnectionTable;
  readonly #host: ConnectionHost & { isDraining: boolean; limits: HttpLimits };
  #trustedProxies: CidrSet | undefined;
  #proxyProtocol: 'none' | 'required';
  readonly #acceptors: Acceptors;
  #tls: { readonly server: TlsServer; readonly challenge: TlsServer | undefined } | undefined;
  /** Of TLS connections with a PROXY header: where they come from. */
  readonly #sources = new Map<string, ProxySource>();
  readonly #handshakes: Turnstile<Socket>;

  constructor(options: HttpServerOptions) {
    const limits = limitsOf(options);
    this.#options = options;
    this.#trustedProxies = trustedOf(options);
    this.#proxyProtocol = options.proxyProtocol ?? 'none';
    const { handshakes, endings } = options.turnBounds ?? defaultTurnBounds;
    this.#handshakes = new Turnstile(handshakes, (socket) => this.#shakeHands(socket));
    this.#table = new ConnectionTable(limits, options.clock, endings);
    this.#host = {
      clock: options.clock,
      limits,
      isDraining: false,
      handle: (request, reply) => this.#handle(request, reply),
      refuse: (error, peer, refused) => {
        this.stats.refused++;
        return refuse(options, error, peer, refused);
      },
      report: (error) => this.#log.error({ error: messageOf(error) }, 'a callback failed'),
      requestStarted: () => {
        this.stats.requests++;
        this.stats.active++;
      },
      requestEnded: () => {
        this.stats.active--;
      },
      closed: (connection) => {
        this.stats.connections--;
        this.#table.remove(connection);
      },
    };
    if (options.tls !== undefined) this.setTls(options.tls);
    this.#acceptors = new Acceptors({
      accepted: (socket) => this.#accept(socket),
      failed: (error) => this.#log.error({ error: error.message }, 'listener failed'),
    });
  }

  listen(address: ListenAddress): Promise<void> {
    return this.#acceptors.listen(address);
  }

  address(): { readonly host: string; readonly port: number } | { readonly path: string } {
    return this.#acceptors.address();
  }

  configure(settings: ListenerSettings): void {
    const trusted = trustedOf(settings);
    const limits = limitsOf(settings);
    this.#trustedProxies = trusted;
    this.#proxyProtocol = settings.proxyProtocol ?? 'none';
    this.#host.limits = limits;
    this.#table.configure(limits);
  }

  setTls(tls: ServerTls): void {
    const { tlsHandshakeMs } = this.#host.limits;
    const server = createTlsServer(tls, tlsHandshakeMs, (socket) => this.#secured(socket, tls));
    server.on('tlsClientError', (error, socket) => {
      this.stats.rejected++;
      this.#log.debug({ error: error.message, remoteAddress: socket.remoteAddress }, 'handshake failed');
    });
    const challenge = tls.challenge === undefined ? undefined : createChallengeServer(tls, tlsHandshakeMs);
    challenge?.on('tlsClientError', (error) => this.#log.debug({ error: error.message }, 'challenge failed'));
    this.#tls = { server, challenge };
  }

  async drain(timeoutMs: number, idleGraceMs = 0): Promise<void> {
    const { clock } = this.#options;
    this.#host.isDraining = true;
    const closed = this.#acceptors.close();
    const timers = [clock.after(timeoutMs, () => this.#table.destroy())];
    if (idleGraceMs === 0) this.#table.drain();
    else timers.push(clock.after(idleGraceMs, () => this.#table.drain()));
    await this.#table.whenEmpty();
    for (const timer of timers) timer.cancel();
    await closed;
  }

  async stop(): Promise<void> {
    this.#host.isDraining = true;
    const closed = this.#acceptors.close();
    this.#table.destroy();
    await this.#table.whenEmpty();
    await closed;
  }

  get #log() {
    return this.#options.log ?? silentLogger;
  }

  #accept(socket: Socket): void {
    // Without a listener an error would end the process; what matters follows as `close`.
    socket.on('error', ignore);
    if (!this.#table.admit(socket)) this.#reject(socket);
    else if (this.#proxyProtocol !== 'required') this.#admit(socket, sourceOf(socket));
    else this.#takeProxyHeader(socket);
  }

  #takeProxyHeader(socket: Socket): void {
    const own = sourceOf(socket);
    // Whoever reaches a Unix socket was let into its folder.
    if (own.address !== '' && this.#trustedProxies?.has(own.address) !== true) {
      this.#reject(socket);
      return;
    }
    const { clock } = this.#options;
    takeProxyHeader(socket, { clock, timeoutMs: this.#host.limits.headerTimeMs }, (source, error) => {
      if (error !== undefined) this.#reject(socket);
      else {
        if (source !== undefined && this.#tls !== undefined) this.#remember(socket, source);
        this.#admit(socket, source ?? own);
      }
    });
  }

  /** The TLS server hands back another object of the same connection. */
  #remember(socket: Socket, source: ProxySource): void {
    const key = connectionKey(socket);
    this.#sources.set(key, source);
    socket.once('close', () => this.#sources.delete(key));
  }

  #admit(socket: Socket, source: ProxySource): void {
    if (!this.#table.admitFrom(socket, source.address)) {
      this.#reject(socket);
      return;
    }
    this.stats.accepted++;
    if (this.#tls === undefined) {
      this.#serve(socket, source, undefined);
      return;
    }
    // Whoever has said nothing yet asks for no work, and would say it together with all others later.
    const wait = { clock: this.#options.clock, timeoutMs: this.#host.limits.tlsHandshakeMs };
    awaitBytes(socket, wait, (areThere) => {
      if (areThere) this.#handshakes.enter(socket);
      else this.#reject(socket);
    });
  }

  #shakeHands(socket: Socket): void {
    if (this.#tls === undefined || socket.destroyed) return;
    const { server, challenge } = this.#tls;
    if (challenge === undefined) server.emit('connection', socket);
    else this.#emitByProtocol(socket, server, challenge);
  }

  /** While a certificate authority may ask for proof, what a connection offers decides which certificate it is shown. */
  #emitByProtocol(socket: Socket, server: TlsServer, challenge: TlsServer): void {
    const timeoutMs = this.#host.limits.tlsHandshakeMs;
    peekAlpnOffer(socket, { clock: this.#options.clock, timeoutMs }, (offer) => {
      if (offer === undefined) this.#reject(socket);
      else (offer.length === 1 && offer[0] === acmeProtocol ? challenge : server).emit('connection', socket);
    });
  }

  #reject(socket: Socket): void {
    this.stats.rejected++;
    socket.destroy();
  }

  #secured(socket: TLSSocket, tls: ServerTls): void {
    socket.on('error', ignore);
    const asksForNone = (tls.clientCertificate ?? 'none') === 'none';
    const peer = asksForNone ? undefined : readPeerCertificate(socket);
    const problem = checkPeer(tls, peer);
    if (problem !== undefined) {
      this.#log.info({ reason: problem.message, remoteAddress: socket.remoteAddress }, 'client certificate refused');
      this.#reject(socket);
      return;
    }
    const source = this.#sources.size > 0 ? this.#sources.get(connectionKey(socket)) : undefined;
    this.#serve(socket, source ?? sourceOf(socket), peer);
  }

  #serve(socket: Socket, source: ProxySource, peerCertificate: PeerInfo['peerCertificate']): void {
    const servername = (socket as Partial<TLSSocket>).servername;
    const peer: PeerInfo = {
      scheme: this.#tls === undefined ? 'http' : 'https',
      remoteAddress: source.address,
      remotePort: source.port,
      localPort: socket.localPort ?? 0,
      peerCertificate,
      servername: typeof servername === 'string' ? servername : undefined,
      trustedProxies: this.#trustedProxies,
    };
    if (this.#tls !== undefined || this.#options.http2 !== 'prior-knowledge') {
      this.#speak((socket as Partial<TLSSocket>).alpnProtocol === 'h2', socket, peer);
      return;
    }
    const bounds = { clock: this.#options.clock, timeoutMs: this.#host.limits.headerTimeMs };
    detectPreface(socket, bounds, (protocol) => {
      if (protocol === undefined) this.#reject(socket);
      else this.#speak(protocol === 'h2', socket, peer);
    });
  }

  #speak(isHttp2: boolean, socket: Socket, peer: PeerInfo): void {
    this.stats.connections++;
    this.#table.add(
      isHttp2
        ? new Http2Connection(this.#host, socket, peer)
        : new ServerConnection(this.#host, socket, peer, takeIn(socket)),
    );
  }

  #handle(request: ServerRequest, reply: Reply): void {
    try {
      const pending = this.#options.onRequest(request, reply);
      if (pending instanceof Promise) pending.catch((error: unknown) => this.#handlerFailed(error, reply));
    } catch (error) {
      this.#handlerFailed(error, reply);
    }
  }

  #handlerFailed(error: unknown, reply: Reply): void {
    this.#log.error({ error: messageOf(error) }, 'request handler failed');
    if (reply.sent) {
      reply.abort();
      return;
    }
    const problem = formatProblem(500, 'net.internal', 'the request could not be handled');
    reply.send(500, problem.headers, problem.body);
  }
}

const ignore = (): void => undefined;

function limitsOf({ limits }: ListenerSettings): HttpLimits {
  return { ...defaultHttpLimits, ...limits };
}

function trustedOf({ trustedProxies }: ListenerSettings): CidrSet | undefined {
  return trustedProxies === undefined ? undefined : compileCidrs(trustedProxies);
}

/** The far end as the system sees it. */
function sourceOf(socket: Socket): ProxySource {
  return { address: plainAddress(socket.remoteAddress ?? ''), port: socket.remotePort ?? 0 };
}

function connectionKey(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress}`;
}
