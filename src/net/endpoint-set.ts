import type { UpstreamLimits } from './config.ts';
import { endpointName } from './dial.ts';
import type { EndpointPool, Lessee, PoolHost } from './endpoint-pool.ts';
import { NetError } from './errors.ts';
import { Http1Pool } from './http1-pool.ts';
import { Http2Pool } from './http2-pool.ts';
import type { Endpoint } from './upstream-options.ts';

/** Who asks the set for a connection. */
export interface Waiter extends Lessee {
  /** There is none to be had. */
  refused(error: NetError): void;
}

interface Waiting {
  readonly waiter: Waiter;
  since: number;
}

/** The endpoints of an upstream: chooses the least loaded one that works, and lets a bounded number of requests wait. */
export class EndpointSet {
  readonly #name: string;
  readonly #limits: UpstreamLimits;
  readonly #host: Omit<PoolHost, 'released'>;
  #pools: EndpointPool[] = [];
  /** Endpoints that were taken out and still carry exchanges. */
  readonly #leaving = new Set<EndpointPool>();
  readonly #waiting: Waiting[] = [];
  #next = 0;
  #onEmpty: (() => void) | undefined;

  constructor(name: string, host: Omit<PoolHost, 'released'>, endpoints: readonly Endpoint[]) {
    this.#name = name;
    this.#host = host;
    this.#limits = host.limits;
    this.replace(endpoints);
  }

  get pools(): readonly EndpointPool[] {
    return this.#pools;
  }

  /** Takes a new list: endpoints that stay keep their connections, those that go end theirs when they are idle. */
  replace(endpoints: readonly Endpoint[]): void {
    const present = new Map(this.#pools.map((pool) => [pool.name, pool]));
    const next = new Map<string, EndpointPool>();
    for (const endpoint of endpoints) {
      const name = endpointName(endpoint);
      const pool = present.get(name) ?? this.#open(endpoint);
      next.set(name, pool);
    }
    this.#pools = [...next.values()];
    for (const [name, pool] of present) {
      if (next.has(name)) continue;
      this.#leaving.add(pool);
      pool.drain();
    }
    this.#released();
  }

  /** Hands `waiter` a connection now or later, or refuses it. `avoid`: an endpoint that has just failed it. */
  lease(waiter: Waiter, avoid?: EndpointPool): void {
    const pool = this.#pick(avoid);
    if (pool === undefined) {
      waiter.refused(
        new NetError('net.upstream-unavailable', 503, 'no instance of the service is available', this.#name),
      );
    } else if (pool.hasRoom) pool.lease(waiter);
    else if (this.#waiting.length < this.#limits.pending) this.#waiting.push({ waiter, since: 0 });
    else waiter.refused(this.#overloaded());
  }

  /** `waiter` wants nothing any more. */
  abandon(waiter: Waiter): void {
    const at = this.#waiting.findIndex((waiting) => waiting.waiter === waiter);
    if (at >= 0) this.#waiting.splice(at, 1);
    else for (const pool of this.#every()) pool.abandon(waiter);
  }

  /** Whether one more endpoint may be ejected. */
  mayEject(nowMs: number): boolean {
    const ejected = this.#pools.filter((pool) => pool.isEjected(nowMs)).length;
    return ejected + 1 <= this.#pools.length * this.#limits.ejectMaxRatio;
  }

  sweep(nowMs: number): void {
    for (const pool of this.#every()) pool.sweep(nowMs);
    for (const waiting of this.#waiting.slice()) {
      if (waiting.since === 0) waiting.since = nowMs;
      else if (nowMs - waiting.since >= this.#limits.connectMs) {
        this.abandon(waiting.waiter);
        waiting.waiter.refused(this.#overloaded());
      }
    }
  }

  /** Resolves when no connection is left. */
  drain(): Promise<void> {
    for (const pool of this.#every()) pool.drain();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
      this.#released();
    });
  }

  destroy(): void {
    for (const { waiter } of this.#waiting.splice(0)) waiter.refused(this.#overloaded());
    for (const pool of this.#every()) pool.destroy();
  }

  #open(endpoint: Endpoint): EndpointPool {
    const host = { ...this.#host, released: () => this.#released() };
    return host.protocol === 'http1' ? new Http1Pool(endpoint, host) : new Http2Pool(endpoint, host);
  }

  *#every(): IterableIterator<EndpointPool> {
    yield* this.#pools;
    yield* this.#leaving;
  }

  #pick(avoid: EndpointPool | undefined): EndpointPool | undefined {
    const pools = this.#pools;
    if (pools.length === 1) return pools[0]?.isHealthy ? pools[0] : undefined;
    const nowMs = this.#host.clock.monotonic();
    // Each time another one is first, so that equals take turns.
    this.#next = (this.#next + 1) % (pools.length || 1);
    let best: EndpointPool | undefined;
    for (let step = 0; step < pools.length; step++) {
      const pool = pools[(this.#next + step) % pools.length] as EndpointPool;
      if (!pool.isHealthy || pool.isEjected(nowMs) || pool === avoid) continue;
      if (best === undefined || pool.active < best.active) best = pool;
    }
    return best ?? (avoid?.isHealthy && this.#pools.includes(avoid) ? avoid : undefined);
  }

  #released(): void {
    while (this.#waiting.length > 0) {
      const pool = this.#pick(undefined);
      if (pool === undefined || !pool.hasRoom) break;
      pool.lease((this.#waiting.shift() as Waiting).waiter);
    }
    for (const pool of this.#leaving) if (pool.isEmpty) this.#leaving.delete(pool);
    if (this.#onEmpty === undefined) return;
    for (const pool of this.#every()) if (!pool.isEmpty) return;
    this.#onEmpty();
  }

  #overloaded(): NetError {
    return new NetError('net.upstream-overloaded', 503, 'the service has more requests than it can take', this.#name);
  }
}
