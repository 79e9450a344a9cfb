import { join } from 'node:path';
import type { FromControl } from '../api/channel.ts';
import type { Weaknesses } from '../api/protections.ts';
import type { AgentSnapshot } from '../api/snapshot.ts';
import type { Clock } from '../core/clock.ts';
import { MerlonError, messageOf } from '../core/errors.ts';
import { ensurePrivateFolder } from '../core/files.ts';
import { Lifecycle, type Stoppable } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import { collectStartGarbage } from '../core/start-garbage.ts';
import { type ChannelClient, createChannelClient, readLastGood, writeLastGood } from '../distribution/index.ts';
import { createEgress, createInbound, createOutbound } from '../mesh/index.ts';
import { ListenError } from '../net/index.ts';
import { createRecordShipper } from './record-shipper.ts';
import type { StateLayout } from './state.ts';
import { createSvidKeeper } from './svid-keeper.ts';
import { createVerifier } from './svid-verifier.ts';

export interface AgentRoleOptions {
  readonly layout: StateLayout;
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly weaknesses: Weaknesses;
}

/** The agent of this host: holds the SVIDs of its workloads and carries their calls, whether or not control is there. */
export async function startAgentRole(options: AgentRoleOptions): Promise<Stoppable> {
  const { layout, name, clock, log, weaknesses } = options;
  ensurePrivateFolder(layout.agent);
  const lifecycle = new Lifecycle();
  const at = (file: string): string => join(layout.agent, `${file}-${name}`);
  const send: ChannelClient['send'] = (message) => channel.send(message);
  let current: AgentSnapshot | undefined;
  let whenComplete = Promise.withResolvers<void>();

  const shipper = lifecycle.add(createRecordShipper(at('spool'), clock, (line) => channel.sendLine(line)));
  const svids = lifecycle.add(
    createSvidKeeper({
      file: at('svids'),
      clock,
      log,
      send,
      onChange: () => {
        inbound.refreshCredentials();
        if (svids.complete) whenComplete.resolve();
      },
    }),
  );
  const verifier = createVerifier(clock, weaknesses);
  const parts = { clock, log, svid: svids.current, verify: verifier.verify, record: shipper.record };
  const agentId = (): string => `spiffe://${current?.trustDomain}/merlon/agent`;
  const inbound = lifecycle.add(createInbound({ ...parts, weaknesses, agentId }));
  const spiffeIdOf = (service: string): string | undefined =>
    current?.services.find((each) => each.name === service)?.spiffeId;
  const outbound = lifecycle.add(createOutbound({ ...parts, spiffeIdOf }));
  const egress = lifecycle.add(createEgress({ clock, record: shipper.record }));

  const apply = async (body: AgentSnapshot): Promise<void> => {
    current = body;
    verifier.trust(body.trustDomain, body.bundle);
    whenComplete = Promise.withResolvers<void>();
    svids.want([agentId(), ...body.services.map(({ spiffeId }) => spiffeId)]);
    if (!svids.complete) await whenComplete.promise;
    await inbound.apply(body);
    await outbound.apply(body);
    await egress.apply(body);
  };
  const receive = async ({ version, body }: Extract<FromControl, { type: 'snapshot' }>): Promise<void> => {
    const former = current;
    try {
      await apply(body as AgentSnapshot);
      writeLastGood(at('snapshot'), { version, body });
      send({ type: 'ack', version });
      clock.after(0, collectStartGarbage);
    } catch (error) {
      log.error({ version, error: messageOf(error) }, 'the snapshot was refused; the former one stays in force');
      send({
        type: 'nack',
        version,
        code: error instanceof MerlonError ? error.code : 'mesh.snapshot',
        message: messageOf(error),
        ...(error instanceof ListenError && error.port !== undefined ? { portTaken: error.port } : {}),
      });
      if (former !== undefined)
        await apply(former).catch((again: unknown) =>
          log.error({ error: messageOf(again) }, 'the former snapshot failed too'),
        );
    }
  };
  // One snapshot at a time: the ports of the former must be free before the next asks for them.
  let turn: Promise<void> = Promise.resolve();
  const inTurn = (task: () => Promise<void>): void => {
    turn = turn.then(task);
  };

  const kept = readLastGood<AgentSnapshot>(at('snapshot'));
  const channel: ChannelClient = lifecycle.add(
    createChannelClient({
      path: layout.controlSocket,
      joinFolder: layout.join,
      role: 'agent',
      name,
      clock,
      log,
      onOpen: (nonce) => {
        svids.opened(nonce);
        shipper.opened();
      },
      onMessage: (message) => {
        if (message.type === 'snapshot') inTurn(() => receive(message));
        else if (!svids.receive(message)) shipper.receive(message);
      },
    }),
  );
  if (kept !== undefined)
    inTurn(() =>
      apply(kept.body).catch((error: unknown) =>
        log.warn({ error: messageOf(error) }, 'the kept snapshot cannot be used'),
      ),
    );
  return lifecycle;
}
