import type { AuditEvent, LedgerRecord } from '../api/record.ts';
import { uuidV7 } from '../core/ids.ts';
import { type SpoolOptions, spoolDefaults } from './config.ts';
import { maskRecord } from './mask.ts';
import { type Losses, noLosses, openSpoolFile, readSpool } from './spool-file.ts';

/** Records on their way to the ledger. */
export interface SpoolBatch {
  readonly records: readonly LedgerRecord[];
  /** What to acknowledge once all of them are in the ledger; 0 for an empty batch. */
  readonly seq: number;
}

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

interface Held {
  readonly record: LedgerRecord;
  readonly bytes: number;
}

const isAllow = (record: LedgerRecord): boolean => record.kind === 'decision' && record.verdict === 'allow';

/** Opens the spool in `options.file`, with what a previous process left there. Throws the system's error where it cannot. */
export function createSpool(options: SpoolOptions): Spool {
  const { clock, maxRecords = spoolDefaults.maxRecords, maxBytes = spoolDefaults.maxBytes } = options;
  const held = createHeld();
  const file = openSpoolFile(options.file, clock);
  let losses = noLosses;
  let lost = 0;
  let last = 0;
  let taken = 0;
  let scheduled = false;

  const lose = (record: LedgerRecord): void => {
    losses = isAllow(record) ? { ...losses, allow: losses.allow + 1 } : { ...losses, other: losses.other + 1 };
    lost += 1;
  };

  // Past the bound the oldest allow decision goes that is not on its way; where there is none, the newcomer.
  const makeRoom = (): void => {
    while (held.count > maxRecords || held.bytes > maxBytes) {
      const dropped = held.delete(held.oldestAllow(taken) ?? last);
      if (dropped === undefined) return;
      lose(dropped);
    }
  };

  const flush = (): void => {
    scheduled = false;
    file.flush(held.lines, losses);
  };

  const hold = (record: LedgerRecord): void => {
    last += 1;
    const line = `${JSON.stringify({ seq: last, record })}\n`;
    held.set(last, { record, bytes: line.length });
    file.add(line);
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  };

  const tellLosses = (): void => {
    if (losses === noLosses) return;
    const told = losses;
    losses = noLosses;
    hold(lossEvent(clock.now(), told));
  };

  for (const entry of readSpool(options.file)) {
    if (entry.losses !== undefined) losses = entry.losses.allow + entry.losses.other === 0 ? noLosses : entry.losses;
    else if (entry.record === undefined) held.acknowledge(entry.seq);
    else held.set(entry.seq, { record: entry.record, bytes: entry.bytes });
    last = Math.max(last, entry.seq);
  }
  makeRoom();

  return {
    add(record) {
      hold(maskRecord(record));
      makeRoom();
    },
    takeBatch(count) {
      tellLosses();
      const batch = held.first(count);
      taken = Math.max(taken, batch.seq);
      return batch;
    },
    acknowledge(seq) {
      held.acknowledge(seq);
      if (held.count === 0) file.clear(losses);
      else file.add(`${JSON.stringify({ seq })}\n`);
    },
    flush,
    status: () => ({ records: held.count, bytes: held.bytes, lost, failure: file.failure }),
    close() {
      flush();
      file.close();
    },
  };
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

// The records that wait, by their number.
function createHeld() {
  const entries = new Map<number, Held>();
  // Numbers of allow decisions in order; some may be gone already.
  let allows: number[] = [];
  let allowsAt = 0;
  let bytes = 0;
  const remove = (seq: number): LedgerRecord | undefined => {
    const entry = entries.get(seq);
    if (entry === undefined) return undefined;
    entries.delete(seq);
    bytes -= entry.bytes;
    return entry.record;
  };
  return {
    get count() {
      return entries.size;
    },
    get bytes() {
      return bytes;
    },
    set(seq: number, entry: Held): void {
      entries.set(seq, entry);
      bytes += entry.bytes;
      if (isAllow(entry.record)) allows.push(seq);
    },
    delete: remove,
    oldestAllow(after: number): number | undefined {
      for (; allowsAt < allows.length; allowsAt++) {
        const seq = allows[allowsAt] as number;
        if (seq > after && entries.has(seq)) return seq;
      }
      allows = [];
      allowsAt = 0;
      return undefined;
    },
    acknowledge(seq: number): void {
      for (const held of entries.keys()) {
        if (held > seq) return;
        remove(held);
      }
    },
    first(count: number): SpoolBatch {
      const records: LedgerRecord[] = [];
      let seq = 0;
      for (const [held, { record }] of entries) {
        if (records.length >= count) break;
        records.push(record);
        seq = held;
      }
      return { records, seq };
    },
    *lines(): Generator<string> {
      for (const [seq, { record }] of entries) yield `${JSON.stringify({ seq, record })}\n`;
    },
  };
}
