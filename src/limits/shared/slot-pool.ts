import { type Clock, deadline } from '../../core/clock.ts';
import type { SlotPool } from '../slot-pool.ts';
import type { SharedLink } from './link.ts';
import type { SlotAnswer, SlotCall } from './ports.ts';

export interface SharedSlotPoolOptions {
  readonly clock: Clock;
  readonly link: SharedLink;
  /** Names the key of the limit, the same on every host. */
  readonly name: string;
  /** How many slots the limit has; read anew each time. */
  readonly count: () => number;
  /** How many of them this host's workers hold. */
  readonly held: () => number;
  /** How long hosts that hold slots are waited for. */
  readonly recallMs: number;
  /** Another host needs slots: what nobody here uses is to be called back, and then `answer` called. */
  readonly onWanted: () => void;
  /** What was under way has ended. */
  readonly onChange: () => void;
}

/** Where all slots were taken, the next question is not asked for so long. */
const emptyMs = 20;

/**
 * One key of a concurrency limit that hosts share. A host leases from the shared counters what its workers hold, and says
 * so again and again: one that dies is forgotten there with its lease. While the counters are away a host runs what it had
 * leased, and once that has lapsed its part of the limit, at least one.
 */
export class SharedSlotPool implements SlotPool {
  readonly #options: SharedSlotPoolOptions;
  readonly #unwatch: () => void;
  /** Slots that this host has leased, and until when they are surely its own. */
  #leased = 0;
  #untilMs = 0;
  /** What other hosts had leased when last heard of. */
  #others = 0;
  #toldAtMs = -Infinity;
  #wasAway = false;
  #deniedUntilMs = 0;
  #asking: Promise<SlotAnswer | undefined> | undefined;
  /** Questions that are under way or wait for their turn. */
  #telling = 0;
  #refilling: Refilling | undefined;

  constructor(options: SharedSlotPoolOptions) {
    this.#options = options;
    this.#unwatch = options.link.watchSlots(options.name, (news) => {
      if (news === 'wanted') options.onWanted();
      else this.#refilling?.hear(news === 'given');
    });
  }

  capacity(): number {
    const { link, count, clock } = this.#options;
    const isLapsed = clock.monotonic() >= this.#untilMs;
    // What lapsed over there before it was renewed may be another host's by now: none of it is handed out anew.
    if (!link.away) return isLapsed ? Math.min(this.#part(), this.#options.held()) : this.#part();
    const leased = isLapsed ? 0 : this.#leased;
    return Math.max(leased, 1, Math.floor(count() / link.hosts));
  }

  /** Where hosts have leased more than there is, since they did without the counters for a while, each goes down to its part. */
  #part(): number {
    const total = this.#leased + this.#others;
    const count = this.#options.count();
    return total <= count ? this.#leased : Math.floor((this.#leased * count) / total);
  }

  refill(need: number): Promise<void> | undefined {
    const { link, clock } = this.#options;
    if (link.away || this.#refilling !== undefined || clock.monotonic() < this.#deniedUntilMs) return undefined;
    return this.#refill(need);
  }

  hasUnused(): boolean {
    return this.#isQuiet() && this.#leased > this.#options.held();
  }

  answer(): void {
    void this.#tell({ isAnswer: true });
  }

  tend(): Promise<unknown> | undefined {
    const { link, clock, held } = this.#options;
    if (link.away) this.#wasAway = true;
    const due = this.#wasAway || this.hasUnused() || clock.monotonic() >= this.#toldAtMs + link.leaseMs / 5;
    if (!this.#isQuiet() || !due) return undefined;
    this.#wasAway = false;
    return this.#leased + held() > 0 ? this.#tell({}) : undefined;
  }

  isIdle(): boolean {
    return this.#leased === 0 && this.#telling === 0 && this.#refilling === undefined;
  }

  stop(): void {
    this.#unwatch();
  }

  #isQuiet(): boolean {
    return !this.#options.link.away && this.#telling === 0 && this.#refilling === undefined;
  }

  /** Asks over there; where all are taken, other hosts are called upon for what they do not use, and waited for. */
  async #refill(need: number): Promise<void> {
    const { clock, recallMs } = this.#options;
    const refilling = new Refilling(clock, recallMs);
    this.#refilling = refilling;
    let answer = await this.#tell({ need, waitMs: recallMs });
    refilling.expect(answer?.holders ?? 0);
    while (answer !== undefined && refilling.gained < need && (await refilling.heardOfMore()))
      answer = await this.#tell({ need: need - refilling.gained });
    if (answer !== undefined && refilling.gained < need) this.#deniedUntilMs = clock.monotonic() + emptyMs;
    this.#refilling = undefined;
  }

  /** Says what this host keeps, which is what its workers hold and what it has just been given, and asks for `need` more. */
  async #tell(more: Partial<SlotCall>): Promise<SlotAnswer | undefined> {
    this.#telling++;
    while (this.#asking !== undefined) await this.#asking;
    const { link, clock, name, count, held, onChange } = this.#options;
    const askedAtMs = clock.monotonic();
    this.#toldAtMs = askedAtMs;
    const keep = held() + (this.#refilling?.gained ?? 0);
    this.#leased = keep;
    this.#asking = link.slots(name, { count: count(), held: keep, need: 0, waitMs: 0, isAnswer: false, ...more });
    const answer = await this.#asking;
    this.#asking = undefined;
    this.#telling--;
    if (answer !== undefined) {
      this.#leased += answer.granted;
      this.#others = answer.others;
      this.#untilMs = askedAtMs + link.leaseMs;
      if (this.#refilling !== undefined) this.#refilling.gained += answer.granted;
    }
    onChange();
    return answer;
  }
}

/** One wait for slots that other hosts may give back. */
class Refilling {
  readonly #clock: Clock;
  readonly #endMs: number;
  /** Slots that came, and are not handed out yet. */
  gained = 0;
  /** Hosts that have not answered; below 0 while answers come before it is known how many are asked. */
  #waiting = 0;
  #hasMore = false;
  #wake: () => void = () => undefined;

  constructor(clock: Clock, waitMs: number) {
    this.#clock = clock;
    this.#endMs = clock.monotonic() + waitMs;
  }

  expect(hosts: number): void {
    this.#waiting += hosts;
  }

  /** A host has answered, and gave some or none. */
  hear(gave: boolean): void {
    this.#waiting--;
    this.#hasMore ||= gave;
    this.#wake();
  }

  /** Resolves when a host has given slots back; with false where none will, or not in time. */
  async heardOfMore(): Promise<boolean> {
    while (!this.#hasMore && this.#waiting > 0 && this.#clock.monotonic() < this.#endMs) await this.#news();
    const hasMore = this.#hasMore;
    this.#hasMore = false;
    return hasMore;
  }

  #news(): Promise<void> {
    return new Promise((resolve) => {
      const timer = deadline(this.#clock, this.#endMs - this.#clock.monotonic(), resolve);
      this.#wake = () => {
        timer.cancel();
        resolve();
      };
    });
  }
}
