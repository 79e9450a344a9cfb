import type { Clock } from '../core/clock.ts';
import type { Carrier } from './carrier.ts';
import type { UpstreamLimits } from './config.ts';
import { endpointName } from './dial.ts';
import type { NetError } from './errors.ts';
import type { Endpoint, EndpointStatus, UpstreamProtocol, UpstreamTls } from './upstream-options.ts';

/** Who waits for a carrier. */
export interface Lessee {
  ready(carrier: Carrier, pool: EndpointPool): void;
  unreachable(error: NetError, pool: EndpointPool): void;
}

/** What a pool needs of its upstream. */
export interface PoolHost {
  readonly clock: Clock;
  readonly limits: UpstreamLimits;
  readonly tls: UpstreamTls | undefined;
  readonly protocol: UpstreamProtocol;
  /** A connection is free or gone: somebody who waits may go on. */
  released(): void;
}

const mostEjectionFactor = 16;

/** The connections to one endpoint, and what is known of its health. */
export abstract class EndpointPool {
  readonly endpoint: Endpoint;
  readonly name: string;
  readonly limits: UpstreamLimits;
  /** Exchanges that run or wait for a connection that is being made. */
  active = 0;
  /** What the active check says. */
  isHealthy = true;
  readonly #clock: Clock;
  #failures = 0;
  #ejections = 0;
  #ejectedUntil = 0;

  constructor(endpoint: Endpoint, host: PoolHost) {
    this.endpoint = endpoint;
    this.name = endpointName(endpoint);
    this.limits = host.limits;
    this.#clock = host.clock;
  }

  /** Whether another exchange can begin now. */
  abstract get hasRoom(): boolean;
  abstract get isEmpty(): boolean;
  /** Connections that carry nothing. */
  abstract get idleCount(): number;
  /** Hands `lessee` a carrier: at once where a connection has room, else when a new one stands. */
  abstract lease(lessee: Lessee): void;
  /** Somebody who leased and waits no more. */
  abstract abandon(lessee: Lessee): void;
  /** The carrier was detached: what its connection carried besides HTTP is over. */
  abstract forget(carrier: Carrier): void;
  abstract sweep(nowMs: number): void;
  /** Ends idle connections now and the others when their exchanges are over. */
  abstract drain(): void;
  abstract destroy(): void;

  isEjected(nowMs: number): boolean {
    return this.#ejectedUntil > nowMs;
  }

  succeeded(): void {
    this.#failures = 0;
    if (this.#ejections > 0 && !this.isEjected(this.#clock.monotonic())) this.#ejections = 0;
  }

  /** Counts a failure; ejects the endpoint after `ejectAfter` in a row, where `mayEject`. */
  failed(mayEject: boolean): void {
    this.#failures++;
    const { ejectAfter, ejectMs } = this.limits;
    if (ejectAfter === 0 || this.#failures < ejectAfter || !mayEject) return;
    this.#failures = 0;
    const factor = Math.min(mostEjectionFactor, 2 ** this.#ejections++);
    this.#ejectedUntil = this.#clock.monotonic() + ejectMs * factor;
  }

  status(nowMs: number): EndpointStatus {
    const { name: endpoint, isHealthy: healthy, active } = this;
    return { endpoint, healthy, ejected: this.isEjected(nowMs), active, idle: this.idleCount };
  }
}
