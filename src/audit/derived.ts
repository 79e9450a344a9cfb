// What the ledger derives from its segments to answer quickly: the tree's hashes and the searchable index.

import { join } from 'node:path';
import { type Hash, hashLeaf } from './merkle.ts';
import { openRecordIndex, type Placed, type RecordIndex } from './record-index.ts';
import { type Position, type ScanEnd, type ScannedRecord, scanRecords } from './scan.ts';
import { readLineAt, segmentAt } from './segment.ts';
import { openTiles, type Tiles } from './tiles.ts';

/** A record with its place and its leaf hash. */
export interface Leaf extends Placed {
  readonly leaf: Hash;
}

/** Tree and index, kept in step. */
export interface Derived {
  /** How many records, from the first on, both hold. */
  readonly size: number;
  readonly tiles: Tiles;
  readonly index: RecordIndex;
  append(leaves: readonly Leaf[]): void;
  /** Forgets the records from `size` on, in both. */
  truncate(size: number): void;
  close(): void;
}

/** Opens what is derived in `folder`, or begins it anew. */
export function openDerived(folder: string): Derived {
  const tiles = openTiles(join(folder, 'derived'));
  const index = openRecordIndex(join(folder, 'derived', 'index.db'));
  const size = (): number => Math.min(tiles.size, index.size);
  return {
    get size() {
      return size();
    },
    tiles,
    index,
    append(leaves) {
      index.append(leaves);
      tiles.append(leaves.map(({ leaf }) => leaf));
    },
    truncate(to) {
      index.truncate(to);
      tiles.truncate(to);
    },
    close() {
      index.close();
      tiles.close();
    },
  };
}

/**
 * The position behind the first `size` records. Undefined where what is derived does not know it, or where the disk
 * does not have that record there.
 */
export function positionAt(folder: string, derived: Derived, size: number): Position | undefined {
  const place = size === 0 ? undefined : derived.index.at(size - 1);
  if (place === undefined) return undefined;
  const segment = segmentAt(folder, place.segment);
  const previous = derived.tiles.leaf(size - 1);
  const line = readLineAt(segment.path, place.offset, place.length + 1);
  if (line?.at(-1) !== 10 || !hashLeaf(line.subarray(0, -1)).equals(previous)) return undefined;
  return { index: size, previous, segment, offset: place.offset + line.length };
}

const batchSize = 5_000;

/** Reads the records from `from` on into `derived`, which must hold exactly those before. `each` sees every leaf. */
export function deriveFrom(folder: string, derived: Derived, from: Position, each: (leaf: Hash) => void): ScanEnd {
  const scan = scanRecords(folder, from);
  let batch: Leaf[] = [];
  for (;;) {
    const step = scan.next();
    if (step.done === true || batch.length >= batchSize) {
      if (batch.length > 0) derived.append(batch);
      batch = [];
    }
    if (step.done === true) return step.value;
    batch.push(toLeaf(step.value));
    each(step.value.leaf);
  }
}

function toLeaf({ record, leaf, at, length }: ScannedRecord): Leaf {
  return { index: at.index, segment: at.segment.first, offset: at.offset, length, record, leaf };
}
