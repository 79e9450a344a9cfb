import { type ChildProcess, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { deniedDecision } from '../../test/fakes/records.ts';
import { openAppendFile } from './append-file.ts';
import { createEd25519Signer, createLedger, type LedgerOptions, verifyLedger } from './control.ts';

const { privateKey } = generateKeyPairSync('ed25519');
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
const signingKey = createEd25519Signer(privateKey);
const origin = 'shop.example/ledger';
let root: string;
let folder: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'crash-'));
  folder = join(root, 'ledger');
});
afterEach(() => rmSync(root, { recursive: true }));

const open = (changes: Partial<LedgerOptions> = {}) =>
  createLedger({ folder, clock: new ManualClock(), signingKey, origin, ...changes });
const lastSegment = (): string => join(folder, 'segments', readdirSync(join(folder, 'segments')).sort().at(-1)!);

// Appends without end and prints the id of each record that was acknowledged.
const script = `
  import { createEd25519Signer, createLedger } from ${JSON.stringify(join(import.meta.dirname, 'control.ts'))};
  import { deniedDecision } from ${JSON.stringify(join(import.meta.dirname, '../../test/fakes/records.ts'))};
  import { systemClock } from ${JSON.stringify(join(import.meta.dirname, '../core/clock.ts'))};
  import { writeSync } from 'node:fs';
  const ledger = await createLedger({
    folder: process.env.FOLDER, clock: systemClock, signingKey: createEd25519Signer(process.env.KEY),
    origin: 'shop.example/ledger', segmentBytes: 200_000, checkpointMs: 20,
  });
  const append = async () => {
    for (;;) {
      const records = Array.from({ length: 20 }, () => deniedDecision({ timeMs: Date.now() }));
      try { await ledger.append(records); } catch (error) { writeSync(1, 'error ' + error.code + '\\n'); await ledger.stop().catch(() => 0); process.exit(3); }
      writeSync(1, records.map(({ id }) => id).join(' ') + '\\n');
    }
  };
  await Promise.all([append(), append(), append()]);
`;

function start(prefix: readonly string[] = []): ChildProcess {
  const [command, ...rest] = [...prefix, process.execPath];
  const env = { ...process.env, FOLDER: folder, KEY: pem };
  return spawn(command!, [...rest, '--input-type=module', '--eval', script], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

// Runs until `lines` acknowledgements were seen, then kills; gives all acknowledged ids.
async function runAndKill(child: ChildProcess, lines: number): Promise<string[]> {
  const seen: string[] = [];
  for await (const line of createInterface({ input: child.stdout! })) {
    seen.push(line);
    if (seen.length === lines) child.kill('SIGKILL');
  }
  // The pipe's last line may be half a line: what was not read whole was not heard as acknowledged.
  return seen.slice(0, -1).flatMap((line) => line.split(' '));
}

test('kill -9 in the middle of writing loses nothing that was acknowledged, again and again', async () => {
  const acknowledged: string[] = [];
  for (const lines of [3, 20, 60]) {
    acknowledged.push(...(await runAndKill(start(), lines)));
    const ledger = await open({ segmentBytes: 200_000 });
    for (const id of acknowledged) expect(ledger.findById(id)?.id).toBe(id);
    await ledger.stop();
    expect(await verifyLedger(folder, { publicKey: signingKey.publicKey })).toMatchObject({
      ok: true,
      size: ledger.size,
    });
  }
  expect(acknowledged.length).toBeGreaterThan(1_000);
}, 60_000);

test('a file size limit gives a clear error, and what was acknowledged stays', async () => {
  const child = start(['sh', '-c', 'ulimit -f 400; exec "$@"', 'sh']);
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout! })) lines.push(line);
  const acknowledged = lines.filter((line) => !line.startsWith('error')).flatMap((line) => line.split(' '));
  expect(lines.filter((line) => line.startsWith('error'))[0]).toBe('error ledger.full');
  const ledger = await open();
  for (const id of acknowledged) expect(ledger.findById(id)?.id).toBe(id);
  await ledger.stop();
  expect((await verifyLedger(folder, { publicKey: signingKey.publicKey })).ok).toBe(true);
}, 60_000);

test('a last line that was never acknowledged is cut back', async () => {
  const records = [deniedDecision(), deniedDecision()];
  let ledger = await open();
  await ledger.append(records);
  await ledger.stop();
  for (const rubbish of ['{"index":2,"previ', '\0\0\0\0\0', 'rubbish\n{"index":3}\n']) {
    appendFileSync(lastSegment(), rubbish);
    ledger = await open();
    expect(ledger.size).toBe(2);
    await ledger.stop();
  }
  ledger = await open();
  await ledger.append([deniedDecision()]);
  await ledger.stop();
  expect(await verifyLedger(folder, { publicKey: signingKey.publicKey })).toMatchObject({ ok: true, size: 3 });
});

test('a last line that was acknowledged is never cut back: the ledger refuses to open, and changes nothing', async () => {
  const ledger = await open();
  await ledger.append([deniedDecision()]);
  await ledger.append([deniedDecision()]);
  await ledger.stop();
  const path = lastSegment();
  truncateSync(path, statSync(path).size - 5);
  const before = readFileSync(path);
  await expect(open()).rejects.toMatchObject({ code: 'ledger.corrupt' });
  expect(readFileSync(path).equals(before)).toBe(true);
});

// A disk that is full, or that fails, when told to.
function faultyDisk() {
  const disk = { fault: undefined as undefined | 'write' | 'sync' | 'truncate', code: 'ENOSPC' };
  const fail = (step: string): void => {
    const failing = disk.fault === step || (disk.fault === 'truncate' && step === 'write');
    if (failing) throw Object.assign(new Error('disk'), { code: disk.code });
  };
  const openFile: LedgerOptions['openFile'] = async (path) => {
    const file = await openAppendFile(path);
    return {
      async write(bytes, position) {
        if (disk.fault !== undefined) await file.write(bytes.subarray(0, bytes.length / 2), position);
        fail('write');
        await file.write(bytes, position);
      },
      async sync() {
        fail('sync');
        await file.sync();
      },
      async truncate(length) {
        fail('truncate');
        await file.truncate(length);
      },
      close: file.close,
    };
  };
  return { disk, openFile };
}

test('a full disk: nothing is acknowledged, and the same records are taken when there is room again', async () => {
  const { disk, openFile } = faultyDisk();
  const ledger = await open({ openFile });
  const [first, second] = [deniedDecision(), deniedDecision()];
  await ledger.append([first]);
  disk.fault = 'write';
  await expect(ledger.append([second])).rejects.toMatchObject({ code: 'ledger.full' });
  expect(ledger.findById(second.id)).toBeUndefined();
  disk.fault = undefined;
  expect(await ledger.append([second])).toEqual({ added: 1, duplicates: 0 });
  await ledger.stop();
  expect(await verifyLedger(folder, { publicKey: signingKey.publicKey })).toMatchObject({ ok: true, size: 2 });
});

test.each([
  ['sync', 'EIO'],
  ['truncate', 'ENOSPC'],
] as const)('a disk that fails to %s: the ledger takes nothing more until it is opened anew', async (fault, code) => {
  const { disk, openFile } = faultyDisk();
  const ledger = await open({ openFile });
  await ledger.append([deniedDecision()]);
  Object.assign(disk, { fault, code });
  await expect(ledger.append([deniedDecision()])).rejects.toMatchObject({ code: 'ledger.failed' });
  disk.fault = undefined;
  await expect(ledger.append([deniedDecision()])).rejects.toMatchObject({ code: 'ledger.failed' });
  await ledger.stop();
  const again = await open();
  await again.append([deniedDecision()]);
  await again.stop();
  expect((await verifyLedger(folder, { publicKey: signingKey.publicKey })).ok).toBe(true);
});

test('a row that somebody took out of the index is put back when the ledger is opened', async () => {
  const records = [deniedDecision(), deniedDecision(), deniedDecision()] as const;
  let ledger = await open();
  await ledger.append(records);
  await ledger.stop();
  const index = new DatabaseSync(join(folder, 'derived', 'index.db'));
  index.exec('DELETE FROM records WHERE leaf = 1');
  index.close();
  ledger = await open();
  expect(await ledger.append(records)).toEqual({ added: 0, duplicates: 3 });
  await ledger.stop();
});
