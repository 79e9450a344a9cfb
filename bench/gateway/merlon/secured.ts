// Merlon's gateway with everything on: RS256 token, limit per user (shared out by a broker, as control does), Cedar
// decision, parameters and body held against OpenAPI, decision record written to the spool and sent on as JSON. With
// `--mesh` the service is reached through an agent's inbound listener over mutual TLS, in a process of its own.
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { noWeaknesses } from '../../../src/api/protections.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/log.ts';
import { createGateway } from '../../../src/gateway/index.ts';
import { createLeaseBroker, tokenRulesOf } from '../../../src/limits/control.ts';
import { createHttpServer, createUpstream } from '../../../src/net/index.ts';
import { createEndpointReport } from '../../../src/openapi/index.ts';
import { createGatewayLimits, type GatewayLimits } from '../../../src/server/gateway-limits.ts';
import { publicAcceptors } from '../../../src/server/public-port.ts';
import { createVerifier } from '../../../src/server/svid-verifier.ts';
import { createTestAuthority } from '../../../test/fakes/identity.ts';
import { freePort } from '../../processes.ts';
import type { AgentOrder } from './agent.ts';
import { startShipper } from './records.ts';
import { gatewayId, sceneOf, serverName, serviceId, trustDomain } from './scene.ts';
import { listenerLimits, parseWords, upstreamLimits } from './words.ts';

const { port, upstream, jwks = '', mesh } = parseWords();
const clock = systemClock;
const log = silentLogger;

const authority = await createTestAuthority(clock, trustDomain);
const { pem: bundle } = await authority.bundle();
const own = await authority.issue(gatewayId);
const verifier = createVerifier(clock, noWeaknesses);
verifier.trust(trustDomain, bundle);

const servicePort = mesh ? await startAgent() : upstream;
const snapshot = await sceneOf({ jwks, bundle, servicePort });

const limits: GatewayLimits = createGatewayLimits(0, clock, noWeaknesses, (message) =>
  setImmediate(() => broker.receive('1', message)),
);
const broker = createLeaseBroker({ clock, rules: tokenRulesOf(snapshot.limits) });
broker.join('1', (message) => setImmediate(() => limits.receive(message)));

const gateway = createGateway({
  clock,
  log,
  weaknesses: noWeaknesses,
  record: startShipper().record,
  endpoints: createEndpointReport(),
  svid: () => ({ certificate: own.chain, key: own.key }),
  verify: verifier.verify,
  limits: ({ limits: section, workers }) => limits.compile(section, workers),
  ...(mesh
    ? {}
    : {
        reach: ({ name }, { endpoints }) => createUpstream({ name, clock, log, endpoints, limits: upstreamLimits }),
      }),
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

async function startAgent(): Promise<number> {
  const inbound = await freePort();
  const credentials: AgentOrder['credentials'] = {};
  const agentId = `spiffe://${trustDomain}/merlon/agent`;
  for (const id of [serviceId, agentId]) {
    const { chain, key } = await authority.issue(id);
    credentials[id] = { certificate: chain, key };
  }
  const order: AgentOrder = {
    trustDomain,
    bundle,
    inbound,
    upstream,
    credentials,
    agentId,
    gatewayId,
    serviceId,
    serverName,
  };
  const agent = fork(join(import.meta.dirname, 'agent.ts'));
  agent.send(order);
  await new Promise((ready) => agent.once('message', ready));
  return inbound;
}
