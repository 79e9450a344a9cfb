// One commit: leave out what the ledger holds already, write and sync the rest, derive what is derived, move the watermark.

import type { Derived } from './derived.ts';
import { deriveFrom, positionAt } from './derived.ts';
import { corruptError, fullError, isFull } from './errors.ts';
import type { Frontier } from './merkle.ts';
import { ledgerStart } from './scan.ts';
import type { Encoded, SegmentWriter } from './segment-writer.ts';
import type { Watermark } from './watermark.ts';

/** What a commit works on. */
export interface CommitParts {
  readonly folder: string;
  readonly derived: Derived;
  readonly watermark: Watermark;
  readonly frontier: Frontier;
  readonly writer: SegmentWriter;
}

/** Commits batches, one after the other; gives the records that were added. */
export type Commit = (batch: readonly Encoded[]) => Promise<ReadonlySet<Encoded>>;

/** The commit over `parts`. */
export function createCommit({ folder, derived, watermark, frontier, writer }: CommitParts): Commit {
  // Without its index the ledger cannot tell a record that was sent twice, so the index is mended before more is taken.
  const mend = (): void => {
    derived.truncate(derived.size);
    const from = positionAt(folder, derived, derived.size) ?? ledgerStart(folder);
    if (from.index === 0) derived.truncate(0);
    const { index } = deriveFrom(folder, derived, from, () => undefined);
    if (index !== writer.tail.index) throw corruptError(folder, `record ${index} has changed on the disk`);
  };

  const selectFresh = (batch: readonly Encoded[]): Encoded[] => {
    const seen = new Set<string>();
    return batch.filter(({ record: { id } }) => {
      if (seen.has(id) || derived.index.find(id) !== undefined) return false;
      seen.add(id);
      return true;
    });
  };

  return async (batch) => {
    try {
      if (derived.size !== writer.tail.index) mend();
      const fresh = selectFresh(batch);
      if (fresh.length === 0) return new Set();
      const leaves = await writer.write(fresh);
      for (const { leaf } of leaves) frontier.append(leaf);
      tryDerive(derived, leaves);
      watermark.set(writer.tail.index);
      return new Set(fresh);
    } catch (error) {
      throw isFull(error) ? fullError(folder, error) : error;
    }
  };
}

// What is derived may fail (it needs disk space too) without harm: the records are safe, and the next commit mends it.
function tryDerive(derived: Derived, leaves: Parameters<Derived['append']>[0]): void {
  try {
    derived.append(leaves);
  } catch {
    // Seen by the next commit: `derived.size` lags behind.
  }
}
