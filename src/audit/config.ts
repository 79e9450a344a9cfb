import type { Clock } from '../core/clock.ts';
import type { LedgerSigner, OpenAppendFile } from './ports.ts';

/** What a ledger is made of. */
export interface LedgerOptions {
  /** Its own folder, private to its user (0700); made where it is missing. */
  readonly folder: string;
  readonly clock: Clock;
  /** The Ed25519 key that signs checkpoints. The same key for the life of the ledger. */
  readonly signingKey: LedgerSigner;
  /** The ledger's name, a schema-less URL without spaces or `+`: `shop.example/ledger`. */
  readonly origin: string;
  /** A segment that has reached this size is closed and the next one begun. */
  readonly segmentBytes?: number;
  /** How often a checkpoint is signed while records arrive. */
  readonly checkpointMs?: number;
  /** How many records may wait for the disk; more are refused with `ledger.overloaded`. */
  readonly maxPending?: number;
  /** The largest record, as JSON. */
  readonly maxRecordBytes?: number;
  /** Told when a checkpoint could not be signed or stored; it is tried again at the next interval. */
  readonly onError?: (error: unknown) => void;
  readonly openFile?: OpenAppendFile;
}

/** What holds where an option is not given. */
export const ledgerDefaults = {
  segmentBytes: 64 << 20,
  checkpointMs: 30_000,
  maxPending: 100_000,
  maxRecordBytes: 512 << 10,
} as const;

/** What a spool is made of. */
export interface SpoolOptions {
  /** The file that holds what was not yet acknowledged. Its folder must exist. */
  readonly file: string;
  readonly clock: Clock;
  /** How many records may wait, and how many bytes of them. Past either, allow decisions are dropped, oldest first. */
  readonly maxRecords?: number;
  readonly maxBytes?: number;
}

/** What holds where an option is not given. */
export const spoolDefaults = {
  maxRecords: 200_000,
  maxBytes: 64 << 20,
} as const;
