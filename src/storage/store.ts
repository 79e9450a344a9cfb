import type { Stoppable } from '../core/lifecycle.ts';

/** One stored value. Keys are slash-separated paths: `oidc/client/web`. */
export interface Entry {
  readonly key: string;
  readonly value: Uint8Array;
  /** Grows by one with each write of this key, from 1. */
  readonly version: number;
  /** Epoch milliseconds after which the entry is gone; undefined: never. */
  readonly expiresAtMs?: number;
}

/** What a write demands of the entry it replaces: that it is missing, or that it still has this version. */
export type Precondition = 'absent' | number;

/** One write of a batch. */
export type Write =
  | { readonly put: string; readonly value: Uint8Array; readonly expiresAtMs?: number; readonly if?: Precondition }
  | { readonly delete: string; readonly if?: number };

/** Which part of a listing to give. */
export interface Page {
  /** Only keys after this one. */
  readonly after?: string;
  /** At most so many entries (1,000 unless told). */
  readonly limit?: number;
}

/**
 * Durable, ordered key-value state. Each implementation passes the one behaviour suite (`store.suite.ts`).
 * When a write's promise resolves, the write survives a crash of the process and of the machine.
 * Expired entries are never returned.
 *
 * Errors: `storage.conflict` (a precondition did not hold; nothing was written), `storage.unavailable`, `storage.full`.
 */
export interface Store extends Stoppable {
  get(key: string): Promise<Entry | undefined>;
  /** Entries whose key starts with `prefix`, in byte order of their keys. */
  list(prefix: string, page?: Page): Promise<readonly Entry[]>;
  /** All of `writes`, or none. A key may occur once. */
  write(writes: readonly Write[]): Promise<void>;
}
