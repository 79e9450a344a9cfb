import { type AddressInfo, createServer, type ListenOptions, type Server, type Socket } from 'node:net';
import { ListenError, NetError } from './errors.ts';
import type { ListenAddress } from './server-options.ts';

/** What several sockets at one address tell their server. */
export interface AcceptorsHost {
  accepted(socket: Socket): void;
  failed(error: Error): void;
}

/**
 * The sockets that listen at one address. The event loop takes one connection a turn from each (libuv since 1.45), and a turn is as long
 * as all the requests that came in meanwhile: were there one socket, the last of a crowd of 256 would wait for 256 turns, each longer
 * than the one before, while those that were let in first are served over and over.
 */
export class Acceptors {
  readonly #host: AcceptorsHost;
  #servers: Server[] = [];

  constructor(host: AcceptorsHost) {
    this.#host = host;
  }

  /** Throws `net.listen`: then none of them listens. */
  async listen(address: ListenAddress): Promise<void> {
    try {
      if ('fds' in address) for (const fd of address.fds) await this.#open({ fd });
      else if ('port' in address && isMany(address.acceptors)) await this.#openMany(address, address.acceptors);
      else await this.#open(address);
    } catch (error) {
      await this.close();
      throw new ListenError(error as Error);
    }
  }

  /** Where they listen: the port that the system chose, or the path. */
  address(): { readonly host: string; readonly port: number } | { readonly path: string } {
    const address = this.#servers[0]?.address() ?? null;
    if (address === null) throw new NetError('net.listen', 500, 'the server does not listen');
    return typeof address === 'string' ? { path: address } : { host: address.address, port: address.port };
  }

  /** Accepts no more. Resolves when every connection is gone. May be called twice. */
  async close(): Promise<void> {
    const closed = this.#servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve)));
    await Promise.all(closed);
  }

  async #openMany({ host, port, backlog }: ListenOptions, count: number): Promise<void> {
    // Sockets that share a port are not told of another process that shares it too; one that does not share it is.
    if (port !== 0) {
      await this.#open({ host, port });
      // Whoever came meanwhile is served: not waited for.
      this.#servers.pop()?.close();
    }
    const shared = { host, backlog, reusePort: true };
    const first = await this.#open({ ...shared, port });
    const chosen = (first.address() as AddressInfo).port;
    for (let at = 1; at < count; at++) await this.#open({ ...shared, port: chosen });
  }

  #open(address: ListenOptions | { readonly fd: number }): Promise<Server> {
    const server = createServer(socketOptions, (socket) => this.#host.accepted(socket));
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(address, () => {
        server.off('error', reject);
        server.on('error', (error) => this.#host.failed(error));
        this.#servers.push(server);
        resolve(server);
      });
    });
  }
}

const socketOptions = { allowHalfOpen: true, noDelay: true, highWaterMark: 65_536 };

/** Elsewhere than on Linux the sockets of a port do not take turns. */
function isMany(acceptors: number | undefined): acceptors is number {
  return acceptors !== undefined && acceptors > 1 && process.platform === 'linux';
}
