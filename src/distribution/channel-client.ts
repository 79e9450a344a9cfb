import { connect, type Socket } from 'node:net';
import type { FromControl, FromRole, RoleName } from '../api/channel.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { tryReadPrivateText } from '../core/files.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import { joinProof, joinTokenFile } from './join-token.ts';
import { readLines, writeLine } from './lines.ts';

// A Unix socket costs nothing to try, and whoever waits for control to start should not wait longer than it takes.
const eagerRetryMs = 25;
const eagerTries = 400;
const patientRetryMs = 200;

export interface ChannelClientOptions {
  readonly path: string;
  readonly joinFolder: string;
  readonly role: RoleName;
  readonly name: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** The channel is open (again); `nonce` is what proofs of key possession sign from now on. */
  readonly onOpen: (nonce: string) => void;
  readonly onMessage: (message: FromControl) => void;
  readonly onClose?: () => void;
}

/** A role's end of the channel. It reconnects for ever: the data plane goes on serving while control is away. */
export interface ChannelClient extends Stoppable {
  /** Sends now, or drops the message when control is away: whoever must not lose one repeats it in `onOpen`. */
  send(message: FromRole): void;
  /** As `send`, of a message that is a line of JSON already. */
  sendLine(line: Buffer): void;
  readonly connected: boolean;
}

export function createChannelClient(options: ChannelClientOptions): ChannelClient {
  const { clock, log } = options;
  let socket: Socket | undefined;
  let joined = false;
  let stopped = false;
  let tries = 0;
  let timer: Timer | undefined;

  const receive = (message: FromControl, nonce: { value: string }): void => {
    if (message.type === 'challenge') return answer(message.nonce, nonce);
    if (message.type === 'refused') return log.error({ code: message.code }, message.message);
    if (message.type !== 'welcome') return options.onMessage(message);
    joined = true;
    tries = 0;
    options.onOpen(nonce.value);
  };
  const answer = (value: string, nonce: { value: string }): void => {
    nonce.value = value;
    const token = tryReadPrivateText(joinTokenFile(options.joinFolder, options.role, options.name));
    if (token === undefined || socket === undefined) return void socket?.destroy();
    const { role, name } = options;
    writeLine(socket, { type: 'hello', role, name, proof: joinProof(token, value, role, name) } satisfies FromRole);
  };
  const open = (): void => {
    const nonce = { value: '' };
    socket = connect(options.path);
    socket.on('error', (error) => log.debug({ error: error.message }, 'control is not reachable'));
    socket.on('close', () => {
      if (joined) options.onClose?.();
      joined = false;
      if (stopped) return;
      timer = clock.after(tries++ < eagerTries ? eagerRetryMs : patientRetryMs, open);
    });
    readLines(
      socket,
      (value) => receive(value as FromControl, nonce),
      (error) => log.warn({ code: error.code }, error.message),
    );
  };
  open();
  return {
    send: (message) => {
      if (joined && socket !== undefined) writeLine(socket, message);
    },
    sendLine: (line) => {
      if (joined && socket?.destroyed === false) socket.write(line);
    },
    get connected() {
      return joined;
    },
    stop: async () => {
      stopped = true;
      timer?.cancel();
      socket?.destroy();
    },
  };
}
