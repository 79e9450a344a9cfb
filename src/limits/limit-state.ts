import type { QuotaRule, RateRule } from '../api/limits.ts';

/** What one take found. */
export interface LimitState {
  allowed: boolean;
  /** How many more requests of cost 1 would pass right now. */
  remaining: number;
  /** Milliseconds until the limit is whole again. */
  resetMs: number;
  /** Milliseconds until the same request would pass; 0 where it did, Infinity where it never will. */
  retryAfterMs: number;
}

/** A rate limit, worked out. Times in milliseconds. */
export interface RateSpec {
  readonly id: string;
  /** Time that one token takes to come back (GCRA's emission interval). */
  readonly intervalMs: number;
  /** Tokens in a full bucket. */
  readonly burst: number;
}

/** The bucket that a rule describes. */
export function rateSpecOf(rule: Pick<RateRule, 'id' | 'count' | 'periodMs' | 'burst'>): RateSpec {
  return { id: rule.id, intervalMs: rule.periodMs / rule.count, burst: rule.burst ?? rule.count };
}

/** Whose state lies elsewhere, so that an answer may have to be waited for. */
export interface AskingLimiter {
  /**
   * Takes `cost` tokens, or none. Undefined: not known here, call `wait`. The state is one object that the next
   * call overwrites.
   */
  take(limitId: string, key: string, cost: number, nowMs: number): LimitState | undefined;
  /** As `take`, once the answer is there. Always resolves, within the limiter's own time bound. */
  wait(limitId: string, key: string, cost: number, nowMs: number): Promise<LimitState>;
  /** Gives back what a take took, since the request was refused for another reason. */
  refund(limitId: string, key: string, cost: number, nowMs: number): void;
}

/** A rule that counts tokens, as against one that counts what is running. */
export type TokenRule = RateRule | QuotaRule;
