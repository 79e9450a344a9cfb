import { unknownLimit } from './errors.ts';
import { KeyTable } from './key-table.ts';
import type { AskingLimiter, LimitState, RateSpec } from './limit-state.ts';

/** How much a limiter remembers, and what it had to do to stay within that. */
export interface LimiterStats {
  readonly bytes: number;
  /** Keys forgotten although they had used a part of their burst (none of them was limited). */
  readonly forgotten: number;
  /** Takes that were counted in a shared cell, since limited keys held all places of their own. */
  readonly shared: number;
}

/** Rate limits by GCRA (ITU-T I.371), in this process, synchronous. */
export interface Limiter extends AskingLimiter {
  /** Sets the limits. Counts of ids that stay are kept. */
  configure(specs: readonly RateSpec[]): void;
  /** `nowMs` is monotonic: time that goes back stands still here. Throws `limits.unknown-limit`. */
  take(limitId: string, key: string, cost: number, nowMs: number): LimitState;
  stats(): LimiterStats;
}

/** `maxKeys`: how many keys are told apart at once, see `KeyTable`. */
export interface LimiterOptions {
  readonly maxKeys: number;
  readonly specs?: readonly RateSpec[];
}

/** A limiter that knows `specs`. Where its table is full of limited keys, newcomers share 64 cells of their limit. */
export function createLimiter({ maxKeys, specs = [] }: LimiterOptions): Limiter {
  const limiter = new GcraLimiter(maxKeys);
  limiter.configure(specs);
  return limiter;
}

const sharedCells = 64;

interface Limit {
  readonly seed: number;
  readonly intervalMs: number;
  readonly toleranceMs: number;
  readonly shared: Float64Array;
}

class GcraLimiter implements Limiter {
  readonly #table: KeyTable;
  readonly #limits = new Map<string, Limit>();
  readonly #state: LimitState = { allowed: false, remaining: 0, resetMs: 0, retryAfterMs: 0 };
  #originMs = Number.NaN;
  #latestMs = 0;
  #shared = 0;

  constructor(maxKeys: number) {
    this.#table = new KeyTable(maxKeys);
  }

  configure(specs: readonly RateSpec[]): void {
    const known = new Map(this.#limits);
    this.#limits.clear();
    for (const spec of specs) this.#limits.set(spec.id, this.#compile(spec, known.get(spec.id)));
  }

  take(limitId: string, key: string, cost: number, nowMs: number): LimitState {
    const limit = this.#limitOf(limitId);
    const now = this.#sinceOrigin(nowMs);
    const table = this.#table;
    const known = table.find(limit.seed, key);
    const slot = known >= 0 ? known : table.claim(now);
    if (slot < 0) return this.#takeShared(limit, cost, now);
    const end = this.#settle(limit, known >= 0 ? table.time(slot) : now, cost, now);
    table.set(slot, end, limit.toleranceMs - limit.intervalMs);
    return this.#state;
  }

  async wait(limitId: string, key: string, cost: number, nowMs: number): Promise<LimitState> {
    return { ...this.take(limitId, key, cost, nowMs) };
  }

  refund(limitId: string, key: string, cost: number): void {
    const limit = this.#limitOf(limitId);
    const slot = this.#table.find(limit.seed, key);
    if (slot < 0) return;
    const time = this.#table.time(slot) - cost * limit.intervalMs;
    this.#table.set(slot, time, limit.toleranceMs - limit.intervalMs);
  }

  stats(): LimiterStats {
    return { bytes: this.#table.bytes, forgotten: this.#table.forgotten, shared: this.#shared };
  }

  #compile(spec: RateSpec, known: Limit | undefined): Limit {
    this.#table.hasher.hash(0, spec.id);
    return {
      seed: this.#table.hasher.low | 0,
      intervalMs: spec.intervalMs,
      toleranceMs: spec.burst * spec.intervalMs,
      shared: known?.shared ?? new Float64Array(sharedCells),
    };
  }

  #limitOf(limitId: string): Limit {
    const limit = this.#limits.get(limitId);
    if (limit === undefined) throw unknownLimit(limitId);
    return limit;
  }

  // Times are kept from the first call on: near zero a double tells microseconds apart for years.
  #sinceOrigin(nowMs: number): number {
    if (Number.isNaN(this.#originMs)) this.#originMs = nowMs;
    this.#latestMs = Math.max(this.#latestMs, nowMs - this.#originMs);
    return this.#latestMs;
  }

  /** Judges one take by the theoretical arrival time `tat`, and gives the new one. */
  #settle({ intervalMs, toleranceMs }: Limit, tat: number, cost: number, now: number): number {
    const state = this.#state;
    // No time lies further ahead than a whole burst; one that does dates from a wider limit of the same id.
    const start = Math.min(Math.max(tat, now), now + toleranceMs);
    const next = start + cost * intervalMs;
    const roundingMs = Math.min(intervalMs, 1) * 1e-3;
    state.allowed = next - now <= toleranceMs + roundingMs;
    const end = state.allowed ? next : start;
    const fits = cost * intervalMs <= toleranceMs + roundingMs;
    state.remaining = Math.max(0, Math.floor((toleranceMs - (end - now) + roundingMs) / intervalMs));
    state.resetMs = end - now;
    state.retryAfterMs = state.allowed ? 0 : fits ? next - now - toleranceMs : Infinity;
    return end;
  }

  #takeShared(limit: Limit, cost: number, now: number): LimitState {
    this.#shared++;
    const cell = this.#table.hasher.low % sharedCells;
    limit.shared[cell] = this.#settle(limit, limit.shared[cell] as number, cost, now);
    return this.#state;
  }
}
