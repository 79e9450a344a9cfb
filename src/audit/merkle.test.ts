import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  consistencyPath,
  createFrontier,
  emptyRoot,
  type Hash,
  hashLeaf,
  hashNode,
  inclusionPath,
  type RangeHash,
  verifyConsistencyPath,
  verifyInclusionPath,
} from './merkle.ts';
import { openTiles } from './tiles.ts';

// The definition of RFC 6962, section 2.1, word for word: slow, and plainly right.
function treeHash(leaves: readonly Hash[]): Hash {
  if (leaves.length === 0) return emptyRoot;
  if (leaves.length === 1) return leaves[0]!;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return hashNode(treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)));
}

const leavesOf = (count: number): Hash[] =>
  Array.from({ length: count }, (_, at) => hashLeaf(Buffer.from(`leaf ${at}`)));
const rangeOf =
  (leaves: readonly Hash[]): RangeHash =>
  (start, end) =>
    treeHash(leaves.slice(start, end));

test('the empty tree, and one leaf of no bytes, hash as in the RFC', () => {
  expect(emptyRoot.toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  expect(hashLeaf(Buffer.alloc(0)).toString('hex')).toBe(
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  );
});

test('the frontier has the root of the definition at every size', () => {
  const leaves = leavesOf(130);
  const frontier = createFrontier();
  for (let size = 0; size <= leaves.length; size++) {
    expect(frontier.root().equals(treeHash(leaves.slice(0, size)))).toBe(true);
    if (size < leaves.length) frontier.append(leaves[size]!);
  }
});

test('every inclusion and consistency path of small trees verifies, and none for another place', () => {
  const all = leavesOf(34);
  for (let size = 1; size <= all.length; size++) {
    const leaves = all.slice(0, size);
    const root = treeHash(leaves);
    for (let index = 0; index < size; index++) {
      const path = inclusionPath(index, size, rangeOf(leaves));
      expect(verifyInclusionPath(index, size, leaves[index]!, path, root)).toBe(true);
      expect(verifyInclusionPath(index, size, hashLeaf(Buffer.from('other')), path, root)).toBe(false);
      expect(verifyInclusionPath(index + 1, size, leaves[index]!, path, root)).toBe(false);
      expect(verifyInclusionPath(index, size, leaves[index]!, [...path, root], root)).toBe(false);
    }
    for (let oldSize = 0; oldSize <= size; oldSize++) {
      const path = consistencyPath(oldSize, size, rangeOf(leaves));
      const claim = { oldSize, oldRoot: treeHash(all.slice(0, oldSize)), newSize: size, newRoot: root, path };
      expect(verifyConsistencyPath(claim), `${oldSize} to ${size}`).toBe(true);
      expect(verifyConsistencyPath({ ...claim, oldRoot: hashLeaf(Buffer.from('x')) })).toBe(false);
      // Every tree extends the empty one.
      expect(verifyConsistencyPath({ ...claim, newRoot: hashLeaf(Buffer.from('x')) })).toBe(oldSize === 0);
    }
  }
});

test('stored hashes give the hashes of the definition, over every level and after being cut', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tiles-'));
  const leaves = leavesOf(1_300);
  let tiles = openTiles(folder);
  tiles.append(leaves.slice(0, 700));
  tiles.append(leaves.slice(700));
  const compare = (size: number): void => {
    expect(tiles.rangeHash(0, size).equals(treeHash(leaves.slice(0, size)))).toBe(true);
    expect(
      tiles
        .frontier(size)
        .root()
        .equals(treeHash(leaves.slice(0, size))),
    ).toBe(true);
  };
  for (const size of [1, 2, 255, 256, 257, 511, 512, 1_024, 1_299, 1_300]) compare(size);
  tiles.truncate(600);
  tiles.append(leaves.slice(600, 900));
  compare(900);
  tiles.close();
  truncateSync(join(folder, 'level-0.bin'), 800 * 32 + 5);
  tiles = openTiles(folder);
  expect(tiles.size).toBe(800);
  compare(800);
  tiles.close();
  rmSync(folder, { recursive: true });
});

test('a path of a large tree verifies from its ranges alone', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 300 }), fc.nat(), (size, seed) => {
      const leaves = leavesOf(size);
      const index = seed % size;
      const path = inclusionPath(index, size, rangeOf(leaves));
      return verifyInclusionPath(index, size, leaves[index]!, path, treeHash(leaves));
    }),
    { numRuns: 30 },
  );
});
