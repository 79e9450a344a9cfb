import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { allowedDecision, auditEvent, deniedDecision } from '../../test/fakes/records.ts';
import type { LedgerRecord } from '../api/record.ts';
import { createSpool, type SpoolBatch, type SpoolOptions } from './index.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'spool-'));
  file = join(folder, 'spool.ndjson');
});
afterEach(() => rmSync(folder, { recursive: true }));

const open = (changes: Partial<SpoolOptions> = {}) => createSpool({ file, clock: new ManualClock(), ...changes });
const recordsOf = ({ records }: SpoolBatch): LedgerRecord[] =>
  records.map(({ memory, start, end }) => JSON.parse(memory.toString('utf8', start, end)));
const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

test('records come out in order, again until they are acknowledged, and not after', async () => {
  const records = [deniedDecision(), allowedDecision(), auditEvent()];
  const spool = open();
  for (const record of records) spool.add(record);
  expect(recordsOf(spool.takeBatch(2))).toEqual(records.slice(0, 2));
  const { seq } = spool.takeBatch(2);
  spool.acknowledge(seq);
  expect(recordsOf(spool.takeBatch(10))).toEqual(records.slice(2));
  spool.acknowledge(spool.takeBatch(10).seq);
  expect(spool.takeBatch(10)).toEqual({ records: [], seq: 0 });
  await nextTurn();
  expect(readFileSync(file, 'utf8')).toBe('');
  spool.close();
});

test('what was added in one turn is on the disk in the next, and is there after a restart', async () => {
  const records = [deniedDecision(), allowedDecision(), deniedDecision()];
  const spool = open();
  for (const record of records) spool.add(record);
  await nextTurn();
  spool.acknowledge(1);
  spool.flush();
  // Not closed: the process is gone.
  const again = open();
  expect(recordsOf(again.takeBatch(10))).toEqual(records.slice(1));
  again.add(auditEvent());
  again.flush();
  expect(recordsOf(open().takeBatch(10))).toHaveLength(3);
});

test('a process that is killed loses nothing that was written', async () => {
  const script = `
    import { createSpool } from ${JSON.stringify(join(import.meta.dirname, 'index.ts'))};
    import { deniedDecision } from ${JSON.stringify(join(import.meta.dirname, '../../test/fakes/records.ts'))};
    import { systemClock } from ${JSON.stringify(join(import.meta.dirname, '../core/clock.ts'))};
    const spool = createSpool({ file: process.env.FILE, clock: systemClock });
    for (let index = 0; index < 100; index++) spool.add(deniedDecision({ status: index }));
    setImmediate(() => setImmediate(() => process.kill(process.pid, 'SIGKILL')));
  `;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    env: { ...process.env, FILE: file },
  });
  await new Promise((resolve) => child.on('close', resolve));
  expect(child.signalCode).toBe('SIGKILL');
  expect(recordsOf(open().takeBatch(1_000))).toHaveLength(100);
});

test('a half-written last line is passed over', () => {
  const spool = open();
  spool.add(deniedDecision());
  spool.close();
  writeFileSync(file, `${readFileSync(file, 'utf8')}{"seq":2,"rec`);
  expect(recordsOf(open().takeBatch(10))).toHaveLength(1);
});

test('past the bound the oldest allow decisions go, are counted, and the ledger is told; denials stay', () => {
  const spool = open({ maxRecords: 10 });
  const denials = Array.from({ length: 6 }, () => deniedDecision());
  for (const denial of denials) {
    spool.add(denial);
    for (let turn = 0; turn < 5; turn++) spool.add(allowedDecision());
  }
  const records = recordsOf(spool.takeBatch(100));
  expect(records.filter(({ kind }) => kind === 'decision')).toHaveLength(10);
  expect(records.slice(0, 6)).toEqual(denials);
  expect(records.at(-1)).toMatchObject({ action: 'audit.loss', detail: { allowDecisions: 26, others: 0 } });
  expect(spool.status()).toMatchObject({ lost: 26, failure: undefined });
  expect(recordsOf(spool.takeBatch(100))).toHaveLength(11);
});

test('where only denials wait, the newcomer is what is lost, and counted', () => {
  const spool = open({ maxRecords: 3 });
  const denials = Array.from({ length: 5 }, () => deniedDecision());
  for (const denial of denials) spool.add(denial);
  const records = recordsOf(spool.takeBatch(100));
  expect(records.slice(0, 3)).toEqual(denials.slice(0, 3));
  expect(records.at(-1)).toMatchObject({ action: 'audit.loss', detail: { allowDecisions: 0, others: 2 } });
});

test('what is on its way is not dropped, and losses survive a restart', () => {
  const spool = open({ maxRecords: 4 });
  for (let turn = 0; turn < 4; turn++) spool.add(allowedDecision());
  const batch = spool.takeBatch(2);
  const { seq } = batch;
  const records = recordsOf(batch);
  for (let turn = 0; turn < 3; turn++) spool.add(allowedDecision());
  expect(recordsOf(spool.takeBatch(2))).toEqual(records);
  spool.flush();
  const again = open({ maxRecords: 4 });
  again.acknowledge(seq);
  expect(recordsOf(again.takeBatch(10)).at(-1)).toMatchObject({ action: 'audit.loss' });
});

test('a bound in bytes holds', () => {
  const spool = open({ maxBytes: 20_000 });
  for (let turn = 0; turn < 200; turn++) spool.add(allowedDecision());
  expect(spool.status().bytes).toBeLessThanOrEqual(20_000);
});

test('a disk that refuses does not stop the records, and is told', () => {
  const clock = new ManualClock();
  const spool = createSpool({ file, clock });
  renameSync(folder, `${folder}-away`);
  spool.add(deniedDecision());
  spool.flush();
  expect(recordsOf(spool.takeBatch(10))).toHaveLength(1);
  expect(spool.status().failure).toBeDefined();
  renameSync(`${folder}-away`, folder);
  clock.advance(1_000);
  spool.add(deniedDecision());
  spool.close();
  expect(spool.status().failure).toBeUndefined();
  expect(recordsOf(open().takeBatch(10))).toHaveLength(2);
});

test('the file does not grow with what was acknowledged', () => {
  const spool = open();
  const detail = 'd'.repeat(2_000);
  for (let turn = 0; turn < 30; turn++) {
    for (let count = 0; count < 500; count++) {
      spool.add(deniedDecision({ reason: { filter: 'f', code: 'c', message: 'm', detail } }));
    }
    spool.flush();
    spool.acknowledge(spool.takeBatch(499).seq);
  }
  spool.add(deniedDecision());
  spool.flush();
  expect(statSync(file).size).toBeLessThan(12_000_000);
  const { records } = spool.status();
  expect(open().status().records).toBe(records);
});

test('what is sensitive never reaches the file', () => {
  const spool = open();
  spool.add(deniedDecision({ path: '/users/eve@example.com', host: 'shop.example' }));
  spool.close();
  expect(readFileSync(file, 'utf8')).not.toContain('eve@');
});

test('records lie whole in memory and on the disk, whatever their characters, across the blocks that hold them', async () => {
  const records = Array.from({ length: 700 }, (_, at) =>
    deniedDecision({ host: `größe-€-𝄞-${at}`, path: `/${'ü'.repeat(400)}` }),
  );
  const spool = open();
  for (const record of records) spool.add(record);
  expect(recordsOf(spool.takeBatch(1000))).toEqual(records);
  await nextTurn();
  expect(recordsOf(open().takeBatch(1000))).toEqual(records);
});

test('memory that is written anew never held a record that still waits', () => {
  const spool = open();
  const path = `/${'p'.repeat(1000)}`;
  const waiting: LedgerRecord[] = [];
  // Some twenty blocks are filled while a part of two is acknowledged at a time.
  for (let turn = 0; turn < 20; turn++) {
    for (let count = 0; count < 200; count++) {
      const record = allowedDecision({ path: `${path}${turn}/${count}` });
      waiting.push(record);
      spool.add(record);
    }
    spool.flush();
    const batch = spool.takeBatch(150);
    expect(recordsOf(batch)).toEqual(waiting.splice(0, 150));
    spool.acknowledge(batch.seq);
  }
  expect(recordsOf(spool.takeBatch(10_000))).toEqual(waiting);
  spool.flush();
  expect(recordsOf(open().takeBatch(10_000))).toEqual(waiting);
});
