import { expect, test } from 'vitest';
import type { FromControl, RoleName, RoleState } from '../api/channel.ts';
import { silentLogger } from '../core/log.ts';
import type { RolePeer } from '../distribution/control.ts';
import { createDistributor, type Versioned } from './distributor.ts';

interface TestPeer extends RolePeer {
  readonly sent: FromControl[];
  readonly closed: () => boolean;
}

function peerOf(role: RoleName, name = '1'): TestPeer {
  const sent: FromControl[] = [];
  let closed = false;
  return {
    role,
    name,
    nonce: 'nonce',
    sent,
    send: (message) => void sent.push(message),
    close: () => {
      closed = true;
    },
    closed: () => closed,
  };
}

const snapshots = (version: string): Record<RoleName, Versioned> => ({
  gateway: { version: `gateway-${version}`, body: { for: 'gateway' } },
  agent: { version: `agent-${version}`, body: { for: 'agent' } },
  supervisor: { version: `supervisor-${version}`, body: { for: 'supervisor' } },
});

function create() {
  const heard: (readonly RoleState[])[] = [];
  const refused: string[] = [];
  const log = { ...silentLogger, error: (_: object, message: string) => void refused.push(message) };
  return { distributor: createDistributor(log, (roles) => heard.push(roles)), heard, refused };
}

test('each role gets its own snapshot and no other, when it joins and when it changes', () => {
  const { distributor } = create();
  const [early, agent, late] = [peerOf('gateway'), peerOf('agent'), peerOf('gateway', '2')];
  distributor.join(early);
  expect(early.sent).toEqual([]);
  distributor.publish(snapshots('1'));
  distributor.join(agent);
  distributor.publish(snapshots('2'));
  distributor.join(late);
  const gateway = (version: string) => ({ type: 'snapshot', version: `gateway-${version}`, body: { for: 'gateway' } });
  expect(early.sent).toEqual([gateway('1'), gateway('2')]);
  expect(late.sent).toEqual([gateway('2')]);
  expect(agent.sent.map((message) => message.type === 'snapshot' && message.version)).toEqual(['agent-1', 'agent-2']);
});

test('a role has a version once it has acknowledged it, and keeps it when it refuses the next', () => {
  const { distributor, heard, refused } = create();
  const gateway = peerOf('gateway');
  distributor.publish(snapshots('1'));
  distributor.join(gateway);
  expect(distributor.roles).toEqual([{ role: 'gateway', name: '1', version: undefined }]);
  distributor.acknowledge(gateway, 'gateway-1');
  distributor.publish(snapshots('2'));
  distributor.refuse(gateway, 'gateway-2', 'gateway.bad', 'a route is wrong');
  expect(distributor.roles).toEqual([{ role: 'gateway', name: '1', version: 'gateway-1' }]);
  expect(heard.at(-1)).toEqual(distributor.roles);
  expect(refused).toEqual(['snapshot refused: a route is wrong']);
});

test('a role that has come back replaces the connection that it has lost, and no other', () => {
  const { distributor } = create();
  const [lost, other, back] = [peerOf('gateway'), peerOf('gateway', '2'), peerOf('gateway')];
  for (const peer of [lost, other, back]) distributor.join(peer);
  expect([lost.closed(), other.closed(), back.closed()]).toEqual([true, false, false]);
  distributor.leave(lost);
  expect(distributor.roles.map(({ name }) => name)).toEqual(['2', '1']);
});

test('what has left gets nothing more, and what it says late does not bring it back', () => {
  const { distributor, heard } = create();
  const gateway = peerOf('gateway');
  distributor.join(gateway);
  distributor.leave(gateway);
  const told = heard.length;
  distributor.leave(gateway);
  expect(heard).toHaveLength(told);
  distributor.publish(snapshots('1'));
  distributor.acknowledge(gateway, 'gateway-1');
  expect([gateway.sent, distributor.roles]).toEqual([[], []]);
});
