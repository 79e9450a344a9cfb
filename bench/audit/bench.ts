// How many records a second does the ledger take, with every batch on the medium before it is acknowledged; and how
// fast is a ledger verified? A plain file that is synced as often shows what the disk itself allows.
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Decision } from '../../src/api/record.ts';
import { createEd25519Signer, createLedger, type LedgerSigner, verifyLedger } from '../../src/audit/control.ts';
import { systemClock } from '../../src/core/clock.ts';
import { uuidV7 } from '../../src/core/ids.ts';
import {
  describeMachine,
  formatSample,
  printTable,
  type Question,
  sampleOf,
  takeTurns,
  writeResult,
} from '../harness.ts';

/** A decision as the gateway makes one. */
function decision(at: number): Decision {
  const timeMs = systemClock.now();
  return {
    kind: 'decision',
    id: uuidV7(timeMs),
    timeMs,
    plane: 'edge',
    verdict: 'allow',
    status: 200,
    method: 'GET',
    host: 'shop.example',
    path: `/api/orders/${at}`,
    remoteAddress: '203.0.113.7',
    route: '/api/orders',
    service: 'orders',
    operation: 'GET /api/orders/{orderId}',
    principal: { kind: 'user', id: `user-${at % 500}`, issuer: 'https://op.shop.example', scopes: ['orders:read'] },
    steps: ['normalise', 'limits-ip', 'authn', 'limits', 'authz', 'openapi', 'forward'].map((filter) => ({
      filter,
      outcome: 'pass',
    })),
    traceId: '0af7651916cd43dd8448eb211c80319c',
    durationMs: 1,
    snapshot: 'v1',
  };
}

const batchSize = 500;
const inFlight = 4;

interface Scene {
  readonly folder: string;
  readonly signer: LedgerSigner;
  readonly records: number;
}

/** Records in batches, some of them under way at a time, as control receives them. Gives records per second. */
async function ingest({ folder, signer, records }: Scene): Promise<number> {
  const ledger = await createLedger({ folder, clock: systemClock, signingKey: signer, origin: 'bench.example/ledger' });
  const batches = Array.from({ length: Math.ceil(records / batchSize) }, (_, batch) =>
    Array.from({ length: batchSize }, (_, at) => decision(batch * batchSize + at)),
  );
  const start = performance.now();
  const lane = async (): Promise<void> => {
    for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) await ledger.ingest(batch);
  };
  await Promise.all(Array.from({ length: inFlight }, lane));
  const seconds = (performance.now() - start) / 1000;
  const { size } = ledger;
  await ledger.stop();
  return size / seconds;
}

/** The same bytes to a plain file, synced once a batch. */
async function plainFile({ folder, records }: Scene): Promise<number> {
  const lines = Array.from({ length: records }, (_, at) => `${JSON.stringify(decision(at))}\n`);
  const file = await open(join(folder, 'plain'), 'w');
  const start = performance.now();
  for (let at = 0; at < lines.length; at += batchSize) {
    await file.write(lines.slice(at, at + batchSize).join(''));
    await file.datasync();
  }
  const seconds = (performance.now() - start) / 1000;
  await file.close();
  return records / seconds;
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'merlon-bench-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const question: Question = async (settings) => {
  const machine = describeMachine();
  const signer = createEd25519Signer(generateKeyPairSync('ed25519').privateKey);
  const records = settings.quick ? 2000 : 100_000;
  const ingestOnce = (): Promise<number> =>
    inFolder((folder) => ingest({ folder: join(folder, 'l'), signer, records }));
  const verifyOnce = (): Promise<number> =>
    inFolder(async (parent) => {
      const folder = join(parent, 'l');
      await ingest({ folder, signer, records });
      const start = performance.now();
      const report = await verifyLedger(folder, { publicKey: signer.publicKey });
      if (!report.ok) throw new Error(JSON.stringify(report.faults));
      return report.size / ((performance.now() - start) / 1000);
    });
  const results = await takeTurns(
    [
      { name: 'ledger: ingest', measure: ingestOnce },
      {
        name: 'plain file, synced as often',
        measure: () => inFolder((folder) => plainFile({ folder, signer, records })),
      },
      { name: 'ledger: verify', measure: verifyOnce },
    ],
    settings.quick ? 1 : 5,
  );
  const samples = [...results].map(([name, values]) => [name, sampleOf(values)] as const);
  printTable(
    `Records per second (${records} records, ${batchSize} a batch, ${inFlight} batches at a time)`,
    ['what', 'records/s'],
    samples.map(([name, sample]) => [name, formatSample(sample)]),
  );
  writeResult('audit', settings, machine, { records, batchSize, inFlight, perSecond: Object.fromEntries(samples) });
};
