// The whole way of a call without processes: the gateway with its TLS, the agent's two halves with real SVIDs, and a service that is
// a test's own. `echo` has a route and may be called by `caller`.
import { credentials } from '@grpc/grpc-js';
import { noWeaknesses, type Weaknesses } from '../../src/api/protections.ts';
import type { Decision } from '../../src/api/record.ts';
import type { AgentSnapshot, GatewayRoute, GatewaySnapshot, ServiceProtocol } from '../../src/api/snapshot.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/log.ts';
import { createGateway } from '../../src/gateway/index.ts';
import {
  compileLimits,
  createConcurrencyLimiter,
  createLimiter,
  rateSpecOf,
  tokenRulesOf,
} from '../../src/limits/index.ts';
import { createInbound, createOutbound } from '../../src/mesh/index.ts';
import { createHttpServer, type HttpLimits } from '../../src/net/index.ts';
import { createEndpointReport } from '../../src/openapi/index.ts';
import { createVerifier } from '../../src/server/svid-verifier.ts';
import { createTlsAuthority } from './certificates.ts';
import { defaultRoute, snapshotOf } from './gateway.ts';
import { freePort } from './http-peers.ts';
import { createTestAuthority } from './identity.ts';
import { upstreamSettings } from './upstream-settings.ts';

const domain = 'test.example';
const idOf = (name: string): string => `spiffe://${domain}/service/${name}`;
const gatewayId = `spiffe://${domain}/merlon/gateway`;
const agentId = `spiffe://${domain}/merlon/agent`;

export interface MeshParts {
  readonly protocol: ServiceProtocol;
  readonly route?: Partial<GatewayRoute>;
  readonly snapshot?: Partial<GatewaySnapshot>;
  readonly weaknesses?: Weaknesses;
  readonly limits?: Partial<HttpLimits>;
}

export interface MeshPlatform {
  /** Port of the gateway, by TLS; its certificate is for `localhost`. */
  readonly edge: number;
  /** PEM that its certificate ends in. */
  readonly ca: string;
  /** Loopback port by which `caller` reaches `echo`. */
  readonly edgePort: number;
  readonly decisions: Decision[];
  readonly meshDecisions: Decision[];
  stop(): Promise<void>;
}

/** Starts all of it in front of a service on `port`. */
export async function startMeshPlatform(port: number, parts: MeshParts): Promise<MeshPlatform> {
  const authority = await createTestAuthority(systemClock, domain);
  const { pem: bundle } = await authority.bundle();
  const held = new Map<string, { certificate: string; key: string }>();
  for (const id of [gatewayId, agentId, idOf('echo'), idOf('caller')]) {
    const { chain, key } = await authority.issue(id);
    held.set(id, { certificate: chain, key });
  }
  const verifier = createVerifier(systemClock, noWeaknesses);
  verifier.trust(domain, bundle);
  const inboundAt = { host: '127.0.0.1', port: await freePort() };
  const agent: AgentSnapshot = {
    trustDomain: domain,
    bundle,
    inbound: inboundAt,
    gatewayId,
    services: [
      {
        name: 'echo',
        spiffeId: idOf('echo'),
        serverName: `echo.${domain}`,
        endpoints: [{ host: '127.0.0.1', port }],
        upstream: upstreamSettings,
        callers: [gatewayId, idOf('caller')],
        protocol: parts.protocol,
      },
    ],
    edges: [
      {
        caller: 'caller',
        callee: 'echo',
        port: await freePort(),
        serverName: `echo.${domain}`,
        calleeId: idOf('echo'),
        endpoint: inboundAt,
        protocol: parts.protocol,
      },
    ],
    egress: [],
  };
  const meshDecisions: Decision[] = [];
  const shared = {
    clock: systemClock,
    log: silentLogger,
    svid: (id: string) => held.get(id),
    verify: verifier.verify,
  };
  const inbound = createInbound({
    ...shared,
    weaknesses: noWeaknesses,
    record: (decision) => meshDecisions.push(decision),
    agentId: () => agentId,
  });
  const outbound = createOutbound({ ...shared, spiffeIdOf: idOf });
  await inbound.apply(agent);
  await outbound.apply(agent);
  const decisions: Decision[] = [];
  const { gateway, snapshot } = await startGateway(parts, inboundAt.port, bundle, {
    ...shared,
    record: (decision) => decisions.push(decision),
    svid: () => held.get(gatewayId) as { certificate: string; key: string },
  });
  const tls = createTlsAuthority('edge');
  const server = createHttpServer({
    clock: systemClock,
    tls: { ...tls.issue({ dnsNames: ['localhost'] }), http2: true },
    onRequest: gateway.handle,
    onRefused: gateway.refused,
    trustedProxies: snapshot.trustedProxies,
    ...(parts.limits === undefined ? {} : { limits: parts.limits }),
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    edge: (server.address() as { port: number }).port,
    ca: tls.bundle,
    edgePort: agent.edges[0]?.port as number,
    decisions,
    meshDecisions,
    stop: async () => {
      await server.stop();
      await gateway.stop();
      await outbound.stop();
      await inbound.stop();
    },
  };
}

async function startGateway(
  parts: MeshParts,
  port: number,
  bundle: string,
  ports: Pick<Parameters<typeof createGateway>[0], 'clock' | 'log' | 'record' | 'svid' | 'verify'>,
) {
  const weaknesses = parts.weaknesses ?? noWeaknesses;
  const services = [
    {
      name: 'echo',
      spiffeId: idOf('echo'),
      endpoints: [{ host: '127.0.0.1', port }],
      serverName: `echo.${domain}`,
      sensitive: false,
      protocol: parts.protocol,
    },
  ];
  const route = { ...defaultRoute, bodyBytes: 1_000_000, ...parts.route };
  const snapshot = await snapshotOf(route, port, { bundle, services, ...parts.snapshot });
  const limiter = createLimiter({ maxKeys: 1000 });
  const gateway = createGateway({
    ...ports,
    weaknesses,
    endpoints: createEndpointReport(),
    limits: ({ limits: section }) => {
      limiter.configure(tokenRulesOf(section).flatMap((rule) => (rule.kind === 'rate' ? [rateSpecOf(rule)] : [])));
      return compileLimits({ section, limiter, concurrency: createConcurrencyLimiter(), off: weaknesses });
    },
  });
  gateway.apply('v1', snapshot);
  return { gateway, snapshot };
}

/** How a client of grpc-js trusts the gateway. */
export function trusting({ ca }: MeshPlatform) {
  return credentials.createSsl(Buffer.from(ca));
}
