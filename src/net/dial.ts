import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { messageOf } from '../core/errors.ts';
import { NetError } from './errors.ts';
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

/**
 * Connects to an endpoint, with TLS where `tls` is given: the chain must end in the bundle, and either the host name is checked or
 * `verifyPeer` has the last word. Until `connected` the socket must not be written to.
 */
export function dial(
  endpoint: Endpoint,
  tls: UpstreamTls | undefined,
  protocol: AlpnProtocol,
  outcome: DialOutcome,
): Socket {
  return tls === undefined ? dialPlain(endpoint, protocol, outcome) : dialTls(endpoint, tls, protocol, outcome);
}

/** As ALPN calls them (RFC 7301). */
export type AlpnProtocol = 'http/1.1' | 'h2';

function socketOptions(protocol: AlpnProtocol) {
  // Half a connection means nothing to HTTP/2.
  const allowHalfOpen = protocol === 'http/1.1';
  return { noDelay: true, allowHalfOpen, highWaterMark: 65_536, autoSelectFamily: true };
}

function dialPlain(endpoint: Endpoint, protocol: AlpnProtocol, outcome: DialOutcome): Socket {
  const socket = connectTcp({ ...socketOptions(protocol), ...endpoint });
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

function dialTls(endpoint: Endpoint, tls: UpstreamTls, protocol: AlpnProtocol, outcome: DialOutcome): Socket {
  const options = { ...socketOptions(protocol), ...endpoint, ...tlsOptions(endpoint, tls), ALPNProtocols: [protocol] };
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
    if (problem === undefined && (protocol === 'http/1.1' || socket.alpnProtocol === protocol)) {
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
  const credentials = tls.credentials?.();
  const ca = tls.ca?.();
  const name = tls.servername ?? ('host' in endpoint ? endpoint.host : undefined);
  return {
    minVersion: 'TLSv1.2',
    rejectUnauthorized: true,
    ...(ca === undefined ? {} : { ca: ca as string | string[] }),
    ...(credentials === undefined ? {} : { cert: credentials.certificate, key: credentials.key }),
    // SNI may not carry an address (RFC 6066, section 3).
    ...(name === undefined || isIP(name) !== 0 ? {} : { servername: name }),
    ...(tls.verifyPeer === undefined ? {} : { checkServerIdentity: () => undefined }),
  };
}

const ignore = (): void => undefined;
