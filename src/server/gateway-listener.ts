import type { EdgeTls } from '../api/edge-tls.ts';
import type { Weaknesses } from '../api/protections.ts';
import type { GatewaySnapshot } from '../api/snapshot.ts';
import type { Clock } from '../core/clock.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import type { Gateway } from '../gateway/index.ts';
import {
  createHttpServer,
  type HttpLimits,
  type HttpServer,
  type ListenAddress,
  type ListenerSettings,
  type ServerTls,
} from '../net/index.ts';
import { publicAcceptors } from './public-port.ts';
import { answerPlainly } from './redirect.ts';

export interface GatewayListenerOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly weaknesses: Weaknesses;
  readonly gateway: Gateway;
  /** Descriptors of the listening socket that the supervisor bound; without one the worker binds the address of its snapshot itself. */
  readonly listenFds: readonly number[] | undefined;
  readonly redirectFds: readonly number[] | undefined;
  readonly snapshot: () => GatewaySnapshot | undefined;
  /** Whether requests can be served. */
  readonly ready: () => boolean;
}

/** The ports of a gateway worker. */
export interface GatewayListener extends Stoppable {
  /** Opens the ports once there is a snapshot and an SVID; later on puts what has changed in force, and drops no connection. */
  open(): Promise<void>;
  /** Ticket keys and challenges to use from now on. */
  share(shared: EdgeTls): Promise<void>;
  /** Resolves when the ports are open. */
  readonly opened: Promise<void>;
}

export function createGatewayListener(options: GatewayListenerOptions): GatewayListener {
  const { clock, log, gateway, weaknesses } = options;
  let servers: { readonly secure: HttpServer; readonly plain: HttpServer | undefined } | undefined;
  let opening: Promise<void> | undefined;
  let shared: EdgeTls | undefined;
  const opened = Promise.withResolvers<void>();

  const listen = async (config: GatewaySnapshot): Promise<void> => {
    const tls = tlsOf(config, shared, weaknesses);
    const settings = settingsOf(config, weaknesses);
    const parts = { clock, log, ...settings, onRefused: gateway.refused };
    const secure = createHttpServer({
      ...parts,
      ...(tls === undefined ? { http2: plainHttp2(config) } : { tls }),
      onRequest: gateway.handle,
    });
    await secure.listen(addressOf(config.listen, options.listenFds));
    const { redirect } = config;
    const plain =
      redirect === undefined
        ? undefined
        : createHttpServer({
            ...parts,
            onRequest: (request, reply) =>
              answerPlainly(request, reply, options.snapshot() ?? config, shared?.challenges ?? []),
          });
    if (redirect !== undefined) await plain?.listen(addressOf(redirect, options.redirectFds));
    servers = { secure, plain };
    opened.resolve();
  };
  const refresh = (config: GatewaySnapshot): void => {
    if (servers === undefined) return;
    const tls = tlsOf(config, shared, weaknesses);
    if (tls !== undefined) servers.secure.setTls(tls);
    for (const server of [servers.secure, servers.plain]) server?.configure(settingsOf(config, weaknesses));
  };
  const open = async (): Promise<void> => {
    const config = options.snapshot();
    if (config === undefined || !options.ready()) return;
    if (opening === undefined) opening = listen(config);
    else refresh(config);
    await opening;
  };
  return {
    opened: opened.promise,
    open,
    share: async (next) => {
      shared = next;
      if (opening !== undefined) await opening.then(open);
    },
    stop: async () => {
      const all = [servers?.secure, servers?.plain];
      await Promise.all(all.map((server) => server?.drain(drainMs, idleGraceMs)));
      await Promise.all(all.map((server) => server?.stop()));
    },
  };
}

function tlsOf(config: GatewaySnapshot, shared: EdgeTls | undefined, weaknesses: Weaknesses): ServerTls | undefined {
  const { certificate, certificates, minTlsVersion, clientCertificates } = config;
  if (certificate === undefined) return undefined;
  const challenges = shared?.challenges.filter((each) => each.type === 'tls-alpn-01') ?? [];
  return {
    ...certificate,
    http2: true,
    minVersion: minTlsVersion,
    ...(certificates.length === 0 ? {} : { sni: (name) => certificates.find(({ hosts }) => isFor(hosts, name)) }),
    ...(clientCertificates === undefined || weaknesses.has('tls.client-certificate')
      ? {}
      : { clientCertificate: clientCertificates.mode, ca: clientCertificates.ca }),
    ...(shared === undefined ? {} : { ticketKeys: shared.ticketKeys.map((key) => Buffer.from(key, 'base64url')) }),
    ...(challenges.length === 0 ? {} : { challenge: (name) => challenges.find(({ domain }) => domain === name) }),
  };
}

/** gRPC has nothing but HTTP/2: behind whatever ends TLS it comes without ALPN. */
function plainHttp2({ services }: GatewaySnapshot): 'none' | 'prior-knowledge' {
  return services.some(({ protocol }) => protocol !== undefined) ? 'prior-knowledge' : 'none';
}

/** Whether one of `hosts` is the name, or a wildcard of its last label but all (RFC 6125, section 6.4.3). */
function isFor(hosts: readonly string[], name: string): boolean {
  return hosts.includes(name) || hosts.includes(`*${name.slice(name.indexOf('.'))}`);
}

function addressOf(address: { host: string; port: number }, fds: readonly number[] | undefined): ListenAddress {
  return fds === undefined ? { ...address, acceptors: publicAcceptors } : { fds };
}

function settingsOf(config: GatewaySnapshot, weaknesses: Weaknesses): ListenerSettings {
  const { trustedProxies, proxyProtocol } = config;
  return { trustedProxies, proxyProtocol, limits: listenerLimits(config, weaknesses) };
}

function listenerLimits({ http }: GatewaySnapshot, weaknesses: Weaknesses): Partial<HttpLimits> {
  const { headerBytes, headerCount, connectionsPerIp, requestsPerConnection } = http;
  const headerTimeMs = weaknesses.has('http.header-time') ? dayMs : http.headerTimeMs;
  return { headerBytes, headerCount, headerTimeMs, connectionsPerIp, requestsPerConnection };
}

const dayMs = 86_400_000;
/** Less than the time that the supervisor gives a worker to end. */
const drainMs = 3000;
/** Other workers may go on: callers are not to notice that this one ends. */
const idleGraceMs = 400;
