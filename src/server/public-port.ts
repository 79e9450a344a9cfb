import net from 'node:net';
import { MerlonError, messageOf, systemCode } from '../core/errors.ts';
import type { Stoppable } from '../core/lifecycle.ts';

/** How many sockets a worker listens with at a public port: as many connections it lets in each turn of its event loop. */
export const publicAcceptors = 8;

/** The gateway's listening socket, bound by the supervisor and handed to each worker. It outlives a worker's crash: callers wait, they are not refused. */
export interface PublicPort extends Stoppable {
  readonly descriptor: number;
}

interface BoundHandle {
  readonly fd: number;
  close(): void;
}

// What node:cluster shares a port with: binds without listening, so that the supervisor itself never accepts.
type CreateServerHandle = (
  address: string,
  port: number,
  addressType: 4 | 6,
  fd: number | null,
  flags: number,
) => BoundHandle | number;
const { _createServerHandle: bind } = net as unknown as { _createServerHandle: CreateServerHandle };

/** Binds the port. Throws `gateway.port-in-use`, `gateway.port-forbidden`, `gateway.bad-address`. */
export async function bindPublicPort(host: string, port: number, key = 'gateway.listen'): Promise<PublicPort> {
  await probe(host, port, key);
  const handle = bind(host, port, net.isIPv6(host) ? 6 : 4, null, 0);
  if (typeof handle === 'number') throw cannotBind(host, port, `error ${handle}`, key);
  return { descriptor: handle.fd, stop: async () => handle.close() };
}

/** A bound socket that is already taken fails only when it listens; so listen once. */
function probe(host: string, port: number, key: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', (error) => reject(explain(host, port, error, key)));
    server.listen(port, host, () => server.close(() => resolve()));
  });
}

function explain(host: string, port: number, error: Error, key: string): MerlonError {
  const code = systemCode(error);
  if (code === 'EADDRINUSE') {
    return new MerlonError({
      code: 'gateway.port-in-use',
      message: `port ${port} on \`${host}\` is already in use`,
      hint: `stop what listens there, or change \`${key}\` in the manifest`,
    });
  }
  if (code === 'EACCES') {
    return new MerlonError({
      code: 'gateway.port-forbidden',
      message: `this user may not listen on port ${port}`,
      hint: `choose a port above 1023 in \`${key}\`, or allow it (\`net.ipv4.ip_unprivileged_port_start\`)`,
    });
  }
  return cannotBind(host, port, messageOf(error), key);
}

function cannotBind(host: string, port: number, detail: string, key: string): MerlonError {
  return new MerlonError({
    code: 'gateway.bad-address',
    message: `cannot listen on \`${host}\` port ${port}: ${detail}`,
    hint: `name an address of this machine in \`${key}\``,
  });
}
