import type { QuotaRule } from '../api/limits.ts';
import type { Clock } from '../core/clock.ts';
import { calendarPeriod } from './calendar.ts';
import { unknownLimit } from './errors.ts';
import type { LimitState } from './limit-state.ts';
import type { QuotaState, QuotaUse } from './ports.ts';

/** Quotas of a calendar day or month. Uses are counted at once and saved in batches; wait for `saved` before acting on one. */
export interface Quotas {
  /** Sets the quotas. Uses of ids that stay are kept. */
  configure(rules: readonly QuotaRule[]): void;
  /** Brings back what was saved. Call once, before the first take. */
  restore(): Promise<void>;
  has(quotaId: string): boolean;
  /** Takes `cost`, or nothing. Throws `limits.unknown-limit`. */
  take(quotaId: string, key: string, cost: number): LimitState;
  /** As `take`, taking nothing. */
  peek(quotaId: string, key: string, cost: number): LimitState;
  refund(quotaId: string, key: string, cost: number): void;
  /** When the period ends that a use now would count in, epoch milliseconds. */
  periodEndMs(quotaId: string, key: string): number;
  /** Resolves once all that was taken before the call is saved; rejects where saving failed (it is tried again with the next). */
  saved(): Promise<void>;
}

/** `maxKeys`: uses kept at once; when all are of running periods, newcomers of a quota share one count. */
export interface QuotaOptions {
  readonly clock: Clock;
  readonly state: QuotaState;
  readonly maxKeys: number;
  readonly rules?: readonly QuotaRule[];
}

/** Quotas whose every use is saved before anyone is told, so that neither a crash nor a restart gives any away twice. */
export function createQuotas(options: QuotaOptions): Quotas {
  const quotas = new CalendarQuotas(options);
  quotas.configure(options.rules ?? []);
  return quotas;
}

interface Use extends QuotaUse {
  used: number;
}

const separator = '\n';
const sharedKey = '\0shared';

class CalendarQuotas implements Quotas {
  readonly #options: QuotaOptions;
  readonly #rules = new Map<string, QuotaRule>();
  readonly #uses = new Map<string, Use>();
  #dirty = new Set<Use>();
  #saving: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(options: QuotaOptions) {
    this.#options = options;
  }

  configure(rules: readonly QuotaRule[]): void {
    this.#rules.clear();
    for (const rule of rules) this.#rules.set(rule.id, rule);
  }

  async restore(): Promise<void> {
    const now = this.#options.clock.now();
    for (const use of await this.#options.state.load()) {
      if (use.periodEndMs > now) this.#uses.set(use.quota + separator + use.key, { ...use });
    }
  }

  has(quotaId: string): boolean {
    return this.#rules.has(quotaId);
  }

  take(quotaId: string, key: string, cost: number): LimitState {
    const rule = this.#ruleOf(quotaId);
    const use = this.#useOf(rule, key);
    if (use.used + cost > rule.count) return this.#describe(rule, use, cost);
    this.#change(use, cost);
    return { ...this.#describe(rule, use, 0), allowed: true, retryAfterMs: 0 };
  }

  peek(quotaId: string, key: string, cost: number): LimitState {
    const rule = this.#ruleOf(quotaId);
    return this.#describe(rule, this.#useOf(rule, key), cost);
  }

  refund(quotaId: string, key: string, cost: number): void {
    const use = this.#useOf(this.#ruleOf(quotaId), key);
    this.#change(use, -Math.min(cost, use.used));
  }

  periodEndMs(quotaId: string, key: string): number {
    return this.#useOf(this.#ruleOf(quotaId), key).periodEndMs;
  }

  // Group commit: while one save runs, everything that changes meanwhile goes into the next.
  saved(): Promise<void> {
    if (this.#saving === undefined) return this.#save();
    this.#next ??= this.#saving
      .catch(() => undefined)
      .then(() => {
        this.#next = undefined;
        return this.#save();
      });
    return this.#next;
  }

  #save(): Promise<void> {
    if (this.#dirty.size === 0) return Promise.resolve();
    const batch = this.#dirty;
    this.#dirty = new Set();
    this.#saving = this.#options.state
      .save([...batch].map((use) => ({ ...use })))
      .catch((error: unknown) => {
        for (const use of batch) this.#dirty.add(use);
        throw error;
      })
      .finally(() => {
        this.#saving = undefined;
      });
    return this.#saving;
  }

  #describe(rule: QuotaRule, use: Use, cost: number): LimitState {
    const allowed = use.used + cost <= rule.count;
    const resetMs = use.periodEndMs - this.#options.clock.now();
    const retryAfterMs = allowed ? 0 : cost > rule.count ? Infinity : resetMs;
    return { allowed, remaining: Math.max(0, rule.count - use.used), resetMs, retryAfterMs };
  }

  #change(use: Use, by: number): void {
    use.used += by;
    this.#dirty.add(use);
  }

  #ruleOf(quotaId: string): QuotaRule {
    const rule = this.#rules.get(quotaId);
    if (rule === undefined) throw unknownLimit(quotaId);
    return rule;
  }

  #useOf(rule: QuotaRule, key: string): Use {
    const now = this.#options.clock.now();
    const id = rule.id + separator + key;
    const known = this.#uses.get(id);
    // A clock set back must not open a period anew: only one that has ended is replaced.
    if (known !== undefined && now < known.periodEndMs) return known;
    if (known === undefined && !this.#makeRoom(now) && key !== sharedKey) return this.#useOf(rule, sharedKey);
    const { startMs, endMs } = calendarPeriod(rule.period, now);
    const use = { quota: rule.id, key, periodStartMs: startMs, periodEndMs: endMs, used: 0 };
    this.#uses.set(id, use);
    return use;
  }

  #makeRoom(now: number): boolean {
    if (this.#uses.size < this.#options.maxKeys) return true;
    // A few at a time, in turn: a take stays quick, and ended periods go in the course of many takes.
    let looked = 0;
    for (const [id, use] of this.#uses) {
      this.#uses.delete(id);
      if (use.periodEndMs > now && use.used > 0) this.#uses.set(id, use);
      if (++looked === 64) break;
    }
    return this.#uses.size < this.#options.maxKeys;
  }
}
