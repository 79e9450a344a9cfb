import { setBit } from '../match/sieve.ts';

// Of hundreds of steps a request concerns few, and most have no need to be asked one by one whether theirs it is.

/** Steps in a block. */
const size = 16;
export const lastInBlock = size - 1;

/** Neighbouring steps. */
export interface Block {
  /** One of them is not surveyed, and has to be looked at in any case. */
  readonly isOpen: boolean;
  /** Their bits, from the word `first` of the survey's on. */
  readonly first: number;
  readonly masks: Int32Array;
}

function blockOf(bits: Int32Array): Block {
  const words = bits.map((bit) => bit >>> 5);
  const first = Math.min(...words);
  const isOpen = bits.includes(-1);
  const masks = new Int32Array(isOpen ? 0 : Math.max(...words) - first + 1);
  if (!isOpen) for (const bit of bits) setBit(masks, bit - first * 32);
  return { isOpen, first, masks };
}

/** @param bits per step, its bit of the survey; -1: it has none. */
export function blocksOf(bits: Int32Array): readonly Block[] {
  return Array.from({ length: Math.ceil(bits.length / size) }, (_none, index) =>
    blockOf(bits.subarray(index * size, (index + 1) * size)),
  );
}

/** Whether `hot` concerns no step of the block that begins at the step `index`; false where none begins there. */
export function isQuiet(blocks: readonly Block[], index: number, hot: Int32Array): boolean {
  if (index % size !== 0) return false;
  const { isOpen, first, masks } = blocks[index / size]!;
  if (isOpen) return false;
  for (let word = 0; word < masks.length; word += 1) if ((hot[first + word]! & masks[word]!) !== 0) return false;
  return true;
}
