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

interface Place {
  readonly segment: string;
  readonly line: number;
}

interface Gap {
  readonly from: number;
  readonly to: number;
  readonly place: Place;
}

const maxFaults = 1_000;

/** A walk in progress: `enter` each segment, `take` each of its lines, `finish`. Faults are added to what it was given. */
export class Walk {
  readonly frontier: Frontier = createFrontier();
  readonly #faults: LedgerFault[];
  readonly #checkHeads: () => LedgerFault | undefined;
  #gaps: Gap[] = [];
  #expected = 0;
  // Undefined behind a fault: there is nothing to compare the next link with.
  #previous: Hash | undefined = noPrevious;
  #place: Place = { segment: '', line: 0 };
  #placeBefore: Place = this.#place;
  #torn: Place | undefined;
  #broken = false;

  /** `checkpoints`: verified, by size. */
  constructor(checkpoints: readonly Checkpoint[], faults: LedgerFault[]) {
    this.#faults = faults;
    this.#checkHeads = createHeadCheck(checkpoints, this.frontier);
    const mismatch = this.#checkHeads();
    if (mismatch !== undefined) this.#add(mismatch);
  }

  enter(segment: Segment): void {
    if (this.#torn !== undefined) {
      this.#place = this.#torn;
      this.#addAt('changed', this.#expected, `record ${this.#expected} is cut off`);
      this.#torn = undefined;
    }
    const name = basename(segment.path);
    this.#place = { segment: name, line: 0 };
    if (segment.first <= this.#expected) return;
    const [from, to] = [this.#expected, segment.first];
    const message = `${recordsText(from, to)} missing before the segment \`${name}\``;
    this.#add({ kind: 'segment-missing', from, to, segment: name, message });
    this.#expected = to;
    this.#previous = undefined;
  }

  take({ bytes, complete }: RawLine): void {
    this.#place = { ...this.#place, line: this.#place.line + 1 };
    if (!complete) {
      this.#torn = this.#place;
      return;
    }
    const line = tryParseLine(bytes);
    const leaf = hashLeaf(bytes);
    if (line === undefined) this.#takeUnreadable(leaf);
    else if (line.index < this.#expected) this.#takeStray(line.index);
    else this.#takeNext(leaf, line.index, line.previous);
  }

  /** Ends the walk. `durable`: so many records were signed or acknowledged. */
  finish(durable: number): void {
    for (const { from, to, place } of this.#gaps) {
      this.#add({ kind: 'deleted', from, to, ...place, message: `${recordsText(from, to)} missing` });
    }
    if (this.#expected >= durable) return;
    const message = `the ledger ends at record ${this.#expected - 1}, and ${durable} records were signed or acknowledged`;
    this.#add({ kind: 'truncated', from: this.#expected, to: durable, message });
  }

  #takeNext(leaf: Hash, index: number, link: Hash): void {
    if (index > this.#expected) {
      this.#broken = true;
      if (this.#gaps.length < maxFaults) this.#gaps.push({ from: this.#expected, to: index, place: this.#place });
    } else if (this.#previous !== undefined && !link.equals(this.#previous)) {
      const message = `record ${index - 1} is not the one that record ${index} was linked to`;
      this.#add({ kind: 'changed', from: index - 1, to: index, ...this.#placeBefore, message });
    }
    this.#append(leaf);
    this.#expected = index + 1;
    this.#previous = leaf;
    this.#placeBefore = this.#place;
  }

  #takeStray(index: number): void {
    this.#gaps = this.#gaps.flatMap((gap) => without(gap, index));
    this.#addAt('moved', index, `record ${index} stands where record ${this.#expected} belongs`);
    this.#previous = undefined;
  }

  #takeUnreadable(leaf: Hash): void {
    this.#addAt('changed', this.#expected, `record ${this.#expected} is not a record that the ledger wrote`);
    this.#append(leaf);
    this.#expected += 1;
    this.#previous = undefined;
  }

  // Behind a fault no root can be right, and would only repeat it.
  #append(leaf: Hash): void {
    this.frontier.append(leaf);
    const mismatch = this.#broken ? undefined : this.#checkHeads();
    if (mismatch !== undefined) this.#add(mismatch);
  }

  #addAt(kind: LedgerFault['kind'], index: number, message: string): void {
    this.#add({ kind, from: index, to: index + 1, ...this.#place, message });
  }

  #add(fault: LedgerFault): void {
    this.#broken = true;
    if (this.#faults.length < maxFaults) this.#faults.push(fault);
  }
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
