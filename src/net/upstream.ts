import type { Timer } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { silentLogger } from '../core/log.ts';
import { defaultUpstreamLimits } from './config.ts';
import type { EndpointPool } from './endpoint-pool.ts';
import { EndpointSet } from './endpoint-set.ts';
import { Exchange, type ExchangeHost } from './exchange.ts';
import { fetchFrom } from './fetch.ts';
import { startHealthChecks } from './health-check.ts';
import type { Reply, ServerRequest } from './message.ts';
import { dnsLifetime, type Resolution, startResolution } from './resolution.ts';
import { RetryBudget } from './retry-budget.ts';
import type {
  Endpoint,
  EndpointStatus,
  FetchRequest,
  FetchResponse,
  Forwarding,
  HealthCheck,
  Upstream,
  UpstreamOptions,
} from './upstream-options.ts';

const longestSweepMs = 500;
const shortestSweepMs = 20;
const noForwarding: Forwarding = {};

/** A group of endpoints: pooled connections, least-request balancing, health, retries. */
export function createUpstream(options: UpstreamOptions): Upstream {
  return new HttpUpstream(options);
}

class HttpUpstream implements Upstream {
  readonly name: string;
  readonly #options: UpstreamOptions;
  readonly #endpoints: EndpointSet;
  readonly #host: ExchangeHost;
  /** Exchanges that are bounded as a whole. */
  readonly #bounded = new Set<Exchange>();
  #active = 0;
  readonly #sweepMs: number;
  #sweep: Timer | undefined;
  #isStopped = false;
  readonly #checks: Timer | undefined;
  readonly #resolution: Resolution | undefined;

  constructor(options: UpstreamOptions) {
    const { name, clock, endpoints, tls, protocol = 'http1' } = options;
    const limits = { ...defaultUpstreamLimits, ...options.limits };
    this.name = name;
    this.#options = options;
    this.#endpoints = new EndpointSet(name, { clock, limits, tls, protocol }, endpoints);
    this.#host = {
      clock,
      endpoints: this.#endpoints,
      protocol,
      budget: new RetryBudget(limits.retryRatio),
      retryAttempts: limits.retryAttempts,
      totalMs: limits.totalMs,
      gatherBytes: protocol === 'grpc' ? 0 : limits.gatherBytes,
      tunnelIdleMs: limits.tunnelIdleMs,
      began: (exchange) => this.#began(exchange),
      ended: (exchange) => this.#ended(exchange),
      report: (error) => options.log?.error({ upstream: name, error: messageOf(error) }, 'a callback failed'),
    };
    const { connectMs, firstByteMs, bodyIdleMs, idleTimeMs, totalMs } = limits;
    const shortest = Math.min(connectMs, firstByteMs, bodyIdleMs, idleTimeMs, totalMs || longestSweepMs * 4) / 4;
    this.#sweepMs = Math.min(longestSweepMs, Math.max(shortestSweepMs, shortest));
    this.#startSweep();
    this.#resolution = options.resolve === undefined ? undefined : this.#startResolution(options.resolve);
    this.#checks = options.healthCheck === undefined ? undefined : this.#startChecks(options.healthCheck);
  }

  forward(request: ServerRequest, reply: Reply, forwarding: Forwarding = noForwarding): void {
    new Exchange(this.#host, request, reply, forwarding).start();
  }

  fetch(request: FetchRequest): Promise<FetchResponse> {
    return fetchFrom(this.#endpoints, this.#options.clock, request);
  }

  setEndpoints(endpoints: readonly Endpoint[]): void {
    if (this.#resolution === undefined) this.#endpoints.replace(endpoints);
    else this.#resolution.set(endpoints);
  }

  status(): readonly EndpointStatus[] {
    const now = this.#options.clock.monotonic();
    return this.#endpoints.pools.map((pool) => pool.status(now));
  }

  async drain(timeoutMs: number): Promise<void> {
    const { clock } = this.#options;
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = clock.after(timeoutMs, resolve);
    });
    await Promise.race([this.#endpoints.drain(), late]);
    timer?.cancel();
    await this.stop();
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#checks?.cancel();
    this.#resolution?.stop();
    this.#endpoints.destroy();
    this.#stopSweep();
  }

  #began(exchange: Exchange): void {
    this.#active++;
    if (exchange.totalMs > 0) this.#bounded.add(exchange);
    // A request may still come that was routed before we were replaced: it has its time bounds too.
    this.#startSweep();
  }

  #ended(exchange: Exchange): void {
    this.#active--;
    if (exchange.totalMs > 0) this.#bounded.delete(exchange);
    if (this.#isStopped) this.#stopSweep();
  }

  #startSweep(): void {
    this.#sweep ??= this.#options.clock.every(this.#sweepMs, () => this.#sweepAll());
  }

  #stopSweep(): void {
    if (this.#active > 0) return;
    this.#sweep?.cancel();
    this.#sweep = undefined;
  }

  #startResolution({ intervalMs, lookup, lifetime }: NonNullable<UpstreamOptions['resolve']>): Resolution {
    const { clock, endpoints, log = silentLogger } = this.#options;
    return startResolution(endpoints, {
      clock,
      intervalMs,
      lookup,
      lifetime: lifetime ?? (lookup === undefined ? dnsLifetime() : undefined),
      onChange: (found) => this.#endpoints.replace(found),
      onFailure: (host, error) =>
        log.warn({ upstream: this.name, host, error: messageOf(error) }, 'a name could not be resolved'),
    });
  }

  #startChecks(check: HealthCheck): Timer {
    const { clock, log = silentLogger } = this.#options;
    const probe = async (pool: EndpointPool, { path, host }: HealthCheck, timeoutMs: number): Promise<boolean> => {
      const source = { lease: pool.lease.bind(pool), abandon: pool.abandon.bind(pool) };
      const headers = host === undefined ? {} : { host };
      try {
        return (await fetchFrom(source, clock, { path, headers, timeoutMs })).status < 400;
      } catch {
        return false;
      }
    };
    return startHealthChecks(
      check,
      () => this.#endpoints.pools,
      probe,
      clock,
      ({ name, isHealthy }) => {
        log.warn({ upstream: this.name, endpoint: name, healthy: isHealthy }, 'health of an endpoint changed');
      },
    );
  }

  #sweepAll(): void {
    const now = this.#options.clock.monotonic();
    this.#endpoints.sweep(now);
    for (const exchange of this.#bounded) exchange.sweep(now);
  }
}
