// The walk over the lines of a ledger that finds and locates what is wrong. It goes on after a fault.

import { basename } from 'node:path';
import type { Checkpoint } from './checkpoint.ts';
import { createFrontier, type Frontier, type Hash, hashLeaf } from './merkle.ts';
import { noPrevious, type RawLine, type Segment, tryParseLine } from './segment.ts';

/** What is wrong at one place. */
export interface LedgerFault {
  readonly kind: /** A line is not what was written there. */
    | 'changed'
    /** Records are missing in the middle. */
    | 'deleted'
    /** A record stands where another belongs. */
    | 'moved'
    /** A whole file of records is missing. */
    | 'segment-missing'
    /** Records that were signed or acknowledged are missing at the end. */
    | 'truncated'
    /** The records are in themselves consistent, but not those that were signed. */
    | 'rewritten'
    /** A checkpoint that the key has not signed, that is no checkpoint, or that stands out of order. */
    | 'checkpoint-forged'
    /** There is no checkpoint to hold the records against. */
    | 'checkpoint-missing';
  /** First record concerned, and the one after the last. */
  readonly from?: number;
  readonly to?: number;
  /** File name and line (from 1), where the fault is in a segment. */
  readonly segment?: string;
  readonly line?: number;
  /** One sentence. */
  readonly message: string;
}

/** A walk in progress. */
export interface Walk {
  readonly frontier: Frontier;
  enter(segment: Segment): void;
  take(line: RawLine): void;
  /** Ends the walk. `durable`: so many records were signed or acknowledged. */
  finish(durable: number): void;
}

interface Gap {
  from: number;
  readonly to: number;
  readonly place: { readonly segment: string; readonly line: number };
}

const maxFaults = 1_000;

/** Begins a walk. `checkpoints`: verified, by size. Faults are added to `faults`. */
export function createWalk(checkpoints: readonly Checkpoint[], faults: LedgerFault[]): Walk {
  const frontier = createFrontier();
  const heads = createHeadCheck(checkpoints, frontier);
  let gaps: Gap[] = [];
  let expected = 0;
  // Undefined behind a fault: there is nothing to compare the next link with.
  let previous: Hash | undefined = noPrevious;
  let place = { segment: '', line: 0 };
  let placeBefore = place;
  let torn: typeof place | undefined;
  let broken = false;

  const add = (fault: LedgerFault): void => {
    broken = true;
    if (faults.length < maxFaults) faults.push(fault);
  };
  const addAt = (kind: LedgerFault['kind'], index: number, message: string): void =>
    add({ kind, from: index, to: index + 1, ...place, message });

  const append = (leaf: Hash): void => {
    frontier.append(leaf);
    const mismatch = broken ? undefined : heads();
    if (mismatch !== undefined) add(mismatch);
  };

  const follow = (leaf: Hash, index: number, link: Hash): void => {
    if (index > expected && gaps.length < maxFaults) gaps.push({ from: expected, to: index, place });
    if (index > expected) broken = true;
    else if (previous !== undefined && !link.equals(previous)) {
      const message = `record ${index - 1} is not the one that record ${index} was linked to`;
      add({ kind: 'changed', from: index - 1, to: index, ...placeBefore, message });
    }
    append(leaf);
    expected = index + 1;
    previous = leaf;
    placeBefore = place;
  };

  const stray = (index: number): void => {
    gaps = gaps.flatMap((gap) => without(gap, index));
    addAt('moved', index, `record ${index} stands where record ${expected} belongs`);
    previous = undefined;
  };

  const unread = (leaf: Hash): void => {
    addAt('changed', expected, `record ${expected} is not a record that the ledger wrote`);
    append(leaf);
    expected += 1;
    previous = undefined;
  };

  const endSegment = (last: boolean): void => {
    if (torn !== undefined && !last) {
      place = torn;
      addAt('changed', expected, `record ${expected} is cut off`);
    }
    torn = undefined;
  };

  const first = heads();
  if (first !== undefined) add(first);

  return {
    frontier,
    enter(segment) {
      endSegment(false);
      place = { segment: basename(segment.path), line: 0 };
      if (segment.first > expected) {
        const message = `records ${expected} to ${segment.first - 1} are missing before the segment \`${place.segment}\``;
        add({ kind: 'segment-missing', from: expected, to: segment.first, segment: place.segment, message });
        expected = segment.first;
        previous = undefined;
      }
    },
    take({ bytes, complete }) {
      place = { ...place, line: place.line + 1 };
      if (!complete) {
        torn = place;
        return;
      }
      const line = tryParseLine(bytes);
      const leaf = hashLeaf(bytes);
      if (line === undefined) unread(leaf);
      else if (line.index < expected) stray(line.index);
      else follow(leaf, line.index, line.previous);
    },
    finish(durable) {
      endSegment(true);
      for (const { from, to, place: at } of gaps) {
        add({ kind: 'deleted', from, to, ...at, message: `${recordsText(from, to)} missing` });
      }
      if (expected < durable) {
        const message = `the ledger ends at record ${expected - 1}, and ${durable} records were signed or acknowledged`;
        add({ kind: 'truncated', from: expected, to: durable, message });
      }
    },
  };
}

function recordsText(from: number, to: number): string {
  return to - from === 1 ? `record ${from} is` : `records ${from} to ${to - 1} are`;
}

function without(gap: Gap, index: number): Gap[] {
  if (index < gap.from || index >= gap.to) return [gap];
  return [
    { ...gap, to: index },
    { ...gap, from: index + 1 },
  ].filter(({ from, to }) => from < to);
}

// Compares the root with each checkpoint as the tree reaches its size.
function createHeadCheck(checkpoints: readonly Checkpoint[], frontier: Frontier): () => LedgerFault | undefined {
  let next = 0;
  let good = 0;
  return () => {
    for (; checkpoints[next]?.size === frontier.size; next++) {
      const { size, root } = checkpoints[next] as Checkpoint;
      if (!frontier.root().equals(root)) {
        const range = size === 0 ? {} : { from: good, to: size };
        const message = `the records from ${good} up to ${size - 1} are not those of the checkpoint at size ${size}`;
        return { kind: 'rewritten', ...range, message };
      }
      good = size;
    }
    return undefined;
  };
}
