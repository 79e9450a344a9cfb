import { randomBytes } from 'node:crypto';
import type { AcmeChallenge, EdgeTls } from '../api/edge-tls.ts';
import type { PresentChallenges } from '../control/index.ts';
import { encodeBase64Url } from '../core/bytes.ts';
import type { Clock } from '../core/clock.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import type { RolePeer } from '../distribution/control.ts';

/**
 * What the gateway's workers share of TLS beside their snapshot: ticket keys, so that each resumes the sessions of the others, and
 * answers to challenges. It is made here, and neither here nor there is it ever written to a disk.
 */
export interface EdgeTlsKeeper extends Stoppable {
  join(peer: RolePeer): void;
  leave(peer: RolePeer): void;
  /** A worker uses what was sent as `sequence`. */
  acknowledge(peer: RolePeer, sequence: number): void;
  readonly present: PresentChallenges;
}

const ticketKeyBytes = 48;
// A key makes tickets for so long, and accepts them for as long again: far more than the five minutes that a ticket lives.
const rotationMs = 12 * 3_600_000;
const patienceMs = 5000;

export function createEdgeTlsKeeper(clock: Clock): EdgeTlsKeeper {
  const peers = new Map<RolePeer, number>();
  const waiting = new Set<() => void>();
  let ticketKeys = [newKey()];
  let challenges: readonly AcmeChallenge[] = [];
  let sequence = 1;

  const send = (peer: RolePeer): void => {
    const body: EdgeTls = { ticketKeys, challenges };
    peer.send({ type: 'edge-tls', sequence, body });
  };
  const sendAll = (): void => {
    sequence++;
    for (const peer of peers.keys()) send(peer);
  };
  const settle = (): void => {
    for (const look of waiting) look();
  };
  const rotation = clock.every(rotationMs, () => {
    ticketKeys = [newKey(), ...ticketKeys.slice(0, 1)];
    sendAll();
  });

  return {
    join: (peer) => {
      peers.set(peer, 0);
      send(peer);
    },
    leave: (peer) => {
      peers.delete(peer);
      settle();
    },
    acknowledge: (peer, heard) => {
      if (peers.has(peer)) peers.set(peer, heard);
      settle();
    },
    present: (next) => {
      challenges = next;
      sendAll();
      const wanted = sequence;
      return new Promise((resolve) => {
        const done = (): void => {
          timer.cancel();
          waiting.delete(look);
          resolve();
        };
        const look = (): void => {
          if ([...peers.values()].every((heard) => heard >= wanted)) done();
        };
        // A worker that hangs shall not keep the others from their certificate.
        const timer = clock.after(patienceMs, done);
        waiting.add(look);
        look();
      });
    },
    stop: async () => rotation.cancel(),
  };
}

function newKey(): string {
  return encodeBase64Url(randomBytes(ticketKeyBytes));
}
