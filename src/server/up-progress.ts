import { type RoleName, type RoleState, roleNames } from '../api/channel.ts';

/** How far the platform has come, by what control tells of the roles. */
export interface Progress {
  roles(states: readonly RoleState[]): void;
  /** Every service is healthy. */
  workloads(): void;
  /** Every role has acknowledged its first snapshot, and every service is healthy. */
  readonly ready: Promise<undefined>;
  readonly isReady: boolean;
}

/** `onInForce`: all processes of a role have gone over to another snapshot than the one that they began with. */
export function createProgress(gateways: number, onInForce: (role: RoleName, version: string) => void): Progress {
  const done = Promise.withResolvers<undefined>();
  const inForce = new Map<RoleName, string>();
  let rolesReady = false;
  let workloadsReady = false;
  let ready = false;

  const look = (): void => {
    if (!rolesReady || !workloadsReady) return;
    ready = true;
    done.resolve(undefined);
  };
  const compare = (role: RoleName, states: readonly RoleState[]): void => {
    const [version, ...others] = new Set(states.filter((state) => state.role === role).map((state) => state.version));
    if (version === undefined || others.length > 0) return;
    const former = inForce.get(role);
    inForce.set(role, version);
    if (former !== undefined && former !== version) onInForce(role, version);
  };
  return {
    roles: (states) => {
      const serving = states.filter(({ version }) => version !== undefined);
      rolesReady =
        serving.some(({ role }) => role === 'agent') &&
        serving.filter(({ role }) => role === 'gateway').length >= gateways;
      for (const role of roleNames) compare(role, states);
      look();
    },
    workloads: () => {
      workloadsReady = true;
      look();
    },
    ready: done.promise,
    get isReady() {
      return ready;
    },
  };
}
