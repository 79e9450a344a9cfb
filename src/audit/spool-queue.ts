import type { LedgerRecord } from '../api/record.ts';
import { recordLine, type Slice } from './spool-file.ts';

/** Records on their way to the ledger. */
export interface SpoolBatch {
  /** Each as JSON, masked. */
  readonly records: readonly Buffer[];
  /** What to acknowledge once all of them are in the ledger; 0 for an empty batch. */
  readonly seq: number;
}

/** A record that waits. */
export interface Held {
  readonly json: Slice;
  readonly isAllow: boolean;
  readonly bytes: number;
}

/** Whether the record is of the kind that may be dropped first: a decision that allowed. */
export function isAllow(record: LedgerRecord): boolean {
  return record.kind === 'decision' && record.verdict === 'allow';
}

/** The records that wait, by their number, oldest first. */
export class SpoolQueue {
  readonly #entries = new Map<number, Held>();
  // Numbers of allow decisions in order; some may be gone already.
  #allows: number[] = [];
  #allowsAt = 0;
  #bytes = 0;

  get count(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  set(seq: number, held: Held): void {
    this.#entries.set(seq, held);
    this.#bytes += held.bytes;
    if (held.isAllow) this.#allows.push(seq);
  }

  delete(seq: number): Held | undefined {
    const entry = this.#entries.get(seq);
    if (entry === undefined) return undefined;
    this.#entries.delete(seq);
    this.#bytes -= entry.bytes;
    return entry;
  }

  /** The oldest allow decision behind `after`. */
  oldestAllow(after: number): number | undefined {
    for (; this.#allowsAt < this.#allows.length; this.#allowsAt++) {
      const seq = this.#allows[this.#allowsAt] as number;
      if (seq > after && this.#entries.has(seq)) return seq;
    }
    this.#allows = [];
    this.#allowsAt = 0;
    return undefined;
  }

  /** Forgets all up to `seq`. */
  acknowledge(seq: number): void {
    for (const held of this.#entries.keys()) {
      if (held > seq) break;
      this.delete(held);
    }
    if (this.#entries.size === 0) this.#allows = [];
    if (this.#entries.size === 0) this.#allowsAt = 0;
  }

  first(count: number): SpoolBatch {
    const records: Buffer[] = [];
    let seq = 0;
    for (const [held, { json }] of this.#entries) {
      if (records.length >= count) break;
      records.push(bytesOf(json));
      seq = held;
    }
    return { records, seq };
  }

  /** What a file must hold for the queue to be restored from it. */
  *lines(): Generator<string> {
    for (const [seq, { json }] of this.#entries) yield recordLine(seq, bytesOf(json).toString());
  }
}

const bytesOf = ({ memory, start, end }: Slice): Buffer => memory.subarray(start, end);
