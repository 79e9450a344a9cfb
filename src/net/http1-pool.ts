import { messageOf } from '../core/errors.ts';
import type { Carrier } from './carrier.ts';
import { EndpointPool, type Lessee, type PoolHost } from './endpoint-pool.ts';
import { NetError } from './errors.ts';
import { type ConnectionOwner, UpstreamConnection } from './upstream-connection.ts';
import type { Endpoint } from './upstream-options.ts';

/**
 * TLS handshakes at a time with one endpoint. A handshake is mostly computing: a crowd of them only makes each later, until all are
 * too late. Who comes meanwhile waits for the first connection that is free, whether new or given back.
 */
const mostHandshakes = 32;

/** The HTTP/1.1 connections to one endpoint: each carries one exchange at a time and is kept for the next. */
export class Http1Pool extends EndpointPool implements ConnectionOwner {
  readonly #host: PoolHost;
  readonly #all = new Set<UpstreamConnection>();
  readonly #idle: UpstreamConnection[] = [];
  readonly #lessees = new Map<UpstreamConnection, Lessee>();
  #isDraining = false;

  constructor(endpoint: Endpoint, host: PoolHost) {
    super(endpoint, host);
    this.#host = host;
  }

  override get hasRoom(): boolean {
    if (this.#idle.length > 0) return true;
    const mayDial = this.#host.tls === undefined || this.#lessees.size < mostHandshakes;
    return mayDial && this.#all.size < this.limits.connections;
  }

  override get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  override get idleCount(): number {
    return this.#idle.length;
  }

  override lease(lessee: Lessee): void {
    this.active++;
    const idle = this.#idle.pop();
    if (idle !== undefined) {
      lessee.ready(idle, this);
      return;
    }
    try {
      const connection = new UpstreamConnection(this, this.endpoint, this.#host.tls);
      this.#all.add(connection);
      this.#lessees.set(connection, lessee);
    } catch (error) {
      this.active--;
      const detail = messageOf(error);
      lessee.unreachable(new NetError('net.upstream-tls', 502, 'no trusted connection to the service', detail), this);
    }
  }

  connected(connection: UpstreamConnection): void {
    const lessee = this.#lessees.get(connection);
    this.#lessees.delete(connection);
    if (lessee === undefined) connection.destroy();
    else lessee.ready(connection, this);
    // Another handshake may begin.
    this.#host.released();
  }

  idle(connection: UpstreamConnection): void {
    this.active--;
    if (this.#isDraining || this.#idle.length >= this.limits.idleConnections) {
      this.#all.delete(connection);
      connection.destroy();
    } else this.#idle.push(connection);
    this.#host.released();
  }

  closed(connection: UpstreamConnection, error: NetError | undefined): void {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    else if (this.#all.has(connection)) this.active--;
    this.#all.delete(connection);
    const lessee = this.#lessees.get(connection);
    this.#lessees.delete(connection);
    if (lessee !== undefined && error !== undefined) lessee.unreachable(error, this);
    this.#host.released();
  }

  override abandon(lessee: Lessee): void {
    for (const [connection, waiting] of this.#lessees) {
      if (waiting !== lessee) continue;
      this.#lessees.delete(connection);
      connection.destroy();
      return;
    }
  }

  override forget(carrier: Carrier): void {
    if (this.#all.delete(carrier as UpstreamConnection)) this.active--;
    this.#host.released();
  }

  override sweep(nowMs: number): void {
    for (const connection of this.#all) connection.sweep(nowMs);
  }

  override drain(): void {
    this.#isDraining = true;
    for (const connection of this.#idle.slice()) connection.destroy();
  }

  override destroy(): void {
    this.#isDraining = true;
    for (const connection of this.#all) connection.abort();
  }
}
