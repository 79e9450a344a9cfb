import type { Stoppable } from '../../core/lifecycle.ts';

/** What a host says about one key of a rate, and asks for. */
export interface RateCall {
  readonly intervalMs: number;
  readonly burst: number;
  /** Tokens in its hands that it keeps. */
  readonly held: number;
  /** Tokens that it gives back. */
  readonly unspent: number;
  /** Tokens that it admitted by itself while it could not ask. */
  readonly charge: number;
  /** At least so many, or none. */
  readonly need: number;
  readonly want: number;
  /** How many hosts share. */
  readonly hosts: number;
  readonly leaseMs: number;
}

export interface RateAnswer {
  readonly granted: number;
  /** What is there beside all hands. */
  readonly remaining: number;
  readonly resetMs: number;
  readonly retryAfterMs: number;
}

/** What a host says about one key of a quota in one period, and asks for. */
export interface QuotaCall {
  readonly count: number;
  /** What this host has used of it, with what is in its hands. */
  readonly mine: number;
  readonly need: number;
  readonly want: number;
  readonly hosts: number;
  /** Epoch milliseconds. */
  readonly periodEndMs: number;
}

export interface QuotaAnswer {
  readonly granted: number;
  readonly others: number;
}

/** What a host says about one key of a concurrency limit, and asks for. */
export interface SlotCall {
  /** How many the limit has. */
  readonly count: number;
  /** Slots that it has and keeps. */
  readonly held: number;
  /** As many more as there are, at most so many. */
  readonly need: number;
  readonly leaseMs: number;
  /** Where there are too few, other hosts are told that they are wanted, and answered for so long; 0: nobody is told. */
  readonly waitMs: number;
  /** This answers another host's call. */
  readonly isAnswer: boolean;
}

export interface SlotAnswer {
  readonly granted: number;
  /** Other hosts that hold some, and how many all of them hold. */
  readonly holders: number;
  readonly others: number;
}

/** What is heard of one key of a concurrency limit: a host lacks slots; another has given some back, or has none to give. */
export type SlotNews = 'wanted' | 'given' | 'kept';

/** Counters that several hosts share. Each call is one atomic step over there; it rejects where it cannot be taken. */
export interface SharedCounters extends Stoppable {
  rate(host: string, key: string, call: RateCall): Promise<RateAnswer>;
  quota(host: string, key: string, call: QuotaCall): Promise<QuotaAnswer>;
  slots(host: string, key: string, call: SlotCall): Promise<SlotAnswer>;
  /** Tells `listen` what other hosts say of `key`, as far as messages arrive; the function given stops that. */
  watchSlots(host: string, key: string, listen: (news: SlotNews) => void): () => void;
  /** This host is there. Gives how many are, and the time over there (epoch milliseconds). */
  hello(host: string, aliveMs: number): Promise<{ readonly hosts: number; readonly nowMs: number }>;
}
