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
class Level {
  readonly #file: number;

  constructor(path: string) {
    this.#file = openSync(path, 'a+', 0o600);
  }

  /** Whole hashes: a file that was cut in the middle of one has one less. */
  get count(): number {
    return Math.floor(fstatSync(this.#file).size / hashBytes);
  }

  read(index: number, count: number): Hash[] {
    const bytes = Buffer.alloc(count * hashBytes);
    readSync(this.#file, bytes, 0, bytes.length, index * hashBytes);
    return slices(bytes);
  }

  append(hashes: readonly Hash[]): void {
    const bytes = Buffer.concat(hashes);
    for (let at = 0; at < bytes.length; ) at += writeSync(this.#file, bytes, at);
  }

  truncate(count: number): void {
    ftruncateSync(this.#file, Math.min(count, this.count) * hashBytes);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** Opens the stored hashes in `folder`, made where it is missing. */
export function openTiles(folder: string): Tiles {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return new StoredTiles(Array.from({ length: levels }, (_, level) => new Level(join(folder, `level-${level}.bin`))));
}

class StoredTiles implements Tiles {
  readonly #levels: readonly Level[];
  #size: number;

  constructor(stored: readonly Level[]) {
    this.#levels = stored;
    this.#size = this.#level(0).count;
    this.truncate(this.#size);
  }

  get size(): number {
    return this.#size;
  }

  append(hashes: readonly Hash[]): void {
    this.#level(0).append(hashes);
    this.#size += hashes.length;
    this.#completeLevels();
  }

  truncate(size: number): void {
    this.#size = Math.min(this.#size, size);
    for (const [level, file] of this.#levels.entries()) file.truncate(this.#held(level));
    this.#completeLevels();
  }

  leaf(index: number): Hash {
    return this.#level(0).read(index, 1)[0] as Hash;
  }

  rangeHash = (start: number, end: number): Hash => {
    let at = start;
    const parts = peakSizes(end - start).map((count) => {
      at += count;
      return this.#subtree(Math.log2(count), (at - count) / count);
    });
    return parts.slice(0, -1).reduceRight((right, left) => hashNode(left, right), parts.at(-1) as Hash);
  };

  frontier(size: number): Frontier {
    let at = 0;
    const peaks = peakSizes(size).map((count) => {
      at += count;
      return this.rangeHash(at - count, at);
    });
    return createFrontier(size, peaks);
  }

  close(): void {
    for (const file of this.#levels) file.close();
  }

  #level(level: number): Level {
    return this.#levels[level] as Level;
  }

  // How many hashes a level has for the leaves that there are.
  #held(level: number): number {
    return Math.floor(this.#size / width ** level);
  }

  // The full subtree of 2^power leaves that starts at leaf index * 2^power.
  #subtree(power: number, index: number): Hash {
    const level = Math.min(Math.floor(power / height), levels - 1);
    const below = 2 ** (power - level * height);
    return fold(this.#level(level).read(index * below, below));
  }

  #completeLevels(): void {
    for (let level = 1; level < levels; level++) {
      for (let index = this.#level(level).count; index < this.#held(level); index++) {
        this.#level(level).append([fold(this.#level(level - 1).read(index * width, width))]);
      }
    }
  }
}

function slices(bytes: Buffer): Hash[] {
  return Array.from({ length: bytes.length / hashBytes }, (_, at) =>
    bytes.subarray(at * hashBytes, (at + 1) * hashBytes),
  );
}

// The root of a full subtree, from one row of it.
function fold(row: readonly Hash[]): Hash {
  let nodes = row;
  while (nodes.length > 1) {
    nodes = Array.from({ length: nodes.length / 2 }, (_, at) =>
      hashNode(nodes[2 * at] as Hash, nodes[2 * at + 1] as Hash),
    );
  }
  return nodes[0] as Hash;
}
