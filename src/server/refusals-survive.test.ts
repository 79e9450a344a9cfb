import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { allowedDecision, deniedDecision } from '../../test/fakes/records.ts';
import type { FromRole } from '../api/channel.ts';
import { createRecordShipper, type RecordShipper } from './record-shipper.ts';

let folder: string;
let file: string;
let sent: FromRole[];
let shipper: RecordShipper;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'merlon-shipper-'));
  file = join(folder, 'spool');
  sent = [];
  shipper = createRecordShipper(file, new ManualClock(), (line) => void sent.push(JSON.parse(String(line))));
});

afterEach(async () => {
  await shipper.stop();
  rmSync(folder, { recursive: true, force: true });
});

it('has the record of a refusal on disk before the refusal can be answered', () => {
  const [allowed, denied] = [allowedDecision(), deniedDecision()];
  shipper.record(allowed);
  expect(readFileSync(file, 'utf8')).toBe('');
  shipper.record(denied);
  expect(readFileSync(file, 'utf8')).toContain(denied.id);
  expect(readFileSync(file, 'utf8')).toContain(allowed.id);
});

it('keeps records until they are acknowledged, and sends them again on a new connection', () => {
  const denied = deniedDecision();
  shipper.record(denied);
  shipper.opened();
  shipper.opened();
  const batches = sent.flatMap((message) => (message.type === 'records' ? [message] : []));
  expect(batches.map(({ records }) => records.map(({ id }) => id))).toEqual([[denied.id], [denied.id]]);
  expect(shipper.receive({ type: 'records-ack', sequence: batches[0]?.sequence as number })).toBe(true);
  expect(readFileSync(file, 'utf8')).toBe('');
});
