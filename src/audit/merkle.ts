// The Merkle tree of RFC 6962, section 2.1: leaves hashed with a 0x00 prefix, inner nodes with 0x01, the left subtree
// of n leaves being the largest power of two smaller than n. Verification follows RFC 9162, sections 2.1.3.2 and 2.1.4.2.

import { hash } from 'node:crypto';
import { equalConstantTime } from '../core/bytes.ts';

/** A SHA-256 hash, 32 bytes. */
export type Hash = Buffer;

export const hashBytes = 32;

/** The root of a tree without leaves: SHA-256 of nothing. */
export const emptyRoot: Hash = hash('sha256', Buffer.alloc(0), 'buffer');

const leafPrefix = Buffer.from([0]);
const nodePrefix = Buffer.from([1]);

/** The hash of a leaf. */
export function hashLeaf(leaf: Uint8Array): Hash {
  return hash('sha256', Buffer.concat([leafPrefix, leaf]), 'buffer');
}

/** The hash of an inner node. */
export function hashNode(left: Hash, right: Hash): Hash {
  return hash('sha256', Buffer.concat([nodePrefix, left, right]), 'buffer');
}

/** What must be kept of a tree to append to it and to know its root: one hash for each bit that is set in its size. */
export interface Frontier {
  readonly size: number;
  append(leaf: Hash): void;
  root(): Hash;
}

/** A frontier; `peaks` are the roots of the full subtrees of a tree of `size` leaves, largest first. */
export function createFrontier(size = 0, peaks: readonly Hash[] = []): Frontier {
  const stack = [...peaks];
  return {
    get size() {
      return size;
    },
    append(leaf) {
      let node = leaf;
      for (let rest = size; rest % 2 === 1; rest = Math.floor(rest / 2)) node = hashNode(stack.pop() as Hash, node);
      stack.push(node);
      size += 1;
    },
    root: () => stack.slice(0, -1).reduceRight((right, left) => hashNode(left, right), stack.at(-1) ?? emptyRoot),
  };
}

/** The sizes of the full subtrees of a tree of `size` leaves, largest first. */
export function peakSizes(size: number): number[] {
  const sizes: number[] = [];
  for (let rest = size; rest > 0; rest -= sizes.at(-1) as number) sizes.push(largestPowerUpTo(rest));
  return sizes;
}

function largestPowerUpTo(count: number): number {
  let power = 1;
  while (power * 2 <= count) power *= 2;
  return power;
}

// The left subtree's size: the largest power of two smaller than `count`, which is at least 2.
function split(count: number): number {
  return largestPowerUpTo(count - 1);
}

/** The hash of the leaves from `start` up to, not including, `end`. */
export type RangeHash = (start: number, end: number) => Hash;

/** The audit path of leaf `index` in the tree of `size` leaves (RFC 6962, section 2.1.1). */
export function inclusionPath(index: number, size: number, rangeHash: RangeHash): Hash[] {
  const descend = (start: number, end: number): Hash[] => {
    if (end - start === 1) return [];
    const middle = start + split(end - start);
    return index < middle
      ? [...descend(start, middle), rangeHash(middle, end)]
      : [...descend(middle, end), rangeHash(start, middle)];
  };
  return descend(0, size);
}

/** The proof that the tree of `newSize` leaves extends that of `oldSize` (RFC 6962, section 2.1.2). */
export function consistencyPath(oldSize: number, newSize: number, rangeHash: RangeHash): Hash[] {
  const descend = (kept: number, start: number, end: number, known: boolean): Hash[] => {
    if (kept === end - start) return known ? [] : [rangeHash(start, end)];
    const middle = start + split(end - start);
    return kept <= middle - start
      ? [...descend(kept, start, middle, known), rangeHash(middle, end)]
      : [...descend(kept - (middle - start), middle, end, false), rangeHash(start, middle)];
  };
  return oldSize === 0 ? [] : descend(oldSize, 0, newSize, true);
}

const half = (value: number): number => Math.floor(value / 2);

/** Whether `path` shows that `leaf` is leaf `index` of the tree of `size` leaves with `root`. */
export function verifyInclusionPath(
  index: number,
  size: number,
  leaf: Hash,
  path: readonly Hash[],
  root: Hash,
): boolean {
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) return false;
  let node = index;
  let last = size - 1;
  let computed = leaf;
  for (const sibling of path) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      computed = hashNode(sibling, computed);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      computed = hashNode(computed, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equalConstantTime(computed, root);
}

/** Two heads of what should be one growing tree, and the path that shows it. */
export interface ConsistencyClaim {
  readonly oldSize: number;
  readonly oldRoot: Hash;
  readonly newSize: number;
  readonly newRoot: Hash;
  readonly path: readonly Hash[];
}

/** Whether the path shows that the new tree extends the old one. */
export function verifyConsistencyPath({ oldSize, oldRoot, newSize, newRoot, path }: ConsistencyClaim): boolean {
  if (oldSize > newSize) return false;
  if (oldSize === newSize) return path.length === 0 && equalConstantTime(oldRoot, newRoot);
  if (oldSize === 0) return path.length === 0 && equalConstantTime(oldRoot, emptyRoot);
  const [first, ...rest] = largestPowerUpTo(oldSize) === oldSize ? [oldRoot, ...path] : path;
  if (first === undefined) return false;
  let [node, last] = [oldSize - 1, newSize - 1];
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  let [oldComputed, newComputed] = [first, first];
  for (const sibling of rest) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      oldComputed = hashNode(sibling, oldComputed);
      newComputed = hashNode(sibling, newComputed);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else {
      newComputed = hashNode(newComputed, sibling);
    }
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && equalConstantTime(oldComputed, oldRoot) && equalConstantTime(newComputed, newRoot);
}
