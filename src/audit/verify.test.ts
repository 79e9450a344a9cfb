import { generateKeyPairSync } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { deniedDecision } from '../../test/fakes/records.ts';
import { canonicalJson } from './canonical.ts';
import { createEd25519Signer, createLedger, formatReport, verifyLedger } from './control.ts';
import { hashLeaf } from './merkle.ts';
import { encodeLine, noPrevious, tryParseLine } from './segment.ts';

const signingKey = createEd25519Signer(generateKeyPairSync('ed25519').privateKey);
const { publicKey } = signingKey;
const origin = 'shop.example/ledger';
const records = 40;
let root: string;
let original: string;
let folder: string;

async function build(to: string, signer = signingKey): Promise<void> {
  const ledger = await createLedger({
    folder: to,
    clock: new ManualClock(),
    signingKey: signer,
    origin,
    segmentBytes: 4_000,
  });
  for (let index = 0; index < records; index++) {
    await ledger.append([deniedDecision({ remoteAddress: `203.0.113.${index}` })]);
    if (index % 10 === 9) await ledger.signCheckpoint();
  }
  await ledger.stop();
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'verify-'));
  original = join(root, 'original');
  await build(original);
});
afterAll(() => rmSync(root, { recursive: true }));
function restore(): void {
  rmSync(folder, { recursive: true, force: true });
  cpSync(original, folder, { recursive: true });
  for (const path of [folder, join(folder, 'segments')]) chmodSync(path, 0o700);
}
beforeEach(() => {
  folder = join(root, 'copy');
  restore();
});

const segments = (): string[] => readdirSync(join(folder, 'segments')).map((name) => join(folder, 'segments', name));
const verify = (changes = {}) => verifyLedger(folder, { publicKey, ...changes });
const checkpoint = (): string => readFileSync(join(original, 'checkpoint'), 'utf8');

// Finds the line of record `index`, and writes what `change` makes of all lines of its segment.
function edit(index: number, change: (lines: string[], at: number) => void): void {
  for (const path of segments()) {
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    const at = lines.findIndex((line) => line.startsWith(`{"index":${index},`));
    if (at < 0) continue;
    change(lines, at);
    writeFileSync(path, lines.map((line) => `${line}\n`).join(''));
  }
}

// What an attacker does who knows the format: every link is made anew, so that the chain alone shows nothing.
function rewrite(index: number, from: string, to: string): void {
  let previous = noPrevious;
  for (const path of segments()) {
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    const rewritten = lines.map((text) => {
      const line = tryParseLine(Buffer.from(text));
      if (line === undefined) throw new Error('not a line');
      const json = canonicalJson(line.record);
      const bytes = encodeLine(line.index, previous, line.index === index ? json.replace(from, to) : json);
      previous = hashLeaf(bytes);
      return `${bytes}\n`;
    });
    writeFileSync(path, rewritten.join(''));
  }
}

test('an untouched ledger verifies', async () => {
  expect(await verify({ checkpoint: checkpoint(), origin })).toMatchObject({
    ok: true,
    origin,
    size: records,
    signedSize: records,
    faults: [],
  });
});

describe('tampering is found and located', () => {
  test('a changed value', async () => {
    edit(7, (lines, at) => (lines[at] = lines[at]!.replace('203.0.113.7', '203.0.113.8')));
    const { ok, faults } = await verify();
    expect(ok).toBe(false);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toMatchObject({ kind: 'changed', from: 7, to: 8, segment: '0000000000000000.ndjson', line: 8 });
  });

  test('each single changed byte of a line', async () => {
    const length = Buffer.byteLength(readFileSync(segments()[0]!, 'utf8').split('\n')[3]!);
    for (let byte = 0; byte <= length; byte += 7) {
      restore();
      const bytes = readFileSync(segments()[0]!);
      let start = 0;
      for (let line = 0; line < 3; line++) start = bytes.indexOf(10, start) + 1;
      bytes[start + byte]! ^= 1;
      writeFileSync(segments()[0]!, bytes);
      const { faults } = await verify();
      expect(faults[0]?.from, `byte ${byte}`).toBeGreaterThanOrEqual(2);
      expect(faults[0]?.from, `byte ${byte}`).toBeLessThanOrEqual(4);
    }
  });

  test('a deleted line, and several', async () => {
    edit(13, (lines, at) => lines.splice(at, 1));
    expect((await verify()).faults).toMatchObject([{ kind: 'deleted', from: 13, to: 14 }]);
    edit(10, (lines, at) => lines.splice(at, 2));
    expect((await verify()).faults).toMatchObject([
      { kind: 'deleted', from: 10, to: 12 },
      { kind: 'deleted', from: 13, to: 14 },
    ]);
  });

  test('swapped lines', async () => {
    edit(2, (lines, at) => ([lines[at], lines[at + 1]] = [lines[at + 1]!, lines[at]!]));
    expect((await verify()).faults).toMatchObject([{ kind: 'moved', from: 2, to: 3 }]);
  });

  test('a line that stands twice', async () => {
    edit(5, (lines, at) => lines.splice(at, 0, lines[at]!));
    expect((await verify()).faults).toMatchObject([{ kind: 'moved', from: 5, to: 6, line: 7 }]);
  });

  test('an added line', async () => {
    edit(5, (lines, at) => lines.splice(at, 0, lines[at]!.replace('"index":5', '"index":4')));
    expect((await verify()).ok).toBe(false);
  });

  test('a tail cut off, at a line and within one', async () => {
    edit(39, (lines, at) => lines.splice(at, 1));
    expect((await verify()).faults).toMatchObject([{ kind: 'truncated', from: 39, to: 40 }]);
    truncateSync(segments().at(-1)!, 10);
    expect((await verify()).faults).toMatchObject([{ kind: 'truncated', to: 40 }]);
  });

  test('a tail cut off together with its checkpoints and marks: by the kept checkpoint alone', async () => {
    for (let index = 30; index < records; index++) edit(index, (lines, at) => lines.splice(at, 1));
    for (const path of segments()) if (readFileSync(path).length === 0) rmSync(path);
    const notes = readFileSync(join(folder, 'checkpoints.ndjson'), 'utf8').split('\n');
    writeFileSync(join(folder, 'checkpoints.ndjson'), `${notes.slice(0, 4).join('\n')}\n`);
    rmSync(join(folder, 'durable'));
    expect(await verify()).toMatchObject({ ok: true, size: 30 });
    expect((await verify({ checkpoint: checkpoint() })).faults).toMatchObject([
      { kind: 'truncated', from: 30, to: 40 },
    ]);
  });

  test('history rewritten with every link made anew', async () => {
    rewrite(23, '203.0.113.23', '203.0.113.99');
    expect((await verify()).faults).toMatchObject([{ kind: 'rewritten', from: 20, to: 30 }]);
  });

  test('the last record changed', async () => {
    edit(39, (lines, at) => (lines[at] = lines[at]!.replace('203.0.113.39', '203.0.113.40')));
    expect((await verify()).faults).toMatchObject([{ kind: 'rewritten', from: 30, to: 40 }]);
  });

  test('a removed segment: the first, one in the middle, the last', async () => {
    const count = segments().length;
    for (const at of [0, Math.floor(count / 2), count - 1]) {
      restore();
      rmSync(segments()[at]!);
      const kind = at === count - 1 ? 'truncated' : 'segment-missing';
      expect((await verify()).faults).toMatchObject([{ kind }]);
    }
  });

  test('a whole ledger made anew by another key, and a checkpoint forged', async () => {
    rmSync(folder, { recursive: true });
    await build(folder, createEd25519Signer(generateKeyPairSync('ed25519').privateKey));
    expect((await verify()).faults[0]).toMatchObject({ kind: 'checkpoint-forged' });
    restore();
    const notes = readFileSync(join(folder, 'checkpoints.ndjson'), 'utf8');
    writeFileSync(join(folder, 'checkpoints.ndjson'), notes.replace('\\n20\\n', '\\n19\\n'));
    expect((await verify()).faults).toMatchObject([{ kind: 'checkpoint-forged' }]);
    appendFileSync(join(folder, 'checkpoints.ndjson'), 'rubbish\n');
    expect((await verify()).faults).toMatchObject([{ kind: 'checkpoint-forged' }, { kind: 'checkpoint-forged' }]);
  });

  test('checkpoints in another order, of another ledger, or removed', async () => {
    const path = join(folder, 'checkpoints.ndjson');
    const notes = readFileSync(path, 'utf8').trimEnd().split('\n');
    writeFileSync(path, `${notes.toReversed().join('\n')}\n`);
    expect((await verify()).faults[0]).toMatchObject({ kind: 'checkpoint-forged' });
    writeFileSync(path, `${notes.join('\n')}\n`);
    expect((await verify({ origin: 'other.example/ledger' })).ok).toBe(false);
    rmSync(path);
    expect((await verify()).faults).toMatchObject([{ kind: 'checkpoint-missing' }]);
  });
});

test('no tampering of any kind, at any place, goes unseen', async () => {
  const files = segments().map((path) => readFileSync(path));
  const place = fc.record({ file: fc.nat(files.length - 1), at: fc.nat(), other: fc.nat(), bit: fc.nat(7) });
  const kinds = ['flip', 'remove byte', 'add byte', 'delete line', 'swap lines', 'repeat line', 'truncate'] as const;
  const tamper = (kind: (typeof kinds)[number], bytes: Buffer, at: number, other: number, bit: number): Buffer => {
    const lines = bytes.toString('utf8').trimEnd().split('\n');
    const [byte, one, two] = [at % bytes.length, at % lines.length, other % lines.length];
    const join = (): Buffer => Buffer.from(lines.map((line) => `${line}\n`).join(''));
    if (kind === 'flip') bytes[byte]! ^= 1 << bit;
    if (kind === 'remove byte') return Buffer.concat([bytes.subarray(0, byte), bytes.subarray(byte + 1)]);
    if (kind === 'add byte')
      return Buffer.concat([bytes.subarray(0, byte), Buffer.from([other % 256]), bytes.subarray(byte)]);
    if (kind === 'truncate') return bytes.subarray(0, byte);
    if (kind === 'delete line') lines.splice(one, 1);
    if (kind === 'swap lines') [lines[one], lines[two]] = [lines[two]!, lines[one]!];
    if (kind === 'repeat line') lines.splice(one, 0, lines[two]!);
    return kind === 'flip' ? bytes : join();
  };
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...kinds), place, async (kind, { file, at, other, bit }) => {
      const original = files[file]!;
      const changed = tamper(kind, Buffer.from(original), at, other, bit);
      fc.pre(!changed.equals(original));
      writeFileSync(segments()[file]!, changed);
      const { ok, faults } = await verify();
      writeFileSync(segments()[file]!, original);
      return !ok && faults.length > 0;
    }),
    { numRuns: 300 },
  );
  expect((await verify()).ok).toBe(true);
});

test('the report reads well, and tells where', async () => {
  const intact = formatReport(await verify(), { colour: false });
  expect(intact).toMatch(/^✓ intact\n {2}ledger {4}shop\.example\/ledger\n {2}records {3}40 in 5 segments\n/);
  edit(7, (lines, at) => {
    lines[at] = lines[at]!.replace('203.0.113.7', '203.0.113.8');
  });
  const tampered = formatReport(await verify(), { colour: false });
  expect(tampered).toContain('✗ TAMPERED WITH');
  expect(tampered).toContain(
    'changed            record 7 is not the one that record 8 was linked to (0000000000000000.ndjson:8)',
  );
  expect(formatReport(await verify(), { colour: true })).toContain('\u001b[1;31m');
});

test('a ledger that grows meanwhile verifies', async () => {
  const ledger = await createLedger({ folder, clock: new ManualClock(), signingKey, origin, segmentBytes: 4_000 });
  for (let turn = 0; turn < 20; turn++) {
    const appends = Array.from({ length: 50 }, () => ledger.append([deniedDecision()]));
    expect((await verify()).faults).toEqual([]);
    await Promise.all(appends);
  }
  await ledger.stop();
  expect(await verify()).toMatchObject({ ok: true, size: records + 1_000 });
});

test('with the protection off, tampering goes unnoticed', async () => {
  rewrite(23, '203.0.113.23', '203.0.113.99');
  expect((await verify()).ok).toBe(false);
  expect((await verifyLedger(folder, { publicKey }, new Set(['ledger.chain']))).ok).toBe(true);
});

test('a ledger that was tampered with is not written to, and keeps its evidence', async () => {
  rewrite(23, '203.0.113.23', '203.0.113.99');
  rmSync(join(folder, 'derived'), { recursive: true });
  const before = segments().map((path) => readFileSync(path, 'utf8'));
  const options = { folder, clock: new ManualClock(), signingKey, origin };
  await expect(createLedger(options)).rejects.toMatchObject({ code: 'ledger.corrupt' });
  expect(segments().map((path) => readFileSync(path, 'utf8'))).toEqual(before);
});
