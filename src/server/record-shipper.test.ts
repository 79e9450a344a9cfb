import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { deniedDecision } from '../../test/fakes/records.ts';
import type { FromRole } from '../api/channel.ts';
import { createRecordShipper } from './record-shipper.ts';

type Batch = Extract<FromRole, { type: 'records' }>;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'merlon-ship-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function create(clock = new ManualClock()) {
  const sent: Batch[] = [];
  const shipper = createRecordShipper(join(folder, 'spool'), clock, (line) => void sent.push(JSON.parse(String(line))));
  const add = (count: number): string[] =>
    Array.from({ length: count }, () => {
      const record = deniedDecision();
      shipper.record(record);
      return record.id;
    });
  const ids = (): string[] => sent.flatMap(({ records }) => records.map(({ id }) => id));
  const acknowledge = (): boolean =>
    shipper.receive({ type: 'records-ack', sequence: sent.at(-1)?.sequence as number });
  return { shipper, sent, add, ids, acknowledge, clock };
}

test('nothing is sent before the channel is open; then all, in order, one batch on its way at a time', () => {
  const { shipper, sent, add, ids, acknowledge, clock } = create();
  const given = add(2201);
  clock.advance(1000);
  expect(sent).toEqual([]);
  shipper.opened();
  clock.advance(1000);
  expect(sent).toHaveLength(1);
  expect(acknowledge()).toBe(true);
  expect(sent).toHaveLength(2);
  expect(acknowledge()).toBe(true);
  expect(sent).toHaveLength(2);
  clock.advance(25);
  expect(ids()).toEqual(given);
  expect(sent.map(({ records }) => records.length)).toEqual([1000, 1000, 201]);
});

test('what was not acknowledged is sent again when the channel comes back', async () => {
  const { shipper, sent, add, acknowledge, clock } = create();
  shipper.opened();
  const [first] = [add(3)];
  clock.advance(25);
  acknowledge();
  const second = add(2);
  clock.advance(25);
  shipper.opened();
  expect(sent.map(({ records }) => records.map(({ id }) => id))).toEqual([first, second, second]);
  acknowledge();
  clock.advance(1000);
  expect(sent).toHaveLength(3);
  await shipper.stop();
});

test('what was not acknowledged outlives the process', async () => {
  const before = create();
  const given = before.add(5);
  await before.shipper.stop();
  const after = create();
  const more = after.add(1);
  after.shipper.opened();
  expect(after.ids()).toEqual([...given, ...more]);
  after.acknowledge();
  await after.shipper.stop();
  const last = create();
  last.shipper.opened();
  last.clock.advance(1000);
  expect(last.sent).toEqual([]);
  await last.shipper.stop();
});

test('messages about other things are left to others', () => {
  expect(create().shipper.receive({ type: 'welcome' })).toBe(false);
});

test('a message that may still be on its way is not overwritten by the next', () => {
  const clock = new ManualClock();
  const lines: Buffer[] = [];
  const shipper = createRecordShipper(join(folder, 'spool'), clock, (line) => void lines.push(line));
  const [first, second] = [deniedDecision(), deniedDecision()];
  shipper.record(first);
  shipper.opened();
  // The connection broke: its socket may still hold the message.
  shipper.record(second);
  shipper.opened();
  const ids = lines.map((line) => (JSON.parse(String(line)) as Batch).records.map(({ id }) => id));
  expect(ids).toEqual([[first.id], [first.id, second.id]]);
});
