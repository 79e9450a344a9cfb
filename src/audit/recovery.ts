// Opening a ledger: find its end, and make sure that nothing which was acknowledged or signed is missing.

import { truncateSync } from 'node:fs';
import { messageOf } from '../core/errors.ts';
import { type Checkpoint, openCheckpoint } from './checkpoint.ts';
import { type Derived, deriveFrom, positionAt } from './derived.ts';
import { corruptError } from './errors.ts';
import type { Frontier } from './merkle.ts';
import { ledgerStart, type Position, type ScanEnd } from './scan.ts';
import { listSegments } from './segment.ts';

/** What recovery starts from. */
export interface RecoveryInput {
  readonly folder: string;
  readonly origin: string;
  readonly publicKey: Uint8Array;
  readonly derived: Derived;
  /** The newest signed note, if there is one. */
  readonly note: string | undefined;
  /** How many records are known to be on the medium. */
  readonly watermark: number;
}

/** The end of the ledger. */
export interface Recovered {
  readonly tail: Position;
  readonly frontier: Frontier;
}

/**
 * Brings what is derived up to date, cuts back a last batch that was never acknowledged, and gives the end of the
 * ledger. Throws `ledger.corrupt`, having changed no segment, where an acknowledged or signed record is missing or changed.
 */
export function recover(input: RecoveryInput): Recovered {
  const { folder, derived } = input;
  const checkpoint = openLast(input);
  const signedSize = checkpoint?.size ?? 0;
  const start = trustedStart(input, checkpoint);
  derived.truncate(start.index);
  const frontier = derived.tiles.frontier(start.index);
  // The root at the signed size, caught as the scan passes it.
  let signedRoot = frontier.size === signedSize ? frontier.root() : undefined;
  const end = deriveFrom(folder, derived, start, (leaf) => {
    frontier.append(leaf);
    if (frontier.size === signedSize) signedRoot = frontier.root();
  });
  checkEnd(input, end, signedSize);
  if (checkpoint !== undefined && signedRoot?.equals(checkpoint.root) !== true) {
    throw corruptError(folder, `its records are not those of the checkpoint at size ${signedSize}`);
  }
  if (end.damaged) truncateSync(end.segment.path, end.offset);
  return { tail: end, frontier };
}

function openLast({ folder, note, publicKey, origin }: RecoveryInput): Checkpoint | undefined {
  if (note === undefined) {
    if (listSegments(folder).length > 0) throw corruptError(folder, 'its checkpoints are missing');
    return undefined;
  }
  try {
    return openCheckpoint(note, publicKey, origin);
  } catch (error) {
    throw corruptError(folder, `its last checkpoint does not verify: ${messageOf(error)}`);
  }
}

// Records under a signed root need not be read again, as long as what was derived from them still has that root.
function trustedStart({ folder, derived }: RecoveryInput, checkpoint: Checkpoint | undefined): Position {
  if (checkpoint === undefined || checkpoint.size === 0 || derived.size < checkpoint.size) return ledgerStart(folder);
  if (!derived.tiles.rangeHash(0, checkpoint.size).equals(checkpoint.root)) return ledgerStart(folder);
  return positionAt(folder, derived, checkpoint.size) ?? ledgerStart(folder);
}

function checkEnd({ folder, watermark }: RecoveryInput, end: ScanEnd, signedSize: number): void {
  const durable = Math.max(watermark, signedSize);
  if (end.index < durable) {
    throw corruptError(folder, `record ${end.index} is damaged or missing, and ${durable} records were acknowledged`);
  }
  // A segment is begun only after the one before is on the medium, so damage can only be at the very end.
  if (end.damaged && end.more) throw corruptError(folder, `record ${end.index} is damaged or missing`);
}
