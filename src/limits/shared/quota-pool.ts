import type { QuotaRule } from '../../api/limits.ts';
import type { LeasePool, Refill } from '../lease-pool.ts';
import type { Quotas } from '../quotas.ts';
import type { SharedLink } from './link.ts';

/**
 * One key of a quota that hosts share. Each host keeps what itself has used, in its own store, and tells it with every
 * question; what all have used together is their sum. While the counters are away a host may use its part of what was
 * last known to be left.
 */
export class SharedQuotaPool implements LeasePool {
  readonly #quotas: Quotas;
  readonly #rule: QuotaRule;
  readonly #key: string;
  readonly #link: SharedLink;
  /** Tokens that were granted and are not handed out yet. */
  #here = 0;
  #others = 0;
  /** What this host may use by itself while the counters are away. */
  #own: number | undefined;
  #periodEndMs = 0;
  #usedSinceAsked = false;
  #askedAtMs = -Infinity;
  #asking: Promise<void> | undefined;

  constructor(quotas: Quotas, rule: QuotaRule, key: string, link: SharedLink) {
    this.#quotas = quotas;
    this.#rule = rule;
    this.#key = key;
    this.#link = link;
  }

  spare(): number {
    this.#turnPeriod();
    return this.#ownPart() ?? this.#here;
  }

  withdraw(tokens: number): void {
    this.#move(-tokens);
    this.#quotas.take(this.#rule.id, this.#key, tokens);
    this.#usedSinceAsked = true;
  }

  deposit(tokens: number): void {
    this.#quotas.refund(this.#rule.id, this.#key, tokens);
    this.#move(tokens);
  }

  describe(need: number): ReturnType<LeasePool['describe']> {
    this.#turnPeriod();
    const { resetMs } = this.#quotas.peek(this.#rule.id, this.#key, 0);
    const left = this.#rule.count - this.#others - this.#used();
    const remaining = Math.max(0, this.#ownPart() ?? left);
    const retryAfterMs = need <= remaining ? 0 : need > this.#rule.count ? Infinity : resetMs;
    return { remaining, resetMs, retryAfterMs };
  }

  isIdle(): boolean {
    return this.#here === 0 && this.#asking === undefined;
  }

  saved(): Promise<void> | undefined {
    return this.#quotas.saved();
  }

  refill(wanted: Refill, held: number, nowMs: number): Promise<void> | undefined {
    this.#turnPeriod();
    if (this.#ownPart() !== undefined) return undefined;
    if (this.#asking === undefined) return this.#ask(wanted, nowMs);
    // That question was about something else.
    return this.#asking.then(() =>
      this.#here >= Math.max(1, wanted.need) ? undefined : this.refill(wanted, held, nowMs),
    );
  }

  tend(_held: number, nowMs: number): Promise<void> | undefined {
    this.#turnPeriod();
    const due = nowMs >= this.#askedAtMs + this.#link.leaseMs / 5;
    if (this.#ownPart() !== undefined || this.#here === 0 || this.#asking !== undefined || !due) return undefined;
    if (!this.#usedSinceAsked) this.#here = 0;
    return this.#ask({ need: 0, want: 0 }, nowMs);
  }

  #ask({ need, want }: Refill, nowMs: number): Promise<void> {
    this.#askedAtMs = nowMs;
    this.#usedSinceAsked = false;
    const { count } = this.#rule;
    const periodEndMs = this.#periodEndMs;
    const mine = this.#used() + this.#here;
    const call = { count, mine, need: Math.max(0, need - this.#here), want, periodEndMs };
    this.#asking = this.#link.quota(`${this.#rule.id}\n${this.#key}`, call).then((answer) => {
      this.#asking = undefined;
      if (answer === undefined || periodEndMs !== this.#periodEndMs) return;
      this.#here += answer.granted;
      this.#others = answer.others;
      this.#own = undefined;
    });
    return this.#asking;
  }

  #used(): number {
    return this.#rule.count - this.#quotas.peek(this.#rule.id, this.#key, 0).remaining;
  }

  #move(tokens: number): void {
    if (this.#link.away && this.#own !== undefined) this.#own += tokens;
    else this.#here += tokens;
  }

  /** Stays what it is until the counters have answered: going away and coming back does not make more of it. */
  #ownPart(): number | undefined {
    if (!this.#link.away) return undefined;
    if (this.#own === undefined) {
      const left = Math.max(0, this.#rule.count - this.#others - this.#used() - this.#here);
      this.#own = this.#here + Math.floor(left / this.#link.hosts);
      this.#here = 0;
    }
    return this.#own;
  }

  #turnPeriod(): void {
    const periodEndMs = this.#quotas.periodEndMs(this.#rule.id, this.#key);
    if (periodEndMs === this.#periodEndMs) return;
    this.#periodEndMs = periodEndMs;
    this.#here = 0;
    this.#others = 0;
    this.#own = undefined;
  }
}
