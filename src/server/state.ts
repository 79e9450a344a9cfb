import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { MerlonError } from '../core/errors.ts';
import { ensurePrivateFolder } from '../core/files.ts';

/** Where everything lies below the state folder (`.merlon`). Each role has a folder of its own. */
export interface StateLayout {
  readonly root: string;
  /** Store, unseal key, ledger: control alone reads it. */
  readonly control: string;
  readonly store: string;
  readonly unsealKey: string;
  readonly ledger: string;
  /** Last good snapshot and spool of each data-plane role. */
  readonly gateway: string;
  readonly agent: string;
  /** Sockets and join tokens of the run at hand. */
  readonly run: string;
  readonly join: string;
  readonly controlSocket: string;
  readonly adminSocket: string;
  readonly providerSocket: string;
  readonly processNotes: string;
  /** Held by the supervisor while it lives. */
  readonly lock: string;
  /** Files that hold a service's secrets, where it wants them as files. */
  readonly serviceSecrets: string;
  /** Generated passwords and client secrets, one private file each. */
  readonly credentials: string;
  /** Public: the development CA and the trust bundle, for `--cacert`. */
  readonly caFile: string;
  readonly adminToken: string;
}

/** Longest path of a Unix socket that Linux takes, less the terminating NUL. */
const longestSocketPath = 107;

/** The layout below `folder`. Throws `state.path-too-long` where a socket could not have its path. */
export function stateLayout(folder: string): StateLayout {
  const root = resolve(folder);
  const at = (...parts: string[]): string => join(root, ...parts);
  const layout: StateLayout = {
    root,
    control: at('control'),
    store: at('control', 'store.sqlite'),
    unsealKey: at('control', 'unseal.key'),
    ledger: at('control', 'ledger'),
    gateway: at('gateway'),
    agent: at('agent'),
    run: at('run'),
    join: at('run', 'join'),
    controlSocket: at('run', 'control.sock'),
    adminSocket: at('run', 'admin.sock'),
    providerSocket: at('run', 'oidc.sock'),
    processNotes: at('run', 'processes.json'),
    lock: at('run', 'lock'),
    serviceSecrets: at('run', 'secrets'),
    credentials: at('credentials'),
    caFile: at('ca.pem'),
    adminToken: at('control', 'admin.token'),
  };
  if (Buffer.byteLength(layout.controlSocket) > longestSocketPath) {
    throw new MerlonError({
      code: 'state.path-too-long',
      message: `the path of the state folder \`${root}\` is too long for a socket below it`,
      hint: 'choose a shorter one with --state',
    });
  }
  return layout;
}

/** Makes the folders that are missing, private to their owner. Throws `state.unwritable`, `state.permissions`. */
export function prepareState(layout: StateLayout): void {
  const { root, control, gateway, agent, run, join: tokens, credentials, serviceSecrets } = layout;
  for (const folder of [root, control, gateway, agent, run, tokens, credentials, serviceSecrets])
    ensurePrivateFolder(folder);
}

/** Whether something answers on the Unix socket `path`. */
export function isAnswering(path: string): Promise<boolean> {
  return new Promise((answer) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      answer(true);
    });
    socket.once('error', () => answer(false));
  });
}

/** Throws `state.in-use` where a control plane is running on this state folder already. */
export async function checkNotInUse(layout: StateLayout): Promise<void> {
  if (await isAnswering(layout.controlSocket)) throw inUse(layout, 'a control plane');
}

/** Tells that `who` is running on this state folder. */
export function inUse(layout: StateLayout, who: string): MerlonError {
  return new MerlonError({
    code: 'state.in-use',
    message: `${who} is already running on \`${layout.root}\``,
    hint: 'stop it first, or choose another folder with --state',
  });
}
