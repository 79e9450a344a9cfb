import type { RoleName, RoleState } from '../api/channel.ts';
import type { Logger } from '../core/log.ts';
import type { RolePeer } from '../distribution/control.ts';

/** A role's snapshot of one configuration version. */
export interface Versioned {
  readonly version: string;
  readonly body: unknown;
}

/** Gives each role its snapshot, now and whenever it joins, and knows how far each has come. */
export interface Distributor {
  join(peer: RolePeer): void;
  leave(peer: RolePeer): void;
  /** Puts `snapshots` in force for every role that is here or will come. */
  publish(snapshots: Readonly<Record<RoleName, Versioned>>): void;
  acknowledge(peer: RolePeer, version: string): void;
  refuse(peer: RolePeer, version: string, code: string, message: string): void;
  readonly roles: readonly RoleState[];
}

export function createDistributor(log: Logger, onChange: (roles: readonly RoleState[]) => void): Distributor {
  const peers = new Map<RolePeer, string | undefined>();
  let current: Readonly<Record<RoleName, Versioned>> | undefined;

  const send = (peer: RolePeer): void => {
    const snapshot = current?.[peer.role];
    if (snapshot !== undefined) peer.send({ type: 'snapshot', ...snapshot });
  };
  const roles = (): RoleState[] => [...peers].map(([{ role, name }, version]) => ({ role, name, version }));
  const changed = (): void => onChange(roles());

  return {
    join: (peer) => {
      // A role that has come back replaces the connection that it has lost.
      for (const other of peers.keys()) if (other.role === peer.role && other.name === peer.name) other.close();
      peers.set(peer, undefined);
      log.info({ role: peer.role, instance: peer.name }, 'joined');
      send(peer);
      changed();
    },
    leave: (peer) => {
      if (!peers.delete(peer)) return;
      log.info({ role: peer.role, instance: peer.name }, 'left');
      changed();
    },
    publish: (snapshots) => {
      current = snapshots;
      for (const peer of peers.keys()) send(peer);
    },
    acknowledge: (peer, version) => {
      if (peers.has(peer)) peers.set(peer, version);
      changed();
    },
    refuse: (peer, version, code, message) =>
      log.error({ role: peer.role, instance: peer.name, version, code }, `snapshot refused: ${message}`),
    get roles() {
      return roles();
    },
  };
}
