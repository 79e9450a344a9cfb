import type { Clock } from '../core/clock.ts';

/** How long a writer waits for another process's lock before it gives up with `storage.unavailable`. */
export const defaultBusyTimeoutMs = 2000;

/** How often expired entries are deleted for good. */
export const defaultSweepPeriodMs = 60_000;

/** What a SQLite store is opened with. */
export interface SqliteStoreOptions {
  /** The database file. Its folder is made with mode 0700 where it is missing, the file with 0600. */
  readonly path: string;
  /** Decides what has expired. */
  readonly clock?: Clock;
  /** Default: 60,000. */
  readonly sweepPeriodMs?: number;
  /** Default: 2,000. The event loop stands still for as long as it waits. */
  readonly busyTimeoutMs?: number;
  /** Largest size of the database file. Unset: as the disk allows. */
  readonly maxBytes?: number;
}
