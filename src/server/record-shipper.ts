import type { FromControl } from '../api/channel.ts';
import type { LedgerRecord } from '../api/record.ts';
import { createSpool, type Spool } from '../audit/index.ts';
import type { Clock } from '../core/clock.ts';
import type { Stoppable } from '../core/lifecycle.ts';

const batchSize = 1000;
// Every message wakes control, which syncs its disk once for it: few large ones cost both sides less than many small ones.
const pauseMs = 25;

/** Brings a role's records to control, in order, each at least once; until control has them, they lie in the role's spool. */
export interface RecordShipper extends Stoppable {
  record(record: LedgerRecord): void;
  opened(): void;
  /** Whether the message was about records. */
  receive(message: FromControl): boolean;
}

/** `sendLine` takes a message of the channel as it is written: records become bytes once, for the spool, and go on as they lie there. */
export function createRecordShipper(file: string, clock: Clock, sendLine: (line: Buffer) => void): RecordShipper {
  const spool: Spool = createSpool({ file, clock });
  let onItsWay = false;
  let open = false;

  const ship = (): void => {
    if (!open || onItsWay) return;
    const { records, seq } = spool.takeBatch(batchSize);
    if (records.length === 0) return;
    onItsWay = true;
    sendLine(batchLine(seq, records));
  };
  const timer = clock.every(pauseMs, ship);

  return {
    record: (record) => {
      spool.add(record);
      // Whoever is refused holds the record's id before this turn is over: it must be there whatever happens next.
      if (record.kind === 'event' || record.verdict !== 'allow') spool.flush();
    },
    opened: () => {
      open = true;
      onItsWay = false;
      ship();
    },
    receive: (message) => {
      if (message.type !== 'records-ack') return false;
      spool.acknowledge(message.sequence);
      onItsWay = false;
      // Less than a batch waits for the timer.
      if (spool.status().records >= batchSize) ship();
      return true;
    },
    stop: async () => {
      timer.cancel();
      spool.close();
    },
  };
}

const comma = Buffer.from(',');
const end = Buffer.from(']}\n');

/** The message `records` of the channel. */
function batchLine(sequence: number, records: readonly Buffer[]): Buffer {
  const parts: Buffer[] = [Buffer.from(`{"type":"records","sequence":${sequence},"records":[`)];
  for (const record of records) {
    if (parts.length > 1) parts.push(comma);
    parts.push(record);
  }
  parts.push(end);
  return Buffer.concat(parts);
}
