import type { LeaseAsk } from '../api/limits.ts';
import type { LeasePool } from './lease-pool.ts';

/** What one worker holds of one key. */
interface Holding {
  tokens: number;
  /** After this the worker neither spends nor returns any of it. */
  expiresAtMs: number;
  /** Until when an answer to a recall is waited for; undefined: not recalled. */
  recalledUntilMs: number | undefined;
}

/** An ask that waits for its turn. */
export interface QueuedAsk {
  readonly worker: string;
  readonly ask: LeaseAsk;
  /** Whether more was asked for on its behalf where the tokens come from, and whether the answer is there. */
  refill: 'none' | 'asked' | 'answered';
}

/** One key of one limit at the broker: its pool, who holds slices of it, who waits for one. */
export class LeaseAccount {
  readonly limit: string;
  readonly key: string;
  readonly pool: LeasePool;
  readonly queue: QueuedAsk[] = [];
  readonly #holdings = new Map<string, Holding>();
  held = 0;
  /** Whether its queue is being worked off: an answer may come back before the question returns. */
  serving = false;

  constructor(limit: string, key: string, pool: LeasePool) {
    this.limit = limit;
    this.key = key;
    this.pool = pool;
  }

  grant(worker: string, tokens: number, expiresAtMs: number): void {
    this.pool.withdraw(tokens);
    this.held += tokens;
    const holding = this.#holdings.get(worker);
    if (holding === undefined) this.#holdings.set(worker, { tokens, expiresAtMs, recalledUntilMs: undefined });
    else {
      holding.tokens += tokens;
      holding.expiresAtMs = expiresAtMs;
    }
  }

  /** The worker spent so many of its tokens, and gives so many back. It cannot report more than it was given. */
  report(worker: string, spent: number, unspent: number, nowMs: number): void {
    const holding = this.#holdings.get(worker);
    if (holding === undefined) return;
    this.pool.spare(this.held, nowMs);
    const gone = Math.min(spent, holding.tokens);
    const back = Math.min(unspent, holding.tokens - gone);
    this.held -= gone + back;
    holding.tokens -= gone + back;
    if (back > 0) this.pool.deposit(back);
    if (holding.tokens === 0) this.#holdings.delete(worker);
  }

  answered(worker: string): void {
    const holding = this.#holdings.get(worker);
    if (holding !== undefined) holding.recalledUntilMs = undefined;
  }

  /** Marks the holdings of others as recalled, and names those that were not yet. */
  recall(exceptWorker: string, untilMs: number): string[] {
    const named: string[] = [];
    for (const [worker, holding] of this.#holdings) {
      if (worker === exceptWorker || holding.recalledUntilMs !== undefined) continue;
      holding.recalledUntilMs = untilMs;
      named.push(worker);
    }
    return named;
  }

  /** Whether a recalled slice of another worker may still come back. */
  awaits(exceptWorker: string, nowMs: number): boolean {
    for (const [worker, { recalledUntilMs }] of this.#holdings) {
      if (worker !== exceptWorker && recalledUntilMs !== undefined && nowMs < recalledUntilMs) return true;
    }
    return false;
  }

  /** Slices that lapsed unreported count as spent: nobody can tell, and the limit must hold. */
  expire(nowMs: number): void {
    this.pool.spare(this.held, nowMs);
    for (const [worker, holding] of this.#holdings) {
      if (holding.expiresAtMs > nowMs) continue;
      this.held -= holding.tokens;
      this.#holdings.delete(worker);
    }
  }

  /** Nobody holds anything of it, and nobody waits. */
  get isUnused(): boolean {
    return this.#holdings.size === 0 && this.queue.length === 0 && !this.serving;
  }

  isIdle(nowMs: number): boolean {
    return this.isUnused && this.pool.isIdle(nowMs);
  }
}
