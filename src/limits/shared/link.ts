import { type Clock, deadline, type Timer } from '../../core/clock.ts';
import type { Stoppable } from '../../core/lifecycle.ts';
import { defaultSharedOptions, type SharedOptions } from '../config.ts';
import { createLane, type Lane } from './lane.ts';
import type {
  QuotaAnswer,
  QuotaCall,
  RateAnswer,
  RateCall,
  SharedCounters,
  SlotAnswer,
  SlotCall,
  SlotNews,
} from './ports.ts';

/** The way to the shared counters, and whether it is open. */
export interface SharedLink extends Stoppable {
  /** Whether the counters cannot be asked: then each host enforces its share of every limit. */
  readonly away: boolean;
  /** How many hosts share, as far as is known; this one among them. */
  readonly hosts: number;
  /** What to add to this host's wall clock to get the time of the counters, in milliseconds. */
  readonly offsetMs: number;
  readonly leaseMs: number;
  /** Resolves with undefined where no answer came in time: then the link is away. Never rejects. */
  rate(key: string, call: Omit<RateCall, 'hosts' | 'leaseMs'>): Promise<RateAnswer | undefined>;
  quota(key: string, call: Omit<QuotaCall, 'hosts'>): Promise<QuotaAnswer | undefined>;
  slots(key: string, call: Omit<SlotCall, 'leaseMs'>): Promise<SlotAnswer | undefined>;
  watchSlots(key: string, listen: (news: SlotNews) => void): () => void;
  /** Resolves after the first attempt to reach the counters. */
  readonly started: Promise<void>;
}

export interface SharedLinkOptions extends Partial<SharedOptions> {
  readonly clock: Clock;
  readonly counters: SharedCounters;
  /** Names this host among those that share; it stays the same over restarts. */
  readonly host: string;
  /** Hosts that share, at least. */
  readonly hosts: number;
  /** The counters cannot be asked (`away`), or can again; `reason`: why not. */
  readonly onChange?: (away: boolean, reason: string) => void;
}

/** Opens the way to `counters`. It is away until they have answered once. */
export function createSharedLink(options: SharedLinkOptions): SharedLink {
  return new Link(options);
}

class Link implements SharedLink {
  readonly #options: SharedLinkOptions & SharedOptions;
  readonly #beat: Timer;
  readonly #lane: Lane;
  readonly started: Promise<void>;
  away = true;
  hosts: number;
  offsetMs = 0;
  #stopped = false;
  #greeting = false;
  #tried = false;

  constructor(options: SharedLinkOptions) {
    this.#options = { ...defaultSharedOptions, ...options };
    this.hosts = Math.max(1, options.hosts);
    this.#lane = createLane(this.#options.maxAsking, this.#options.maxQueued);
    this.#beat = options.clock.every(this.#options.helloMs, () => void this.#hello());
    this.started = this.#hello();
  }

  get leaseMs(): number {
    return this.#options.leaseMs;
  }

  rate(key: string, call: Omit<RateCall, 'hosts' | 'leaseMs'>): Promise<RateAnswer | undefined> {
    const { counters, host, leaseMs } = this.#options;
    return this.#ask(() => counters.rate(host, key, { ...call, hosts: this.hosts, leaseMs }));
  }

  quota(key: string, call: Omit<QuotaCall, 'hosts'>): Promise<QuotaAnswer | undefined> {
    const { counters, host } = this.#options;
    return this.#ask(() => counters.quota(host, key, { ...call, hosts: this.hosts }));
  }

  slots(key: string, call: Omit<SlotCall, 'leaseMs'>): Promise<SlotAnswer | undefined> {
    const { counters, host, leaseMs } = this.#options;
    return this.#ask(() => counters.slots(host, key, { ...call, leaseMs }));
  }

  watchSlots(key: string, listen: (news: SlotNews) => void): () => void {
    return this.#options.counters.watchSlots(this.#options.host, key, listen);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#beat.cancel();
    await this.#options.counters.stop();
  }

  async #ask<T>(task: () => Promise<T>): Promise<T | undefined> {
    if (this.away) return undefined;
    try {
      return await this.#lane.ask(() => this.#inTime(task));
    } catch (error) {
      this.#change(true, error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  /** The answer of `task`, which is asked now; throws where it does not come in time. Slow is as bad as gone: a request waits behind it. */
  async #inTime<T>(task: () => Promise<T>): Promise<T> {
    const { clock, callTimeoutMs } = this.#options;
    const late = Promise.withResolvers<never>();
    const timer = deadline(clock, callTimeoutMs, () => late.reject(new Error(`no answer within ${callTimeoutMs} ms`)));
    try {
      return await Promise.race([task(), late.promise]);
    } finally {
      timer.cancel();
    }
  }

  async #hello(): Promise<void> {
    if (this.#greeting || this.#stopped) return;
    this.#greeting = true;
    const { counters, host, clock, aliveMs } = this.#options;
    const askedAtMs = clock.monotonic();
    try {
      const { hosts, nowMs } = await this.#inTime(() => counters.hello(host, aliveMs));
      this.hosts = Math.max(1, this.#options.hosts, hosts);
      this.offsetMs = nowMs + (clock.monotonic() - askedAtMs) / 2 - clock.now();
      this.#change(false, '');
    } catch (error) {
      this.#change(true, error instanceof Error ? error.message : String(error));
    } finally {
      this.#greeting = false;
    }
  }

  #change(away: boolean, reason: string): void {
    const isNews = this.away !== away || (away && !this.#tried);
    const isFirst = !this.#tried;
    this.#tried = true;
    if (!isNews || this.#stopped) return;
    this.away = away;
    if (away) this.#lane.clear();
    // That they are there from the beginning is nothing to tell.
    if (isFirst && !away) return;
    this.#options.onChange?.(away, reason);
  }
}
