import type { LedgerRecord } from '../api/record.ts';
import { recordLine, type Slice } from './spool-file.ts';

/** Records on their way to the ledger. */
export interface SpoolBatch {
  /** Where each lies, as JSON, masked. It lies there until it is acknowledged. */
  readonly records: readonly Slice[];
  /** What to acknowledge once all of them are in the ledger; 0 for an empty batch. */
  readonly seq: number;
}

/** A record that waits. */
export interface Held extends Slice {
  readonly seq: number;
  readonly isAllow: boolean;
}

/** Whether the record is of the kind that may be dropped first: a decision that allowed. */
export function isAllow(record: LedgerRecord): boolean {
  return record.kind === 'decision' && record.verdict === 'allow';
}

/** Places of records that are gone are cut off once there are so many. */
const mostGone = 4096;

/** The records that wait, by their number, oldest first. */
export class SpoolQueue {
  /** In the order of their numbers; undefined where one was dropped. */
  #rows: (Held | undefined)[] = [];
  /** Where the oldest that waits stands; before it all are acknowledged. */
  #head = 0;
  /** Before this no allow decision stands that may be dropped. */
  #allowsAt = 0;
  #last = 0;
  #count = 0;
  #bytes = 0;

  get count(): number {
    return this.#count;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Adds the newest. A number that is not above all former ones is that of no record of ours. */
  push(held: Held): void {
    if (held.seq <= this.#last) return;
    this.#last = held.seq;
    this.#rows.push(held);
    this.#count++;
    this.#bytes += held.end - held.start;
  }

  /** Drops the oldest allow decision behind `after`; where there is none, the newest record. */
  drop(after: number): Held | undefined {
    const at = this.#oldestAllow(after) ?? this.#rows.length - 1;
    const held = this.#rows[at];
    if (held === undefined) return undefined;
    this.#rows[at] = undefined;
    this.#forget(held);
    return held;
  }

  /** Forgets all up to `seq`. */
  acknowledge(seq: number): void {
    const rows = this.#rows;
    for (; this.#head < rows.length; this.#head++) {
      const held = rows[this.#head];
      if (held === undefined) continue;
      if (held.seq > seq) break;
      rows[this.#head] = undefined;
      this.#forget(held);
    }
    if (this.#head === rows.length || this.#head > mostGone) this.#cut();
  }

  first(count: number): SpoolBatch {
    const records: Slice[] = [];
    let seq = 0;
    for (let at = this.#head; at < this.#rows.length && records.length < count; at++) {
      const held = this.#rows[at];
      if (held === undefined) continue;
      records.push(held);
      seq = held.seq;
    }
    return { records, seq };
  }

  /** What a file must hold for the queue to be restored from it. */
  *lines(): Generator<string> {
    for (const held of this.#rows) if (held !== undefined) yield recordLine(held.seq, textOf(held));
  }

  #oldestAllow(after: number): number | undefined {
    for (; this.#allowsAt < this.#rows.length; this.#allowsAt++) {
      const held = this.#rows[this.#allowsAt];
      if (held?.isAllow && held.seq > after) return this.#allowsAt;
    }
    return undefined;
  }

  #forget({ start, end }: Held): void {
    this.#count--;
    this.#bytes -= end - start;
  }

  #cut(): void {
    this.#rows = this.#rows.slice(this.#head);
    this.#allowsAt = Math.max(0, this.#allowsAt - this.#head);
    this.#head = 0;
  }
}

const textOf = ({ memory, start, end }: Slice): string => memory.toString('utf8', start, end);
