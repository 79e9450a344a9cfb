import type { AgentSnapshot, OutboundEdge } from '../api/snapshot.ts';
import type { Clock } from '../core/clock.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import { createHttpServer, createUpstream, type HttpServer, type Upstream } from '../net/index.ts';
import { grpcForwarding, meshCallLimits, meshHttp2Limits, wantsGrpc } from './grpc.ts';
import type { Credential, CurrentSvid, VerifySvid } from './ports.ts';

export interface OutboundOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly svid: CurrentSvid;
  readonly verify: VerifySvid;
  /** SPIFFE ID of a service of this host, by its name. */
  readonly spiffeIdOf: (service: string) => string | undefined;
}

/** The half of the mesh that makes calls: a loopback port for each declared edge, mutual TLS to the callee's host. */
export interface Outbound extends Stoppable {
  /** Opens the ports of new edges and closes those of edges that are gone. */
  apply(snapshot: AgentSnapshot): Promise<void>;
  drain(timeoutMs: number): Promise<void>;
}

interface Edge {
  readonly edge: OutboundEdge;
  readonly server: HttpServer;
  readonly upstream: Upstream;
}

const keyOf = ({ caller, callee, port, endpoint, protocol }: OutboundEdge): string =>
  `${caller}>${callee}:${port}@${endpoint.host}:${endpoint.port}/${protocol ?? 'http1'}`;

export function createOutbound(options: OutboundOptions): Outbound {
  const edges = new Map<string, Edge>();
  let bundle = '';

  const open = async (edge: OutboundEdge): Promise<Edge> => {
    const { protocol = 'http1' } = edge;
    const upstream = createUpstream({
      name: edge.callee,
      clock: options.clock,
      log: options.log,
      endpoints: [edge.endpoint],
      protocol,
      // Between agents a silent connection is asked often: no service counts the pings.
      limits: { pingMs: 30_000, ...(protocol === 'grpc' ? meshCallLimits : {}) },
      tls: {
        ca: () => bundle,
        credentials: () => credentialOf(edge.caller, options),
        servername: edge.serverName,
        verifyPeer: (chain) => wrongPeer(options.verify(chain), edge.calleeId),
      },
    });
    const server = createHttpServer({
      clock: options.clock,
      log: options.log,
      ...(protocol === 'http1' ? {} : { http2: 'prior-knowledge' as const, limits: meshHttp2Limits }),
      onRequest: (request, reply) => {
        const isCall = wantsGrpc(request);
        if (!isCall) return upstream.forward(request, reply);
        const headers = request.headers.clone();
        return upstream.forward(request, reply, grpcForwarding(request, headers, options.clock.monotonic()));
      },
    });
    await server.listen({ host: '127.0.0.1', port: edge.port });
    return { edge, server, upstream };
  };
  const close = async ({ server, upstream }: Edge, timeoutMs: number): Promise<void> => {
    await server.drain(timeoutMs);
    await upstream.drain(timeoutMs);
  };

  return {
    apply: async (snapshot) => {
      bundle = snapshot.bundle;
      const wanted = new Map(snapshot.edges.map((edge) => [keyOf(edge), edge]));
      for (const [key, edge] of [...edges]) {
        if (wanted.has(key)) continue;
        edges.delete(key);
        await close(edge, 1000);
      }
      for (const [key, edge] of wanted) if (!edges.has(key)) edges.set(key, await open(edge));
    },
    drain: async (timeoutMs) => void (await Promise.all([...edges.values()].map((edge) => close(edge, timeoutMs)))),
    stop: async () => {
      for (const { server, upstream } of edges.values()) {
        await server.stop();
        await upstream.stop();
      }
      edges.clear();
    },
  };
}

function credentialOf(service: string, { spiffeIdOf, svid }: OutboundOptions): Credential {
  const id = spiffeIdOf(service);
  const credential = id === undefined ? undefined : svid(id);
  if (credential === undefined) throw new Error(`no SVID for ${service} yet`);
  return credential;
}

function wrongPeer(verified: ReturnType<VerifySvid>, expected: string): Error | undefined {
  if ('code' in verified) return new Error(verified.code);
  return verified.spiffeId === expected ? undefined : new Error(`expected ${expected}, found ${verified.spiffeId}`);
}
