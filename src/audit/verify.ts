// Offline verification: every line, every link, every signed checkpoint. Trusts nothing but the public key and, where
// there is one, a checkpoint that was kept elsewhere.

import { noWeaknesses, type Weaknesses } from '../api/protections.ts';
import { messageOf } from '../core/errors.ts';
import { type Checkpoint, claimedOrigin, openCheckpoint } from './checkpoint.ts';
import { readCheckpointNotes } from './checkpoint-log.ts';
import { listSegments, readLines, type Segment } from './segment.ts';
import { type LedgerFault, Walk } from './verify-walk.ts';
import { readWatermark } from './watermark.ts';

/** What verification found. */
export interface LedgerReport {
  /** Nothing is wrong. */
  readonly ok: boolean;
  readonly origin: string;
  /** How many records there are. */
  readonly size: number;
  /** How many of them the newest checkpoint covers; those behind it are protected by the chain alone. */
  readonly signedSize: number;
  readonly segments: number;
  readonly checkpoints: number;
  /** Root hash of all records, base64. */
  readonly root: string;
  /** The first hundred faults, in the order of the ledger. */
  readonly faults: readonly LedgerFault[];
}

/** What to hold a ledger against. */
export interface VerifyOptions {
  /** The raw Ed25519 key of the ledger, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** A checkpoint (signed note) that was kept apart from the ledger. It alone shows a tail cut off together with its checkpoints. */
  readonly checkpoint?: string;
  /** Which ledger it must be. */
  readonly origin?: string;
}

const maxFaults = 100;

/** Verifies the ledger in `folder`, reading every byte of it and writing none. */
export async function verifyLedger(
  folder: string,
  options: VerifyOptions,
  weaknesses: Weaknesses = noWeaknesses,
): Promise<LedgerReport> {
  const faults: LedgerFault[] = [];
  // Read before the records are: the ledger may be growing meanwhile.
  const watermark = readWatermark(folder);
  const heads = readHeads(folder, options, faults);
  const segments = listSegments(folder);
  const walk = new Walk(heads.checkpoints, faults);
  for (const segment of segments) await walkSegment(walk, segment);
  walk.finish(Math.max(watermark, heads.signedSize));
  faults.sort((a, b) => (a.from ?? -1) - (b.from ?? -1));
  const found = weaknesses.has('ledger.chain') ? [] : faults.slice(0, maxFaults);
  return {
    ok: found.length === 0,
    origin: heads.origin,
    size: walk.frontier.size,
    signedSize: heads.signedSize,
    segments: segments.length,
    checkpoints: heads.count,
    root: walk.frontier.root().toString('base64'),
    faults: found,
  };
}

async function walkSegment(walk: Walk, segment: Segment): Promise<void> {
  walk.enter(segment);
  for (const raw of readLines(segment.path)) {
    walk.take(raw);
    // The process that verifies may be one that serves.
    if (walk.frontier.size % 4096 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

interface Heads {
  readonly origin: string;
  /** Verified checkpoints by size; with a fault recorded for each that is not. */
  readonly checkpoints: readonly Checkpoint[];
  readonly signedSize: number;
  readonly count: number;
}

function readHeads(folder: string, options: VerifyOptions, faults: LedgerFault[]): Heads {
  const checkpoints: Checkpoint[] = [];
  let origin = options.origin;
  let count = 0;
  const take = (note: string, name: string): Checkpoint | undefined => {
    try {
      origin ??= claimedOrigin(note);
      const checkpoint = openCheckpoint(note, options.publicKey, origin);
      checkpoints.push(checkpoint);
      return checkpoint;
    } catch (error) {
      faults.push({ kind: 'checkpoint-forged', message: `${name} does not verify: ${messageOf(error)}` });
      return undefined;
    }
  };
  let newest = 0;
  if (options.checkpoint !== undefined) take(options.checkpoint, 'the kept checkpoint');
  for (const note of readCheckpointNotes(folder)) {
    const size = take(note ?? '', `checkpoint ${++count}`)?.size ?? newest;
    if (size < newest) {
      const message = `checkpoint ${count} is of size ${size}, behind one of size ${newest}`;
      faults.push({ kind: 'checkpoint-forged', message });
    }
    newest = Math.max(newest, size);
  }
  if (count === 0) faults.push({ kind: 'checkpoint-missing', message: 'the ledger has no checkpoints' });
  checkpoints.sort((a, b) => a.size - b.size);
  return { origin: origin ?? '', checkpoints, signedSize: checkpoints.at(-1)?.size ?? 0, count };
}
