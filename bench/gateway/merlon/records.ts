// Where decision records go: into a spool on disk, and from there, serialised, to what stands for the channel to
// control. What control does with them is not the data plane's cost.
import { mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/core/clock.ts';
import { createRecordShipper, type RecordShipper } from '../../../src/server/record-shipper.ts';

// About what control's disk takes to keep a batch.
const syncMs = 5;

/** A shipper whose batches are acknowledged after a disk's time. */
export function startShipper(): RecordShipper {
  const folder = mkdtempSync(join(tmpdir(), 'merlon-bench-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const channel = openSync('/dev/null', 'w');
  const send = (line: Buffer): void => {
    writeSync(channel, line);
    const sequence = Number(/"sequence":(\d+)/.exec(line.toString('latin1', 0, 60))?.[1]);
    systemClock.after(syncMs, () => shipper.receive({ type: 'records-ack', sequence }));
  };
  const shipper = createRecordShipper(join(folder, 'spool'), systemClock, send);
  shipper.opened();
  return shipper;
}
