// The hashes of the tree, kept so that a proof over millions of records reads a few hundred hashes and not the records.
// Level 0 holds the hash of each leaf, level n that of each full subtree of 256^n leaves: one flat file a level.
// All of it is derived from the segments. It is trusted for nothing: a proof made from a wrong hash does not verify.

import { closeSync, fstatSync, ftruncateSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createFrontier, type Frontier, type Hash, hashBytes, hashNode, peakSizes, type RangeHash } from './merkle.ts';

const height = 8;
const width = 2 ** height;
const levels = 5;

/** The stored hashes of a ledger's tree. */
export interface Tiles {
  /** How many leaves are held. */
  readonly size: number;
  append(leaves: readonly Hash[]): void;
  /** Forgets the leaves from `size` on. */
  truncate(size: number): void;
  leaf(index: number): Hash;
  /** The hash of a range as it occurs in paths and roots: its start is a multiple of the power of two that holds it. */
  readonly rangeHash: RangeHash;
  /** The state of a tree of the first `size` leaves. */
  frontier(size: number): Frontier;
  close(): void;
}

// Stored hashes of one level: random reads, writes at the end.
function openLevel(path: string) {
  const file = openSync(path, 'a+', 0o600);
  const read = (index: number, count: number): Buffer => {
    const bytes = Buffer.alloc(count * hashBytes);
    readSync(file, bytes, 0, bytes.length, index * hashBytes);
    return bytes;
  };
  return {
    read,
    count: () => Math.floor(fstatSync(file).size / hashBytes),
    append: (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
    },
    truncate: (count: number) => ftruncateSync(file, count * hashBytes),
    close: () => closeSync(file),
  };
}

/** Opens the stored hashes in `folder`, made where it is missing. */
export function openTiles(folder: string): Tiles {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const stored = Array.from({ length: levels }, (_, level) => openLevel(join(folder, `level-${level}.bin`)));
  const [leaves] = stored as [ReturnType<typeof openLevel>];
  const held = (size: number, level: number): number => Math.floor(size / width ** level);
  let size = leaves.count();

  const hashAt = (level: number, index: number): Hash => (stored[level] as typeof leaves).read(index, 1);

  // The full subtree of 2^power leaves that starts at leaf index * 2^power.
  const subtree = (power: number, index: number): Hash => {
    const level = Math.min(Math.floor(power / height), levels - 1);
    const below = 2 ** (power - level * height);
    let row = slices((stored[level] as typeof leaves).read(index * below, below));
    while (row.length > 1) row = pairs(row);
    return row[0] as Hash;
  };

  const rangeHash: RangeHash = (start, end) => {
    const parts: Hash[] = [];
    let at = start;
    for (const count of peakSizes(end - start)) {
      parts.push(subtree(Math.log2(count), at / count));
      at += count;
    }
    return parts.slice(0, -1).reduceRight((right, left) => hashNode(left, right), parts.at(-1) as Hash);
  };

  const completeLevels = (): void => {
    for (let level = 1; level < levels; level++) {
      for (let index = (stored[level] as typeof leaves).count(); index < held(size, level); index++) {
        let row = slices((stored[level - 1] as typeof leaves).read(index * width, width));
        while (row.length > 1) row = pairs(row);
        (stored[level] as typeof leaves).append(row[0] as Hash);
      }
    }
  };

  const truncate = (to: number): void => {
    for (const [level, file] of stored.entries()) file.truncate(Math.min(file.count(), held(to, level)));
    size = Math.min(size, to);
    completeLevels();
  };
  truncate(size);

  return {
    get size() {
      return size;
    },
    append(hashes) {
      leaves.append(Buffer.concat(hashes));
      size += hashes.length;
      completeLevels();
    },
    truncate,
    leaf: (index) => hashAt(0, index),
    rangeHash,
    frontier(of) {
      let at = 0;
      const peaks = peakSizes(of).map((count) => rangeHash(at, (at += count)));
      return createFrontier(of, peaks);
    },
    close: () => stored.forEach((file) => void file.close()),
  };
}

function slices(bytes: Buffer): Hash[] {
  return Array.from({ length: bytes.length / hashBytes }, (_, at) =>
    bytes.subarray(at * hashBytes, (at + 1) * hashBytes),
  );
}

function pairs(row: readonly Hash[]): Hash[] {
  return Array.from({ length: row.length / 2 }, (_, at) => hashNode(row[2 * at] as Hash, row[2 * at + 1] as Hash));
}
