import type { AuditEvent, LedgerRecord } from '../api/record.ts';
import type { Clock } from '../core/clock.ts';
import { uuidV7 } from '../core/ids.ts';
import { type SpoolOptions, spoolDefaults } from './config.ts';
import { recordJson } from './record-json.ts';
import {
  acknowledgedLine,
  type Losses,
  noLosses,
  readSpool,
  type Slice,
  type SpoolEntry,
  SpoolFile,
} from './spool-file.ts';
import { isAllow, type SpoolBatch, SpoolQueue } from './spool-queue.ts';

/** How a spool fares. */
export interface SpoolStatus {
  readonly records: number;
  readonly bytes: number;
  /** How many records were dropped for want of room, since it was opened. */
  readonly lost: number;
  /** Why the file cannot be written, while it cannot; records are then held in memory alone. */
  readonly failure: unknown;
}

/**
 * Holds a data-plane role's records until the ledger has them. Adding is synchronous and never fails; the records of one turn
 * of the event loop are written with one call, after which they survive the death of the process.
 */
export interface Spool {
  add(record: LedgerRecord): void;
  /** The oldest records, at most `maxRecords`. Until they are acknowledged, the next call gives them again. */
  takeBatch(maxRecords: number): SpoolBatch;
  /** Forgets all records up to `seq`. */
  acknowledge(seq: number): void;
  /** Writes what was added in this turn. */
  flush(): void;
  status(): SpoolStatus;
  /** Writes what is left and closes the file. */
  close(): void;
}

/** Opens the spool in `options.file`, with what a previous process left there. Throws the system's error where it cannot. */
export function createSpool(options: SpoolOptions): Spool {
  return new FileSpool(options);
}

class FileSpool implements Spool {
  readonly #clock: Clock;
  readonly #maxRecords: number;
  readonly #maxBytes: number;
  readonly #held = new SpoolQueue();
  readonly #file: SpoolFile;
  #losses = noLosses;
  #lost = 0;
  #last = 0;
  #taken = 0;
  #scheduled = false;

  constructor({ file, clock, ...bounds }: SpoolOptions) {
    this.#clock = clock;
    this.#maxRecords = bounds.maxRecords ?? spoolDefaults.maxRecords;
    this.#maxBytes = bounds.maxBytes ?? spoolDefaults.maxBytes;
    this.#file = new SpoolFile(file, clock);
    for (const entry of readSpool(file)) this.#restore(entry);
    this.#makeRoom();
  }

  add(record: LedgerRecord): void {
    this.#hold(record);
    this.#makeRoom();
  }

  takeBatch(maxRecords: number): SpoolBatch {
    this.#tellLosses();
    const batch = this.#held.first(maxRecords);
    this.#taken = Math.max(this.#taken, batch.seq);
    return batch;
  }

  acknowledge(seq: number): void {
    this.#held.acknowledge(seq);
    this.#file.release(seq);
    if (this.#held.count === 0) this.#file.clear(this.#losses);
    else this.#file.add(acknowledgedLine(seq));
  }

  flush = (): void => {
    this.#scheduled = false;
    this.#file.flush(this.#held, this.#losses);
  };

  status(): SpoolStatus {
    return { records: this.#held.count, bytes: this.#held.bytes, lost: this.#lost, failure: this.#file.failure };
  }

  close(): void {
    this.flush();
    this.#file.close();
  }

  #restore({ seq, record, losses }: SpoolEntry): void {
    if (losses !== undefined) this.#losses = losses;
    else if (record === undefined) this.#held.acknowledge(seq);
    else this.#held.push({ ...sliceOf(record), seq, isAllow: isAllow(record) });
    this.#last = Math.max(this.#last, seq);
  }

  #hold(record: LedgerRecord): void {
    this.#last += 1;
    const { memory, start, end } = this.#file.addRecord(this.#last, recordJson(record));
    this.#held.push({ memory, start, end, seq: this.#last, isAllow: isAllow(record) });
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(this.flush);
  }

  // Past the bound the oldest allow decision goes that is not on its way; where there is none, the newcomer.
  #makeRoom(): void {
    while (this.#held.count > this.#maxRecords || this.#held.bytes > this.#maxBytes) {
      const dropped = this.#held.drop(this.#taken);
      if (dropped === undefined) return;
      const { allow, other } = this.#losses;
      this.#losses = dropped.isAllow ? { allow: allow + 1, other } : { allow, other: other + 1 };
      this.#lost += 1;
    }
  }

  #tellLosses(): void {
    if (this.#losses === noLosses) return;
    const told = this.#losses;
    this.#losses = noLosses;
    this.#hold(lossEvent(this.#clock.now(), told));
  }
}

/** Of what a former process left. */
function sliceOf(record: LedgerRecord): Slice {
  const memory = Buffer.from(JSON.stringify(record));
  return { memory, start: 0, end: memory.length };
}

function lossEvent(timeMs: number, { allow, other }: Losses): AuditEvent {
  return {
    kind: 'event',
    id: uuidV7(timeMs),
    timeMs,
    actor: { kind: 'workload', id: 'spool' },
    action: 'audit.loss',
    target: 'ledger',
    outcome: 'failure',
    detail: { allowDecisions: allow, others: other },
  };
}
