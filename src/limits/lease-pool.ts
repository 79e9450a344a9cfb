import type { LimitState, RateSpec } from './limit-state.ts';
import type { Quotas } from './quotas.ts';

/** Where the tokens of one key of one limit come from. `heldTokens`: how many are in the workers' hands. */
export interface LeasePool {
  /** Tokens that could be handed out now. */
  spare(heldTokens: number, nowMs: number): number;
  withdraw(tokens: number): void;
  /** Tokens that nobody spent. */
  deposit(tokens: number): void;
  /** What remains beside the held tokens, when it is whole again, and when `need` tokens would be there. */
  describe(need: number, heldTokens: number, nowMs: number): Omit<LimitState, 'allowed'>;
  /** Whether forgetting it changes nothing. */
  isIdle(nowMs: number): boolean;
  /** Undefined: a withdrawal may be acted on at once; else once this resolves. */
  saved(): Promise<void> | undefined;
  /**
   * Asks for more where the tokens come from, since `spare` does not do. Undefined: what is here is all there is; else
   * resolves when there may be more. Never rejects.
   */
  refill?(wanted: Refill, heldTokens: number, nowMs: number): Promise<void> | undefined;
  /** Where the pool is a bucket of this process alone: when it is whole again, all there is to keep of it. */
  readonly wholeAtMs?: number;
  /** Called each half of a lease. Resolves once what it asked for is answered; undefined: nothing. Never rejects. */
  tend?(heldTokens: number, nowMs: number): Promise<void> | undefined;
}

/** At least `need` tokens; `want` would be welcome. */
export interface Refill {
  readonly need: number;
  readonly want: number;
}

/** A pool that asks nobody. */
export type RateBucket = Omit<LeasePool, 'refill' | 'tend'>;

/**
 * A token bucket, shared out. What the workers hold counts as being in the bucket until they report it spent, so that it
 * does not refill behind their back. `startTat`: when it is whole (monotonic milliseconds); at once unless told.
 * INVARIANT: tokens in the bucket and tokens in hands together never exceed the burst.
 */
export function createRatePool(spec: RateSpec, startTat = -Infinity): RateBucket {
  const { intervalMs, burst } = spec;
  const wholeMs = burst * intervalMs;
  const roundingMs = Math.min(intervalMs, 1) * 1e-3;
  let tat = startTat;
  const settle = (held: number, now: number): number => (tat = Math.max(tat, now + held * intervalMs)) - now;
  return {
    spare: (held, now) => Math.max(0, Math.floor((wholeMs - settle(held, now) + roundingMs) / intervalMs)),
    withdraw: (tokens) => void (tat += tokens * intervalMs),
    deposit: (tokens) => void (tat -= tokens * intervalMs),
    describe(need, held, now) {
      const ahead = settle(held, now);
      const wait = ahead + need * intervalMs - wholeMs;
      return {
        remaining: Math.max(0, Math.floor((wholeMs - ahead + roundingMs) / intervalMs)),
        resetMs: ahead,
        retryAfterMs: need > burst ? Infinity : Math.max(0, wait),
      };
    },
    isIdle: (now) => tat <= now,
    saved: () => undefined,
    get wholeAtMs() {
      return tat;
    },
  };
}

/** One key of a quota. A slice counts as used until it is given back. */
export function createQuotaPool(quotas: Quotas, quotaId: string, key: string): LeasePool {
  return {
    spare: () => quotas.peek(quotaId, key, 0).remaining,
    withdraw: (tokens) => void quotas.take(quotaId, key, tokens),
    deposit: (tokens) => quotas.refund(quotaId, key, tokens),
    describe: (need) => quotas.peek(quotaId, key, need),
    isIdle: () => true,
    saved: () => quotas.saved(),
  };
}
