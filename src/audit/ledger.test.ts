import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { allowedDecision, auditEvent, deniedDecision } from '../../test/fakes/records.ts';
import { openCheckpoint } from './checkpoint.ts';
import {
  createEd25519Signer,
  createLedger,
  type LedgerOptions,
  ledgerRecords,
  verifyConsistency,
  verifyInclusion,
} from './control.ts';

const signingKey = createEd25519Signer(generateKeyPairSync('ed25519').privateKey);
const origin = 'shop.example/ledger';
let folder: string;
let clock: ManualClock;

beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'ledger-')), 'ledger');
  clock = new ManualClock();
});
afterEach(() => rmSync(join(folder, '..'), { recursive: true }));

const open = (changes: Partial<LedgerOptions> = {}) => createLedger({ folder, clock, signingKey, origin, ...changes });

test('a record that was appended is found again, by its id and by its columns, also after a restart', async () => {
  const denied = deniedDecision({ principal: { kind: 'user', id: 'u1' } });
  const event = auditEvent();
  let ledger = await open();
  expect(await ledger.append([denied, event])).toEqual({ added: 2, duplicates: 0 });
  for (let turn = 0; turn < 2; turn++) {
    expect(ledger.findById(denied.id)).toEqual(denied);
    expect(ledger.findById(crypto.randomUUID())).toBeUndefined();
    expect(ledger.query({ verdict: 'deny' })).toEqual([denied]);
    expect(ledger.query({ principal: 'alice' })).toEqual([event]);
    expect(ledger.query({ principal: 'u1', code: 'authz.scope-missing', service: 'orders' })).toEqual([denied]);
    expect(ledger.query({ until: denied.timeMs })).toEqual([]);
    expect(ledger.query({ since: denied.timeMs, limit: 1 })).toHaveLength(1);
    await ledger.stop();
    ledger = await open();
  }
  await ledger.stop();
});

test('a record that is sent again is recognised, in one batch, in the next, and after a restart', async () => {
  const [first, second] = [allowedDecision(), allowedDecision()];
  let ledger = await open();
  expect(await ledger.append([first, first])).toEqual({ added: 1, duplicates: 1 });
  const both = await Promise.all([ledger.append([first, second]), ledger.append([second])]);
  expect(both.map(({ added }) => added)).toEqual([1, 0]);
  await ledger.stop();
  ledger = await open();
  expect(await ledger.append([second, first])).toEqual({ added: 0, duplicates: 2 });
  expect(ledger.size).toBe(2);
  await ledger.stop();
});

test('segments are rotated by size, and the ledger goes on across them', async () => {
  const ledger = await open({ segmentBytes: 2_000 });
  const records = Array.from({ length: 30 }, () => deniedDecision());
  for (const record of records) await ledger.append([record]);
  await ledger.stop();
  expect(readdirSync(join(folder, 'segments')).length).toBeGreaterThan(3);
  const again = await open({ segmentBytes: 2_000 });
  expect(again.size).toBe(30);
  for (const record of records) expect(again.findById(record.id)).toEqual(record);
  await again.stop();
});

test('a checkpoint is signed at the interval when something was added, and when the ledger stops', async () => {
  const ledger = await open({ checkpointMs: 1_000 });
  const sizeOf = (note: string) => openCheckpoint(note, signingKey.publicKey, origin).size;
  expect(sizeOf(ledger.checkpoint)).toBe(0);
  await ledger.append([deniedDecision()]);
  clock.advance(1_000);
  await ledger.append([deniedDecision()]);
  expect(sizeOf(ledger.checkpoint)).toBe(1);
  await ledger.stop();
  expect(sizeOf(ledger.checkpoint)).toBe(2);
});

test('an index that is missing, or damaged, is made anew from the segments', async () => {
  const record = deniedDecision();
  let ledger = await open();
  await ledger.append([record, ...Array.from({ length: 300 }, () => allowedDecision())]);
  await ledger.stop();
  rmSync(join(folder, 'derived'), { recursive: true });
  ledger = await open();
  expect(ledger.findById(record.id)).toEqual(record);
  expect(await ledger.append([record])).toEqual({ added: 0, duplicates: 1 });
  await ledger.stop();
});

test('inclusion and consistency are proven at every size of a growing ledger', async () => {
  const ledger = await open();
  const records = Array.from({ length: 20 }, () => deniedDecision());
  const heads = [openCheckpoint(ledger.checkpoint, signingKey.publicKey)];
  for (const record of records) {
    await ledger.append([record]);
    heads.push(openCheckpoint(await ledger.signCheckpoint(), signingKey.publicKey));
    for (const head of heads) {
      const proof = await ledger.proveConsistency(head.size);
      expect(verifyConsistency(proof, head, signingKey.publicKey).size).toBe(ledger.size);
    }
  }
  for (const [index, record] of records.entries()) {
    const proof = await ledger.proveInclusion(record.id);
    expect(verifyInclusion(proof, signingKey.publicKey, origin)).toMatchObject({ index, record });
    const forged = { ...proof, line: proof.line.replace('203.0.113.7', '203.0.113.8') };
    expect(() => verifyInclusion(forged, signingKey.publicKey)).toThrow('is not leaf');
    expect(() => verifyInclusion({ ...proof, index: index + 1 }, signingKey.publicKey)).toThrow('is not leaf');
  }
  await ledger.stop();
});

test('a second process is refused', async () => {
  const ledger = await open();
  await expect(open()).rejects.toMatchObject({ code: 'ledger.locked' });
  await ledger.stop();
  await (await open()).stop();
});

test('more than may wait is refused, and what is no record, and what is too large', async () => {
  const ledger = await open({ maxPending: 2, maxRecordBytes: 1_000 });
  await expect(ledger.append([1, 2, 3].map(() => deniedDecision()))).rejects.toMatchObject({
    code: 'ledger.overloaded',
  });
  await expect(ledger.append([deniedDecision({ id: '../1' })])).rejects.toMatchObject({
    code: 'ledger.record-invalid',
  });
  await expect(ledger.append([deniedDecision({ path: `/${'a'.repeat(2_000)}` })])).rejects.toMatchObject({
    code: 'ledger.record-too-large',
  });
  expect(await ledger.append([deniedDecision()])).toMatchObject({ added: 1 });
  await ledger.stop();
  await expect(ledger.append([deniedDecision()])).rejects.toMatchObject({ code: 'ledger.stopped' });
});

test('one bad record of a role neither blocks the others nor vanishes, and cannot stop the ledger', async () => {
  const ledger = await open({ maxRecordBytes: 3_000 });
  const [first, last] = [deniedDecision(), allowedDecision()];
  const bad = { ...deniedDecision(), service: { not: 'text' } };
  const nested = JSON.parse(`${'['.repeat(50_000)}${']'.repeat(50_000)}`) as unknown;
  const large = deniedDecision({
    reason: { filter: 'f', code: 'c', message: 'm'.repeat(2_000), detail: 'd'.repeat(2_000) },
  });
  await expect(ledger.append([first, bad as never])).rejects.toMatchObject({ code: 'ledger.record-invalid' });
  expect(ledger.size).toBe(0);
  const sent = [first, bad, null, 'x', nested, { ...last, more: nested }, large];
  expect(await ledger.ingest(sent)).toEqual({ added: 7, duplicates: 0 });
  expect(
    ledger
      .query({ code: 'audit.reject' })
      .map((record) => record.kind === 'event' && record.target)
      .sort(),
  ).toEqual(['unknown', 'unknown', 'unknown', bad.id, large.id].sort());
  expect(ledger.findById(last.id)).toEqual(last);
  await ledger.stop();
  const again = await open();
  expect(again.size).toBe(7);
  expect([...ledgerRecords(folder)].map(({ id }) => id)).toContain(last.id);
  await again.stop();
});

test('what must not be stored is masked, whoever appends it', async () => {
  const ledger = await open();
  const record = deniedDecision({ path: '/users/eve@example.com?token=x' });
  await ledger.append([record]);
  expect(ledger.findById(record.id)).toMatchObject({ path: '/users/[email @example.com]' });
  await ledger.stop();
});

test('many appends at once are committed together, and stop waits for them', async () => {
  let syncs = 0;
  const { openAppendFile } = await import('./append-file.ts');
  const ledger = await open({
    openFile: async (path) => {
      const file = await openAppendFile(path);
      const sync = () => {
        syncs += 1;
        return file.sync();
      };
      return { ...file, sync };
    },
  });
  const appends = Array.from({ length: 500 }, () => ledger.append([allowedDecision()]));
  await ledger.stop();
  await Promise.all(appends);
  expect(ledger.size).toBe(500);
  expect(syncs).toBeLessThan(10);
});
