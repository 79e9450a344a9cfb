import type { LeaseGrant } from '../api/limits.ts';
import type { LimitState } from './limit-state.ts';

/** A request that waits for tokens. `settle` is called once. */
export interface Waiter {
  readonly cost: number;
  settle(state: LimitState | undefined): void;
}

const smallestSlice = 8;

/** One key of one limit at a worker: the tokens it may spend, and those who wait for more. Times are monotonic. */
export class Lease {
  tokens = 0;
  /** Tokens spent since the broker was last told. */
  spent = 0;
  expiresAtMs = 0;
  /** The ask that is under way. */
  ask: { readonly id: number; readonly atMs: number; readonly need: number } | undefined;
  want = smallestSlice;
  readonly waiters: Waiter[] = [];
  #remaining = 0;
  #resetAtMs = 0;
  /** The broker said that there are no `#deniedNeed` tokens beside ours before this moment. */
  #deniedUntilMs = 0;
  #deniedNeed = Infinity;
  #neverFits = false;

  /** Whether the lease can be forgotten once its tokens are given back. */
  isIdle(nowMs: number, leaseMs: number): boolean {
    // An ask without an answer for so long is lost.
    const asking = this.ask !== undefined && nowMs < this.ask.atMs + leaseMs;
    const quiet = this.waiters.length === 0 && !asking;
    return quiet && nowMs >= this.expiresAtMs && nowMs >= this.#deniedUntilMs;
  }

  /** Tokens to ask for, so that `cost` can be paid. What is in hand need not be asked for: nobody else could give it. */
  lacks(cost: number): number {
    return Math.max(0, cost - this.tokens);
  }

  /** Whether `cost` is refused without asking again. */
  denies(cost: number, nowMs: number): boolean {
    return this.lacks(cost) >= this.#deniedNeed && nowMs < this.#deniedUntilMs;
  }

  /** The answer to `ask`. */
  accept({ tokens, leaseMs, remaining, resetMs, retryAfterMs }: LeaseGrant, nowMs: number, minRetryMs: number): void {
    const { atMs, need } = this.ask as NonNullable<Lease['ask']>;
    this.ask = undefined;
    this.#remaining = remaining;
    this.#resetAtMs = nowMs + resetMs;
    // The lease runs from the moment of asking: here it always ends before it does at the broker.
    if (tokens > 0) this.expiresAtMs = atMs + leaseMs;
    this.tokens += tokens;
    // Asked ahead of need the broker calls nothing back from other workers: its no is not the last word.
    const denied = tokens === 0 && need > 0;
    this.#deniedNeed = denied ? need : Infinity;
    this.#neverFits = retryAfterMs < 0;
    if (denied) this.#deniedUntilMs = nowMs + Math.max(minRetryMs, this.#neverFits ? leaseMs : retryAfterMs);
  }

  /** Slices grow while they are used up before they lapse, and shrink when they are not. */
  adapt(usedUp: boolean, maxSlice: number): void {
    this.want = usedUp ? Math.min(maxSlice, this.want * 2) : Math.max(smallestSlice, this.want >> 1);
  }

  describe(state: LimitState, allowed: boolean, nowMs: number): LimitState {
    state.allowed = allowed;
    state.remaining = this.#remaining + this.tokens;
    state.resetMs = Math.max(0, this.#resetAtMs - nowMs);
    state.retryAfterMs = allowed ? 0 : this.#neverFits ? Infinity : Math.max(1, this.#deniedUntilMs - nowMs);
    return state;
  }
}
