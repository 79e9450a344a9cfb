import { expect, test } from 'vitest';
import type { RoleName, RoleState } from '../api/channel.ts';
import { createProgress } from './up-progress.ts';

const states = (versions: Partial<Record<RoleName, (string | undefined)[]>>): RoleState[] =>
  Object.entries(versions).flatMap(([role, list]) =>
    list.map((version, index) => ({ role: role as RoleName, name: String(index + 1), version })),
  );

test('is ready when every gateway and the agent serve and every service is healthy', () => {
  const progress = createProgress(2, () => undefined);
  const steps: (() => void)[] = [
    () => progress.roles(states({ gateway: ['a'], agent: ['x'] })),
    () => progress.roles(states({ gateway: ['a', undefined], agent: ['x'] })),
    () => progress.roles(states({ gateway: ['a', 'a'], agent: [undefined] })),
    () => progress.workloads(),
  ];
  for (const step of steps) {
    step();
    expect(progress.isReady).toBe(false);
  }
  progress.roles(states({ gateway: ['a', 'a'], agent: ['x'] }));
  expect(progress.isReady).toBe(true);
});

test('tells once when all of a role have gone over to another snapshot, and not when one comes back to the same', () => {
  const told: string[] = [];
  const progress = createProgress(2, (role, version) => told.push(`${role} ${version}`));
  progress.roles(states({ gateway: ['a', 'a'], agent: ['x'], supervisor: ['s'] }));
  expect(told).toEqual([]);
  progress.roles(states({ gateway: ['b', 'a'], agent: ['x'], supervisor: ['s'] }));
  expect(told).toEqual([]);
  progress.roles(states({ gateway: ['b', 'b'], agent: ['x'], supervisor: ['t'] }));
  expect(told).toEqual(['supervisor t', 'gateway b']);
  for (const versions of [[], [undefined, undefined], ['b', undefined], ['b', 'b']])
    progress.roles(states({ gateway: versions, agent: ['x'], supervisor: ['t'] }));
  expect(told).toHaveLength(2);
});
