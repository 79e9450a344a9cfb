import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { systemClock } from '../../src/core/clock.ts';
import {
  createHttpServer,
  createUpstream,
  type HttpServer,
  type HttpServerOptions,
  type Upstream,
  type UpstreamOptions,
} from '../../src/net/index.ts';

/** Everything that one test opened, to be closed after it. */
export class Peers {
  readonly #closers: (() => unknown)[] = [];

  defer(close: () => unknown): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).reverse()) await close();
  }

  /** One of our servers on a free port. */
  async server(options: Partial<HttpServerOptions> & Pick<HttpServerOptions, 'onRequest'>): Promise<Listening> {
    const server = createHttpServer({ clock: systemClock, ...options });
    await server.listen({ host: '127.0.0.1', port: 0 });
    this.defer(() => server.stop());
    return { server, port: (server.address() as { port: number }).port };
  }

  /** An upstream of ours with endpoints on this machine. */
  upstream(ports: number | readonly number[], options: Partial<UpstreamOptions> = {}): Upstream {
    const endpoints = [ports].flat().map((port) => ({ host: '127.0.0.1', port: port as number }));
    const upstream = createUpstream({ name: 'back', clock: systemClock, endpoints, ...options });
    this.defer(() => upstream.stop());
    return upstream;
  }

  /** A TCP server that hands each connection to `serve`, raw. */
  async rawServer(serve: (socket: Socket) => void): Promise<number> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
      serve(socket);
    });
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    this.defer(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }

  /** A raw client connection. */
  client(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
      this.defer(() => socket.destroy());
      socket.once('error', reject);
      socket.once('connect', () => resolve(new RawClient(socket)));
    });
  }

  /** Sends `text` (one character a byte), ends, and gives back all that comes until the server closes. */
  async exchange(port: number, text: string): Promise<string> {
    const client = await this.client(port);
    client.send(text);
    client.socket.end();
    return client.untilClosed();
  }
}

export interface Listening {
  readonly server: HttpServer;
  readonly port: number;
}

/** A client that speaks bytes. */
export class RawClient {
  readonly socket: Socket;
  /** All that has come, one character a byte. */
  received = '';
  isClosed = false;
  readonly #changed = new Set<() => void>();

  constructor(socket: Socket) {
    this.socket = socket;
    const changed = (): void => {
      for (const notify of this.#changed) notify();
    };
    socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1');
      changed();
    });
    socket.on('error', () => undefined);
    socket.on('end', () => {
      this.isClosed = true;
      changed();
    });
    socket.on('close', () => {
      this.isClosed = true;
      changed();
    });
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Resolves with what has come when it holds `part`, or when `part` as a predicate says so. Rejects when the server closes before. */
  until(part: string | ((received: string) => boolean)): Promise<string> {
    const holds = typeof part === 'string' ? (text: string) => text.includes(part) : part;
    return this.#when(
      () => holds(this.received),
      () => `closed before it came; received ${JSON.stringify(this.received.slice(-400))}`,
    );
  }

  async untilClosed(): Promise<string> {
    await this.#when(
      () => this.isClosed,
      () => 'never',
    );
    this.socket.destroy();
    return this.received;
  }

  #when(isDone: () => boolean, why: () => string): Promise<string> {
    return new Promise((resolve, reject) => {
      const check = (): void => {
        if (isDone()) resolve(this.received);
        else if (this.isClosed) reject(new Error(why()));
        else return;
        this.#changed.delete(check);
      };
      this.#changed.add(check);
      check();
    });
  }
}

/** The status codes of the responses in `text`, in order. */
export function statusesOf(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}

/** A port that nothing listens on now. */
export async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => {
    probe.listen(0, '127.0.0.1', resolve);
  });
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
