// The gateway before one back end: the same code that serves the public port, over plain TCP and, with HTTP/2, over TLS.
import { noWeaknesses } from '../../src/api/protections.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/log.ts';
import { gatherBytes } from '../../src/gateway/compile.ts';
import { createGateway } from '../../src/gateway/index.ts';
import { compileLimits, createConcurrencyLimiter, createLimiter } from '../../src/limits/index.ts';
import {
  createHttpServer,
  createUpstream,
  type HttpLimits,
  type TlsCredentials,
  type UpstreamLimits,
} from '../../src/net/index.ts';
import { createEndpointReport } from '../../src/openapi/index.ts';
import { defaultRoute, snapshotOf } from './gateway.ts';

export interface Edge {
  readonly port: number;
  readonly tlsPort: number;
  stop(): Promise<void>;
}

export interface EdgeOptions {
  readonly limits?: Partial<HttpLimits>;
  readonly upstreamLimits?: Partial<UpstreamLimits>;
  /** For plain TCP and for TLS. Default: any. */
  readonly ports?: readonly number[];
  /** Sockets that listen at each port. Default 1. */
  readonly acceptors?: number;
}

/** Starts a gateway whose one public route leads to port `backEnd`. */
export async function startEdge(
  backEnd: number,
  credentials: TlsCredentials,
  { limits, upstreamLimits, ports = [0, 0], acceptors = 1 }: EdgeOptions = {},
): Promise<Edge> {
  const snapshot = await snapshotOf({ ...defaultRoute, bodyBytes: 1 << 20 }, backEnd);
  const gateway = createGateway({
    clock: systemClock,
    log: silentLogger,
    weaknesses: noWeaknesses,
    record: () => undefined,
    endpoints: createEndpointReport(),
    svid: () => {
      throw new Error('no service here speaks mutual TLS');
    },
    verify: () => {
      throw new Error('no service here speaks mutual TLS');
    },
    limits: ({ limits: section }) =>
      compileLimits({
        section,
        limiter: createLimiter({ maxKeys: 10 }),
        concurrency: createConcurrencyLimiter(),
        off: noWeaknesses,
      }),
    reach: ({ name }, { endpoints }) =>
      createUpstream({
        name,
        clock: systemClock,
        log: silentLogger,
        endpoints,
        limits: { ejectAfter: 0, gatherBytes, ...upstreamLimits },
      }),
  });
  gateway.apply('v1', snapshot);
  const listeners = [undefined, { ...credentials, http2: true }].map((tls) =>
    createHttpServer({
      clock: systemClock,
      onRequest: gateway.handle,
      onRefused: gateway.refused,
      ...(limits === undefined ? {} : { limits }),
      ...(tls === undefined ? {} : { tls }),
    }),
  );
  for (const [at, listener] of listeners.entries())
    await listener.listen({ host: '127.0.0.1', port: ports[at] ?? 0, acceptors });
  const [port = 0, tlsPort = 0] = listeners.map((listener) => (listener.address() as { port: number }).port);
  return {
    port,
    tlsPort,
    stop: async () => {
      for (const listener of listeners) await listener.stop();
      await gateway.stop();
    },
  };
}
