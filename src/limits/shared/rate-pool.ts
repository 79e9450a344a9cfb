import { createRatePool, type LeasePool, type RateBucket, type Refill } from '../lease-pool.ts';
import type { RateSpec } from '../limit-state.ts';
import type { SharedLink } from './link.ts';
import type { RateAnswer } from './ports.ts';

/** What this host enforces by itself while the counters are away: its part of the limit. */
interface OwnPart {
  readonly bucket: RateBucket;
  readonly intervalMs: number;
  /** Tokens that it has given since. */
  spent: number;
}

/** Where there was nothing, the next question is not asked for so long. */
const emptyMs = 20;

/**
 * One key of a rate that hosts share. Tokens come from the shared counters in slices, which are then handed out here
 * without asking. While the counters are away this host enforces its part, `burst / hosts` and the rate by the number of
 * hosts, from what was last known to be left; what it has given then is charged when they are back.
 */
export class SharedRatePool implements LeasePool {
  readonly #key: string;
  readonly #spec: RateSpec;
  readonly #link: SharedLink;
  /** Tokens from over there that are not handed out yet, and until when they may be. */
  #here = 0;
  #untilMs = 0;
  /** How many tokens this host holds as they know it over there. */
  #stated = 0;
  /** What is to be charged with the next question. */
  #debt = 0;
  #usedSinceAsked = false;
  #askedAtMs = -Infinity;
  #asking: Promise<void> | undefined;
  #known: (RateAnswer & { readonly atMs: number; readonly need: number }) | undefined;
  #own: OwnPart | undefined;

  constructor(key: string, spec: RateSpec, link: SharedLink) {
    this.#key = key;
    this.#spec = spec;
    this.#link = link;
  }

  spare(held: number, nowMs: number): number {
    return this.#ownPart(held, nowMs)?.bucket.spare(held, nowMs) ?? this.#usable(nowMs);
  }

  withdraw(tokens: number): void {
    this.#usedSinceAsked = true;
    if (this.#own === undefined) this.#here -= tokens;
    else {
      this.#own.bucket.withdraw(tokens);
      this.#own.spent += tokens;
    }
  }

  deposit(tokens: number): void {
    if (this.#own === undefined) this.#here += tokens;
    else {
      this.#own.bucket.deposit(tokens);
      this.#own.spent = Math.max(0, this.#own.spent - tokens);
    }
  }

  describe(need: number, held: number, nowMs: number): ReturnType<LeasePool['describe']> {
    const own = this.#ownPart(held, nowMs);
    if (own !== undefined) return own.bucket.describe(need, held, nowMs);
    const { remaining, resetMs, retryAfterMs, atMs } = this.#known ?? { ...unknown, atMs: nowMs };
    const passedMs = nowMs - atMs;
    return {
      remaining: remaining + this.#usable(nowMs),
      resetMs: Math.max(0, resetMs - passedMs),
      retryAfterMs: need > this.#spec.burst ? Infinity : Math.max(0, retryAfterMs - passedMs),
    };
  }

  isIdle(nowMs: number): boolean {
    if (this.#asking !== undefined || this.#debt > 0) return false;
    return this.#own === undefined ? this.#stated === 0 && this.#here === 0 : this.#own.bucket.isIdle(nowMs);
  }

  saved(): undefined {
    return undefined;
  }

  refill(wanted: Refill, held: number, nowMs: number): Promise<void> | undefined {
    if (this.#ownPart(held, nowMs) !== undefined || this.#isDenied(wanted.need, nowMs)) return undefined;
    if (this.#asking === undefined) return this.#ask(wanted, held, nowMs);
    // That question was about something else.
    return this.#asking.then(() =>
      this.#usable(nowMs) >= Math.max(1, wanted.need) ? undefined : this.refill(wanted, held, nowMs),
    );
  }

  tend(held: number, nowMs: number): Promise<void> | undefined {
    const own = this.#ownPart(held, nowMs);
    const due = nowMs >= this.#askedAtMs + this.#link.leaseMs / 5;
    // The return from being away asks as well.
    if (own !== undefined || this.#asking !== undefined) return this.#asking;
    if (this.#stated + this.#debt === 0 || !due) return undefined;
    const isUnused = !this.#usedSinceAsked || nowMs >= this.#untilMs;
    return this.#ask(nothing, held, nowMs, { unspent: isUnused ? this.#here : 0 });
  }

  #usable(nowMs: number): number {
    return nowMs < this.#untilMs ? this.#here : 0;
  }

  /** Whether the last answer still tells what the next would be. */
  #isDenied(need: number, nowMs: number): boolean {
    const known = this.#known;
    if (known === undefined || known.granted > 0) return false;
    if (need === 0) return nowMs < known.atMs + emptyMs;
    return known.need > 0 && need >= known.need && nowMs < known.atMs + known.retryAfterMs;
  }

  #ask({ need, want }: Refill, held: number, nowMs: number, { unspent = 0, charge = 0 } = {}): Promise<void> {
    this.#here -= unspent;
    this.#askedAtMs = nowMs;
    this.#usedSinceAsked = false;
    const keep = this.#here + held;
    const debt = this.#debt + charge;
    this.#debt = 0;
    const { intervalMs, burst } = this.#spec;
    const call = { intervalMs, burst, held: keep, unspent, charge: debt, need: Math.max(0, need - this.#here), want };
    this.#asking = this.#link.rate(this.#key, call).then((answer) => {
      this.#asking = undefined;
      if (answer === undefined) {
        this.#debt += debt;
        return;
      }
      this.#here += answer.granted;
      this.#stated = keep + answer.granted;
      this.#known = { ...answer, atMs: nowMs, need: call.need };
      // The workers' leases of these tokens end before this host's does over there, which begins after the asking.
      this.#untilMs = nowMs + this.#link.leaseMs / 2;
    });
    return this.#asking;
  }

  /** The part that decides while the counters are away, and until they know what it has given; undefined: they decide. */
  #ownPart(held: number, nowMs: number): OwnPart | undefined {
    if (this.#link.away) this.#own ??= this.#startOwn(nowMs);
    else if (this.#own !== undefined && this.#asking === undefined) this.#endOwn(this.#own, held, nowMs);
    return this.#own;
  }

  #startOwn(nowMs: number): OwnPart {
    const { id, intervalMs, burst } = this.#spec;
    const { hosts } = this.#link;
    const part = { id, intervalMs: intervalMs * hosts, burst: Math.max(1, Math.floor(burst / hosts)) };
    const { remaining = burst, atMs = nowMs } = this.#known ?? {};
    const left = Math.min(burst, remaining + Math.floor((nowMs - atMs) / intervalMs));
    const tokens = Math.min(part.burst, Math.floor(left / hosts) + this.#here);
    this.#here = 0;
    const bucket = createRatePool(part, nowMs + (part.burst - tokens) * part.intervalMs);
    return { bucket, intervalMs: part.intervalMs, spent: 0 };
  }

  /** Charges what was given meanwhile, as far as it has not flowed back since: the return brings no burst. */
  #endOwn(own: OwnPart, held: number, nowMs: number): void {
    const missing = Math.ceil(own.bucket.describe(0, held, nowMs).resetMs / own.intervalMs);
    const spent = own.spent;
    // What the workers hold of it is told as held.
    const charge = Math.max(0, Math.min(missing, spent) - held);
    void this.#ask(nothing, held, nowMs, { charge }).then(() => {
      if (this.#link.away) {
        this.#debt = 0;
        return;
      }
      // What was given while the question was under way.
      this.#debt += Math.max(0, own.spent - spent);
      this.#own = undefined;
    });
  }
}

const nothing: Refill = { need: 0, want: 0 };
const unknown = { remaining: 0, resetMs: 0, retryAfterMs: 0 };
