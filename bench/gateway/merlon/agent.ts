// The agent's inbound half in a process of its own: mutual TLS in, plain HTTP to the service, a record of each request.

import { noWeaknesses } from '../../../src/api/protections.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/log.ts';
import { createInbound } from '../../../src/mesh/index.ts';
import { createVerifier } from '../../../src/server/svid-verifier.ts';
import { upstreamSettings } from '../../../test/fakes/upstream-settings.ts';
import { startShipper } from './records.ts';

/** What the gateway's process tells this one. */
export interface AgentOrder {
  readonly trustDomain: string;
  readonly bundle: string;
  /** Port to listen on. */
  readonly inbound: number;
  /** Port of the service. */
  readonly upstream: number;
  readonly credentials: Record<string, { certificate: string; key: string }>;
  readonly agentId: string;
  readonly gatewayId: string;
  readonly serviceId: string;
  readonly serverName: string;
}

process.once('message', async (order: AgentOrder) => {
  const { trustDomain, bundle, credentials, gatewayId, agentId, serviceId, serverName } = order;
  const verifier = createVerifier(systemClock, noWeaknesses);
  verifier.trust(trustDomain, bundle);
  const inbound = createInbound({
    clock: systemClock,
    log: silentLogger,
    weaknesses: noWeaknesses,
    svid: (spiffeId) => credentials[spiffeId],
    verify: verifier.verify,
    record: startShipper().record,
    agentId: () => agentId,
  });
  const endpoints = [{ host: '127.0.0.1', port: order.upstream }];
  await inbound.apply({
    trustDomain,
    bundle,
    inbound: { host: '127.0.0.1', port: order.inbound },
    gatewayId,
    services: [
      { name: 'items', spiffeId: serviceId, serverName, endpoints, upstream: upstreamSettings, callers: [gatewayId] },
    ],
    edges: [],
    egress: [],
  });
  process.send?.('ready');
});
process.once('disconnect', () => process.exit(0));
