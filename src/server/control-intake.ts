import type { ServiceStatus } from '../api/admin.ts';
import type { FromControl, FromRole, Hello } from '../api/channel.ts';
import type { LedgerRecord } from '../api/record.ts';
import { answerSvidRequest, type Distributor } from '../control/index.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { RolePeer } from '../distribution/control.ts';
import type { EdgeTlsKeeper } from './control-edge-tls.ts';
import type { EndpointBook } from './control-endpoints.ts';
import type { Foundation } from './control-foundation.ts';
import type { LimitsBroker } from './control-limits.ts';
import type { Publisher } from './control-publisher.ts';

export interface IntakeParts {
  readonly foundation: Foundation;
  readonly distributor: Distributor;
  readonly limits: LimitsBroker;
  readonly edgeTls: EdgeTlsKeeper;
  readonly publisher: Publisher;
  readonly endpoints: EndpointBook;
  readonly services: Map<string, ServiceStatus>;
  /** Tells a message of one gateway worker to the others. */
  readonly tellOthers: (peer: RolePeer, message: FromControl) => void;
  readonly log: Logger;
}

/** What control does with each message of a role that has joined. */
export function createIntake(parts: IntakeParts): (peer: RolePeer, message: Exclude<FromRole, Hello>) => void {
  const { foundation, distributor, limits, edgeTls, publisher, endpoints, services, tellOthers } = parts;
  return (peer, message) => {
    switch (message.type) {
      case 'ack':
        return distributor.acknowledge(peer, message.version);
      case 'nack':
        if (message.portTaken !== undefined) publisher.avoidPort(message.portTaken);
        return distributor.refuse(peer, message.version, message.code, message.message);
      case 'records':
        return void keepRecords(peer, message.sequence, message.records, parts);
      case 'lease':
        return limits.receive(peer, message.body);
      case 'endpoints':
        return endpoints.receive(message);
      case 'scanners':
        return tellOthers(peer, message);
      case 'edge-tls-ack':
        return edgeTls.acknowledge(peer, message.sequence);
      case 'workload':
        if (message.portTaken !== undefined) publisher.avoidPort(message.portTaken);
        return void services.set(message.service, statusOf(message));
      case 'svid-request':
        return void answerSvidRequest(peer, message, publisher.current().agent, foundation.issueSvid).then((answer) =>
          peer.send(answer),
        );
    }
  };
}

async function keepRecords(
  peer: RolePeer,
  sequence: number,
  records: readonly LedgerRecord[],
  { foundation, log }: IntakeParts,
): Promise<void> {
  try {
    await foundation.ledger.ingest(records);
    peer.send({ type: 'records-ack', sequence });
  } catch (error) {
    // Not acknowledged: the role keeps them and sends them again when it next connects.
    log.error({ error: messageOf(error) }, 'records could not be kept');
    peer.close();
  }
}

function statusOf({ service, state, pid }: Extract<FromRole, { type: 'workload' }>): ServiceStatus {
  return { service, state, ...(pid === undefined ? {} : { pid }) };
}
