import type { ToBroker, ToSlotBroker, ToSlotWorker, ToWorker } from '../api/limits.ts';

/** What one caller has used of one quota. */
export interface QuotaUse {
  readonly quota: string;
  readonly key: string;
  /** Start of the day or month (UTC), epoch milliseconds. */
  readonly periodStartMs: number;
  readonly periodEndMs: number;
  readonly used: number;
}

/** Where quotas survive a restart. */
export interface QuotaState {
  /** Everything saved whose period has not ended. */
  load(): Promise<readonly QuotaUse[]>;
  /** Replaces what was saved for these keys. Once it resolves, a crash loses none of it. */
  save(uses: readonly QuotaUse[]): Promise<void>;
}

/** One counter of failed logins. */
export interface LoginCounter {
  readonly key: string;
  readonly failures: number;
  /** Epoch milliseconds. */
  readonly lastMs: number;
  /** Epoch milliseconds after which it means nothing and may be removed. */
  readonly expiresAtMs: number;
}

/** Where the counters of failed logins survive a restart. */
export interface LoginState {
  load(): Promise<readonly LoginCounter[]>;
  /** Replaces these counters; one with 0 failures is removed. */
  save(counters: readonly LoginCounter[]): Promise<void>;
}

/** How a worker reaches the broker: a pipe on one host, a connection between hosts. Ordered, at most once. */
export type SendToBroker = (message: ToBroker) => void;

/** How the broker reaches one worker. Ordered, at most once. */
export type SendToWorker = (message: ToWorker) => void;

/** As `SendToBroker`, about concurrency. */
export type SendToSlotBroker = (message: ToSlotBroker) => void;

/** As `SendToWorker`, about concurrency. */
export type SendToSlotWorker = (message: ToSlotWorker) => void;
