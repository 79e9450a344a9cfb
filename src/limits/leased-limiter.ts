import type { LeaseDecline, LeaseGrant, ToWorker } from '../api/limits.ts';
import { type Clock, deadline, type Timer } from '../core/clock.ts';
import { defaultLimitsOptions, type LimitsOptions } from './config.ts';
import { unknownLimit } from './errors.ts';
import { Lease, type Waiter } from './lease.ts';
import { type AskingLimiter, type LimitState, type RateSpec, rateSpecOf, type TokenRule } from './limit-state.ts';
import { createLimiter, type Limiter } from './limiter.ts';
import type { SendToBroker } from './ports.ts';

/** A worker's limiter: spends slices that the broker hands out, and asks for the next before the last is gone. */
export interface LeasedLimiter extends AskingLimiter {
  configure(rules: readonly TokenRule[]): void;
  /** A message of the broker. */
  receive(message: ToWorker): void;
  /** How many keys it holds slices of. */
  readonly size: number;
  /** Gives all unspent tokens back; requests that wait are judged by the worker's own share. */
  stop(): void;
}

/** `workers`: how many share the limits; each one's own share is that part of a limit, for when the broker is silent. */
export interface LeasedLimiterOptions extends Partial<LimitsOptions> {
  readonly clock: Clock;
  readonly workers: number;
  readonly send: SendToBroker;
  readonly rules?: readonly TokenRule[];
}

/**
 * A limiter over leases. `take` is synchronous and answers from the slice in hand; without one it gives undefined and
 * `wait` asks the broker, once for all that wait for that key.
 */
export function createLeasedLimiter(options: LeasedLimiterOptions): LeasedLimiter {
  const limiter = new Leased(options);
  limiter.configure(options.rules ?? []);
  return limiter;
}

class Leased implements LeasedLimiter {
  readonly #options: LimitsOptions & Pick<LeasedLimiterOptions, 'clock' | 'workers' | 'send'>;
  readonly #leases = new Map<string, Map<string, Lease>>();
  readonly #share: Limiter;
  readonly #state: LimitState = { allowed: false, remaining: 0, resetMs: 0, retryAfterMs: 0 };
  readonly #sweeper: Timer;
  #waiting = 0;
  #count = 0;
  #asks = 0;
  /** The broker did not answer; until then nobody waits for it. */
  #silentUntilMs = 0;

  constructor({ rules: _, ...options }: LeasedLimiterOptions) {
    this.#options = { ...defaultLimitsOptions, ...options };
    this.#share = createLimiter({ maxKeys: Math.ceil(this.#options.maxKeys / 4) });
    this.#sweeper = options.clock.every(this.#options.leaseMs / 2, () => this.#sweep());
  }

  configure(rules: readonly TokenRule[]): void {
    const ids = new Set(rules.map((rule) => rule.id));
    for (const id of this.#leases.keys()) if (!ids.has(id)) this.#dropLimit(id);
    for (const id of ids) if (!this.#leases.has(id)) this.#leases.set(id, new Map());
    this.#share.configure(rules.map((rule) => shareOf(rule, this.#options.workers)));
  }

  take(limitId: string, key: string, cost: number, nowMs: number): LimitState | undefined {
    const lease = this.#leasesOf(limitId).get(key);
    if (lease === undefined || lease.waiters.length > 0) return undefined;
    if (nowMs >= lease.expiresAtMs && lease.tokens > 0) this.#giveBack(limitId, key, lease);
    return this.#spend(limitId, key, lease, cost, nowMs);
  }

  async wait(limitId: string, key: string, cost: number, nowMs: number): Promise<LimitState> {
    const { clock, askTimeoutMs, maxWaiting } = this.#options;
    const canAsk = this.#waiting < maxWaiting && nowMs >= this.#silentUntilMs;
    const lease = canAsk ? this.#open(limitId, key) : undefined;
    if (lease === undefined) return this.#ownShare(limitId, key, cost);
    return new Promise((resolve) => {
      this.#waiting++;
      const timer = deadline(clock, askTimeoutMs, () => this.#giveUp(lease, waiter));
      const waiter: Waiter = {
        cost,
        settle: (state) => {
          this.#waiting--;
          timer.cancel();
          resolve(state ?? this.#ownShare(limitId, key, cost));
        },
      };
      lease.waiters.push(waiter);
      this.#ask(limitId, key, lease, lease.lacks(cost));
    });
  }

  refund(limitId: string, key: string, cost: number): void {
    const lease = this.#leasesOf(limitId).get(key);
    // What was reported already stays spent: on the safe side.
    if (lease === undefined || lease.spent < cost) return;
    lease.spent -= cost;
    lease.tokens += cost;
  }

  receive(message: ToWorker): void {
    const lease = this.#leases.get(message.limit)?.get(message.key);
    this.#silentUntilMs = 0;
    if (message.kind === 'grant') this.#accept(message, lease);
    else if (message.kind === 'decline') this.#declined(message, lease);
    else if (lease !== undefined) this.#giveBack(message.limit, message.key, lease);
    else this.#options.send({ kind: 'return', limit: message.limit, key: message.key, spent: 0, unspent: 0 });
  }

  get size(): number {
    return this.#count;
  }

  stop(): void {
    this.#sweeper.cancel();
    for (const id of [...this.#leases.keys()]) this.#dropLimit(id);
  }

  #leasesOf(limitId: string): Map<string, Lease> {
    const leases = this.#leases.get(limitId);
    if (leases === undefined) throw unknownLimit(limitId);
    return leases;
  }

  #open(limitId: string, key: string): Lease | undefined {
    const leases = this.#leasesOf(limitId);
    const known = leases.get(key);
    if (known !== undefined || this.#count >= this.#options.maxKeys) return known;
    const lease = new Lease();
    leases.set(key, lease);
    this.#count++;
    return lease;
  }

  #spend(limitId: string, key: string, lease: Lease, cost: number, nowMs: number): LimitState | undefined {
    if (lease.tokens >= cost) {
      lease.tokens -= cost;
      lease.spent += cost;
      if (lease.tokens <= lease.want >> 2) this.#askAhead(limitId, key, lease);
      return lease.describe(this.#state, true, nowMs);
    }
    return lease.denies(cost, nowMs) ? lease.describe(this.#state, false, nowMs) : undefined;
  }

  #askAhead(limitId: string, key: string, lease: Lease): void {
    if (lease.ask !== undefined) return;
    lease.adapt(true, this.#options.maxSlice);
    this.#ask(limitId, key, lease, 0);
  }

  #ask(limit: string, key: string, lease: Lease, need: number): void {
    if (lease.ask !== undefined) return;
    const id = ++this.#asks;
    lease.ask = { id, atMs: this.#options.clock.monotonic(), need };
    const { spent } = lease;
    lease.spent = 0;
    this.#options.send({ kind: 'ask', id, limit, key, need, want: Math.max(need, lease.want), spent });
  }

  #declined({ ask }: LeaseDecline, lease: Lease | undefined): void {
    if (lease?.ask?.id !== ask) return;
    lease.ask = undefined;
    for (const waiter of lease.waiters.splice(0)) waiter.settle(undefined);
  }

  #accept(grant: LeaseGrant, lease: Lease | undefined): void {
    const { limit, key, tokens, ask } = grant;
    if (lease?.ask?.id !== ask) {
      // It comes too late: the broker's idea of when this slice lapses is no longer ours.
      if (tokens > 0) this.#options.send({ kind: 'return', limit, key, spent: 0, unspent: tokens });
      return;
    }
    const now = this.#options.clock.monotonic();
    lease.accept(grant, now, this.#options.minRetryMs);
    if (now >= lease.expiresAtMs && lease.tokens > 0) this.#giveBack(limit, key, lease);
    this.#serve(limit, key, lease, now);
  }

  #serve(limit: string, key: string, lease: Lease, nowMs: number): void {
    for (let next = lease.waiters[0]; next !== undefined; next = lease.waiters[0]) {
      const state = this.#spend(limit, key, lease, next.cost, nowMs);
      if (state === undefined) {
        this.#ask(limit, key, lease, lease.lacks(next.cost));
        return;
      }
      lease.waiters.shift();
      next.settle({ ...state });
    }
  }

  #giveBack(limit: string, key: string, lease: Lease): void {
    const { spent, tokens: unspent } = lease;
    lease.spent = 0;
    lease.tokens = 0;
    lease.adapt(false, this.#options.maxSlice);
    this.#options.send({ kind: 'return', limit, key, spent, unspent });
  }

  #giveUp(lease: Lease, waiter: Waiter): void {
    lease.waiters.splice(lease.waiters.indexOf(waiter), 1);
    // The ask is taken for lost, and others do not wait for nothing: one of them tries again later.
    lease.ask = undefined;
    this.#silentUntilMs = this.#options.clock.monotonic() + this.#options.leaseMs;
    waiter.settle(undefined);
  }

  #ownShare(limitId: string, key: string, cost: number): LimitState {
    return { ...this.#share.take(limitId, key, cost, this.#options.clock.monotonic()) };
  }

  #sweep(): void {
    const now = this.#options.clock.monotonic();
    for (const [limit, leases] of this.#leases) {
      for (const [key, lease] of leases) {
        if (!lease.isIdle(now, this.#options.leaseMs)) continue;
        if (lease.tokens + lease.spent > 0) this.#giveBack(limit, key, lease);
        leases.delete(key);
        this.#count--;
      }
    }
  }

  #dropLimit(limit: string): void {
    const leases = this.#leases.get(limit) ?? new Map<string, Lease>();
    for (const [key, lease] of leases) {
      if (lease.tokens + lease.spent > 0) this.#giveBack(limit, key, lease);
      for (const waiter of lease.waiters.splice(0)) waiter.settle(undefined);
    }
    this.#count -= leases.size;
    this.#leases.delete(limit);
  }
}

/** One worker's part of a limit. All parts together make the limit, or a little more where it is smaller than the workers are many. */
function shareOf(rule: TokenRule, workers: number): RateSpec {
  const { id, intervalMs, burst } = rateSpecOf(
    rule.kind === 'rate' ? rule : { ...rule, periodMs: quotaPeriodMs[rule.period] },
  );
  return { id, intervalMs: intervalMs * workers, burst: Math.max(1, Math.floor(burst / workers)) };
}

const quotaPeriodMs = { day: 86_400_000, month: 30 * 86_400_000 } as const;
