import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import { messageOf } from '../core/errors.ts';
import { NetError } from './errors.ts';
import { Intake } from './intake.ts';
import { readPeerCertificate } from './tls.ts';
import type { Endpoint, UpstreamTls } from './upstream-options.ts';

/** How an endpoint is named in logs, errors and metrics. */
export function endpointName(endpoint: Endpoint): string {
  if ('path' in endpoint) return endpoint.path;
  return endpoint.host.includes(':') ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
}

/** Told once how a dial ended. */
export interface DialOutcome {
  connected(): void;
  failed(error: NetError): void;
}

/** A socket that is being connected, and what reads it. */
export interface Dialled {
  readonly socket: Socket;
  readonly intake: Intake;
}

/**
 * Connects to an endpoint, with TLS where `tls` is given: the chain must end in the bundle, and either the host name is checked or
 * `verifyPeer` has the last word. Until `connected` the socket must not be written to.
 */
export function dial(endpoint: Endpoint, tls: UpstreamTls | undefined, outcome: DialOutcome): Dialled {
  const intake = new Intake();
  const options = { ...socketOptions, ...endpoint, onread: intake.onread };
  const socket = tls === undefined ? dialPlain(options, outcome) : dialTls(endpoint, options, tls, outcome);
  intake.attach(socket);
  return { socket, intake };
}

/** As `dial`, for HTTP/2: by ALPN where `tls` is given, else by prior knowledge. */
export function dialHttp2(endpoint: Endpoint, tls: UpstreamTls | undefined, outcome: DialOutcome): Socket {
  // Half a connection means nothing to HTTP/2, which reads the socket by itself.
  const options = { ...socketOptions, ...endpoint, allowHalfOpen: false, ALPNProtocols: ['h2'] };
  return tls === undefined ? dialPlain(options, outcome) : dialTls(endpoint, options, tls, outcome);
}

const socketOptions = {
  noDelay: true,
  allowHalfOpen: true,
  highWaterMark: 65_536,
  autoSelectFamily: true,
  ALPNProtocols: ['http/1.1'],
};

type SocketOptions = typeof socketOptions & Endpoint;

function dialPlain(options: SocketOptions, outcome: DialOutcome): Socket {
  const socket = connectTcp(options);
  const fail = (error: Error): void => {
    outcome.failed(new NetError('net.upstream-connect', 502, 'the service cannot be reached', messageOf(error)));
  };
  socket.once('error', fail);
  socket.once('connect', () => {
    socket.off('error', fail);
    socket.on('error', ignore);
    outcome.connected();
  });
  return socket;
}

function dialTls(endpoint: Endpoint, plain: SocketOptions, tls: UpstreamTls, outcome: DialOutcome): Socket {
  const options = { ...plain, ...tlsOptions(endpoint, tls) };
  const socket = connectTls(options as ConnectionOptions);
  const fail = (error: Error): void => {
    outcome.failed(new NetError('net.upstream-tls', 502, 'no trusted connection to the service', messageOf(error)));
  };
  socket.once('error', fail);
  socket.once('secureConnect', () => {
    socket.off('error', fail);
    socket.on('error', ignore);
    const chain = readPeerCertificate(socket)?.chain ?? [];
    const problem = tls.verifyPeer?.(chain);
    const isAsAsked = !plain.ALPNProtocols.includes('h2') || socket.alpnProtocol === 'h2';
    if (problem === undefined && isAsAsked) {
      outcome.connected();
      return;
    }
    socket.destroy();
    if (problem === undefined) {
      outcome.failed(new NetError('net.upstream-protocol', 502, 'the service does not speak HTTP/2'));
      return;
    }
    outcome.failed(new NetError('net.upstream-peer', 502, 'the service is not who it should be', problem.message));
  });
  return socket;
}

function tlsOptions(endpoint: Endpoint, tls: UpstreamTls): ConnectionOptions {
  const name = tls.servername ?? ('host' in endpoint ? endpoint.host : undefined);
  return {
    secureContext: contextOf(tls),
    rejectUnauthorized: true,
    // SNI may not carry an address (RFC 6066, section 3).
    ...(name === undefined || isIP(name) !== 0 ? {} : { servername: name }),
    ...(tls.verifyPeer === undefined ? {} : { checkServerIdentity: () => undefined }),
  };
}

interface KnownContext {
  readonly ca: string | readonly string[] | undefined;
  readonly certificate: string | undefined;
  readonly key: string | undefined;
  readonly context: SecureContext;
}

const contexts = new WeakMap<UpstreamTls, KnownContext>();

/** Keys and bundle as OpenSSL has them: parsing them anew would cost a connection as much as its handshake does. */
function contextOf(tls: UpstreamTls): SecureContext {
  const { certificate, key } = tls.credentials?.() ?? {};
  const ca = tls.ca?.();
  const known = contexts.get(tls);
  if (known !== undefined && known.certificate === certificate && known.key === key && known.ca === ca)
    return known.context;
  const context = createSecureContext({
    minVersion: 'TLSv1.2',
    ...(ca === undefined ? {} : { ca: ca as string | string[] }),
    ...(certificate === undefined || key === undefined ? {} : { cert: certificate, key }),
  });
  contexts.set(tls, { ca, certificate, key, context });
  return context;
}

const ignore = (): void => undefined;
