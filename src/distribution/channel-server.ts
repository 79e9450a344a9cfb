import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { type FromControl, type FromRole, fromRole, type Hello, type RoleName } from '../api/channel.ts';
import type { MerlonError } from '../core/errors.ts';
import { randomToken } from '../core/ids.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import { checkJoinProof } from './join-token.ts';
import { readLines, writeLine } from './lines.ts';

/** A role that has proved itself. */
export interface RolePeer {
  readonly role: RoleName;
  readonly name: string;
  /** What the role's proofs of key possession sign. */
  readonly nonce: string;
  send(message: FromControl): void;
  close(): void;
}

export interface ChannelServerOptions {
  /** Path of the Unix socket. */
  readonly path: string;
  /** Folder of the join tokens. */
  readonly joinFolder: string;
  readonly log: Logger;
  readonly onJoin: (peer: RolePeer) => void;
  readonly onMessage: (peer: RolePeer, message: Exclude<FromRole, Hello>) => void;
  readonly onLeave: (peer: RolePeer) => void;
}

/** Listens for the other roles. Nobody is heard before their `hello` has proved who they are. */
export async function createChannelServer(options: ChannelServerOptions): Promise<Stoppable> {
  const sockets = new Set<Socket>();
  rmSync(options.path, { force: true });
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', (error) => options.log.debug({ error: error.message }, 'channel connection failed'));
    serveRole(socket, options);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.path, resolve);
  });
  chmodSync(options.path, 0o600);
  return {
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function serveRole(socket: Socket, options: ChannelServerOptions): void {
  const nonce = randomToken();
  let peer: RolePeer | undefined;
  const refuse = (code: string, message: string): void => {
    options.log.warn({ code }, message);
    writeLine(socket, { type: 'refused', code, message } satisfies FromControl);
    socket.end();
  };
  const join = (hello: Hello): void => {
    if (!checkJoinProof(options.joinFolder, nonce, hello))
      return refuse('channel.join-refused', `${hello.role} ${hello.name} could not prove its join token`);
    peer = {
      role: hello.role,
      name: hello.name,
      nonce,
      send: (message) => writeLine(socket, message),
      close: () => socket.destroy(),
    };
    peer.send({ type: 'welcome' });
    options.onJoin(peer);
  };
  readLines(
    socket,
    (value) => {
      const parsed = fromRole.safeParse(value);
      if (!parsed.success) return refuse('channel.malformed', 'a role sent a message of an unknown shape');
      if (peer === undefined)
        return parsed.data.type === 'hello'
          ? join(parsed.data)
          : refuse('channel.not-joined', 'a role spoke before its hello');
      if (parsed.data.type === 'hello') return refuse('channel.joined-twice', 'a role sent a second hello');
      options.onMessage(peer, parsed.data);
      return undefined;
    },
    (error: MerlonError) => options.log.warn({ code: error.code }, error.message),
  );
  socket.on('close', () => {
    if (peer !== undefined) options.onLeave(peer);
  });
  writeLine(socket, { type: 'challenge', nonce } satisfies FromControl);
}
