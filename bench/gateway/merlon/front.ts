// The gateway in front of a service, in this process, as the roles put it together: limits leased from a broker, records to a shipper.
import { noWeaknesses } from '../../../src/api/protections.ts';
import type { GatewaySnapshot } from '../../../src/api/snapshot.ts';
import { systemClock as clock } from '../../../src/core/clock.ts';
import { silentLogger as log } from '../../../src/core/log.ts';
import { createGateway, type GatewayOptions } from '../../../src/gateway/index.ts';
import { createLeaseBroker, tokenRulesOf } from '../../../src/limits/control.ts';
import { createHttpServer, createUpstream } from '../../../src/net/index.ts';
import { createEndpointReport } from '../../../src/openapi/index.ts';
import { createGatewayLimits, type GatewayLimits } from '../../../src/server/gateway-limits.ts';
import { publicAcceptors } from '../../../src/server/public-port.ts';
import { startShipper } from './records.ts';
import { listenerLimits, upstreamLimits } from './words.ts';

/** Reaches the service itself, where the product has an agent in between. */
export const directly: NonNullable<GatewayOptions['reach']> = ({ name }, { endpoints }) =>
  createUpstream({ name, clock, log, endpoints, limits: upstreamLimits });

export type FrontOptions = Pick<GatewayOptions, 'svid' | 'verify'> & Partial<Pick<GatewayOptions, 'reach'>>;

/** Serves `snapshot` on a loopback port until the process is told to end. */
export async function serveFront(snapshot: GatewaySnapshot, port: number, options: FrontOptions): Promise<void> {
  const limits: GatewayLimits = createGatewayLimits(0, clock, noWeaknesses, (message) =>
    setImmediate(() => broker.receive('1', message)),
  );
  const broker = createLeaseBroker({ clock, rules: tokenRulesOf(snapshot.limits) });
  broker.join('1', (message) => setImmediate(() => limits.receive(message)));
  const gateway = createGateway({
    ...options,
    clock,
    log,
    weaknesses: noWeaknesses,
    record: startShipper().record,
    endpoints: createEndpointReport(),
    limits: ({ limits: section, workers }) => limits.compile(section, workers),
  });
  gateway.apply('v1', snapshot);
  const server = createHttpServer({
    clock,
    limits: listenerLimits,
    onRequest: gateway.handle,
    onRefused: gateway.refused,
  });
  await server.listen({ host: '127.0.0.1', port, acceptors: publicAcceptors });
  process.once('SIGTERM', () => process.exit(0));
}
