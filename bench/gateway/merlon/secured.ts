// Merlon's gateway with everything on: RS256 token, limit per user (shared out by a broker, as control does), Cedar
// decision, parameters and body held against OpenAPI, decision record written to the spool and sent on as JSON. With
// `--mesh` the service is reached through an agent's inbound listener over mutual TLS, in a process of its own.
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { noWeaknesses } from '../../../src/api/protections.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { createVerifier } from '../../../src/server/svid-verifier.ts';
import { createTestAuthority } from '../../../test/fakes/identity.ts';
import { freePort } from '../../processes.ts';
import type { AgentOrder } from './agent.ts';
import { directly, serveFront } from './front.ts';
import { gatewayId, sceneOf, serverName, serviceId, trustDomain } from './scene.ts';
import { parseWords } from './words.ts';

const { port, upstream, jwks = '', mesh } = parseWords();
const clock = systemClock;

const authority = await createTestAuthority(clock, trustDomain);
const { pem: bundle } = await authority.bundle();
const own = await authority.issue(gatewayId);
const verifier = createVerifier(clock, noWeaknesses);
verifier.trust(trustDomain, bundle);

const servicePort = mesh ? await startAgent() : upstream;
const snapshot = await sceneOf({ jwks, bundle, servicePort });

await serveFront(snapshot, port, {
  svid: () => ({ certificate: own.chain, key: own.key }),
  verify: verifier.verify,
  ...(mesh ? {} : { reach: directly }),
});

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
