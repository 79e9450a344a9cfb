import type { FromControl } from '../api/channel.ts';
import type { LedgerRecord } from '../api/record.ts';
import { createSpool, type Slice, type Spool } from '../audit/index.ts';
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
  // One message is on its way at a time: once it is acknowledged, the next is put together in the same memory.
  let memory = noMemory;

  const ship = (): void => {
    if (!open || onItsWay) return;
    const { records, seq } = spool.takeBatch(batchSize);
    if (records.length === 0) return;
    onItsWay = true;
    const start = `{"type":"records","sequence":${seq},"records":[`;
    const length = lengthOf(start, records);
    if (memory.length > mostKept) memory = noMemory;
    if (length > memory.length) memory = Buffer.allocUnsafeSlow(length * 2);
    writeBatch(memory, start, records);
    sendLine(memory.subarray(0, length));
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
      // The connection before may still hold on to what it was given.
      memory = noMemory;
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

const mostKept = 4 << 20;
const noMemory = Buffer.alloc(0);
const end = ']}\n';

/** How long the message `records` of the channel is, in bytes. */
function lengthOf(start: string, records: readonly Slice[]): number {
  let length = start.length + end.length + records.length - 1;
  for (const record of records) length += record.end - record.start;
  return length;
}

function writeBatch(memory: Buffer, start: string, records: readonly Slice[]): void {
  let at = memory.write(start, 'latin1');
  for (const record of records) {
    at += record.memory.copy(memory, at, record.start, record.end);
    // The last one's is overwritten by the end.
    memory[at++] = comma;
  }
  memory.write(end, at - 1, 'latin1');
}

const comma = ','.charCodeAt(0);
