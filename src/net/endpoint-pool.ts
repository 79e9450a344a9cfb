import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { UpstreamLimits } from './config.ts';
import { endpointName } from './dial.ts';
import { NetError } from './errors.ts';
import { type ConnectionOwner, UpstreamConnection } from './upstream-connection.ts';
import type { Endpoint, EndpointStatus, UpstreamTls } from './upstream-options.ts';

/** Who waits for a connection. */
export interface Lessee {
  ready(connection: UpstreamConnection, pool: EndpointPool): void;
  unreachable(error: NetError, pool: EndpointPool): void;
}

/** What a pool needs of its upstream. */
export interface PoolHost {
  readonly clock: Clock;
  readonly limits: UpstreamLimits;
  readonly tls: UpstreamTls | undefined;
  /** A connection is free or gone: somebody who waits may go on. */
  released(): void;
}

const mostEjectionFactor = 16;

/** The connections to one endpoint, and what is known of its health. */
export class EndpointPool implements ConnectionOwner {
  readonly endpoint: Endpoint;
  readonly name: string;
  readonly limits: UpstreamLimits;
  /** Connections that carry an exchange or are being made. */
  active = 0;
  /** What the active check says. */
  isHealthy = true;
  readonly #host: PoolHost;
  readonly #all = new Set<UpstreamConnection>();
  readonly #idle: UpstreamConnection[] = [];
  readonly #lessees = new Map<UpstreamConnection, Lessee>();
  #failures = 0;
  #ejections = 0;
  #ejectedUntil = 0;
  #isDraining = false;

  constructor(endpoint: Endpoint, host: PoolHost) {
    this.endpoint = endpoint;
    this.name = endpointName(endpoint);
    this.#host = host;
    this.limits = host.limits;
  }

  /** Whether another exchange can begin now. */
  get hasRoom(): boolean {
    return this.#idle.length > 0 || this.#all.size < this.limits.connections;
  }

  get isEmpty(): boolean {
    return this.#all.size === 0;
  }

  isEjected(nowMs: number): boolean {
    return this.#ejectedUntil > nowMs;
  }

  /** Hands `lessee` a connection: at once where one is idle, else when a new one stands. */
  lease(lessee: Lessee): void {
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

  /** Somebody who leased and waits no more. */
  abandon(lessee: Lessee): void {
    for (const [connection, waiting] of this.#lessees) {
      if (waiting !== lessee) continue;
      this.#lessees.delete(connection);
      connection.destroy();
      return;
    }
  }

  /** The connection was detached: it carries another protocol until it closes. */
  forget(connection: UpstreamConnection): void {
    if (this.#all.delete(connection)) this.active--;
    this.#host.released();
  }

  succeeded(): void {
    this.#failures = 0;
    if (this.#ejections > 0 && !this.isEjected(this.#host.clock.monotonic())) this.#ejections = 0;
  }

  /** Counts a failure; ejects the endpoint after `ejectAfter` in a row, where `mayEject`. */
  failed(mayEject: boolean): void {
    this.#failures++;
    const { ejectAfter, ejectMs } = this.limits;
    if (ejectAfter === 0 || this.#failures < ejectAfter || !mayEject) return;
    this.#failures = 0;
    const factor = Math.min(mostEjectionFactor, 2 ** this.#ejections++);
    this.#ejectedUntil = this.#host.clock.monotonic() + ejectMs * factor;
  }

  sweep(nowMs: number): void {
    for (const connection of this.#all) connection.sweep(nowMs);
  }

  /** Ends idle connections now and the others when their exchange is over. */
  drain(): void {
    this.#isDraining = true;
    for (const connection of this.#idle.slice()) connection.destroy();
  }

  destroy(): void {
    this.#isDraining = true;
    for (const connection of this.#all) connection.abort();
  }

  status(nowMs: number): EndpointStatus {
    const { name: endpoint, isHealthy: healthy, active } = this;
    return { endpoint, healthy, ejected: this.isEjected(nowMs), active, idle: this.#idle.length };
  }
}
