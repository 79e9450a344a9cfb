import { type ByteSet, intersects } from '../regex/byte-set.ts';
import type { Requirements } from '../regex/requirements.ts';
import { type Automaton, buildAutomaton, type Word } from './aho-corasick.ts';
import { bytesOfText, type Text } from './text.ts';

/**
 * The prefilter of many patterns: one pass over a text tells which of them may match it. What it rules out does not
 * match; what it lets through is still to be confirmed.
 */
export interface Sieve {
  readonly id: number;
  /** Registers a pattern; its number is its bit. Before {@link Sieve.seal} only. */
  add(requirements: Requirements): number;
  /** No more patterns; builds the automaton. */
  seal(): void;
  /** 32-bit words of a set of candidates. */
  words(): number;
  /** Bits of the patterns that may match. */
  candidates(text: Text): Uint32Array;
}

/** Forgets a candidate that turned out not to match, for good: the text and the pattern stay what they are. */
export const dropBit = (bits: Uint32Array, bit: number): void => {
  bits[bit >>> 5]! &= ~(1 << (bit & 31));
};

export const hasBit = (bits: Uint32Array, bit: number): boolean => (bits[bit >>> 5]! & (1 << (bit & 31))) !== 0;

/** Long words are looked for by their beginnings; this keeps the automaton small. */
const maxWordBytes = 8;

interface Pattern {
  readonly tag: number;
  /** Indices of the sets, each of which must have a byte in the text. Many patterns share sets. */
  readonly sets: readonly number[];
  readonly minLength: number;
}

function scan(automaton: Automaton, raw: string, bits: Uint32Array): void {
  const { classes, width, next, found } = automaton;
  let state = 0;
  for (let at = 0; at < raw.length; at += 1) {
    state = next[state * width + classes[raw.charCodeAt(at)]!]!;
    const tags = found[state];
    if (tags === undefined) continue;
    for (let index = 0; index < tags.length; index += 1) {
      const tag = tags[index]!;
      bits[tag >>> 5]! |= 1 << (tag & 31);
    }
  }
}

export function createSieve(id: number): Sieve {
  const patterns: Pattern[] = [];
  /** Patterns that no word announces. */
  const wordless: Pattern[] = [];
  const words: Word[] = [];
  const sets: ByteSet[] = [];
  const setIndex = new Map<string, number>();
  let automaton: Automaton | undefined;
  /** What is known of each set and the text at hand: twice its number, and one more where they meet. */
  let known = new Uint32Array(0);
  let turn = 0;

  const internSet = (set: ByteSet): number => {
    const key = set.join();
    const found = setIndex.get(key);
    if (found !== undefined) return found;
    setIndex.set(key, sets.length);
    return sets.push(set) - 1;
  };

  const meets = (set: number, bytes: ByteSet): boolean => {
    const before = known[set]!;
    if (before >>> 1 === turn) return (before & 1) === 1;
    const does = intersects(sets[set]!, bytes);
    known[set] = (turn << 1) | (does ? 1 : 0);
    return does;
  };

  const satisfied = (pattern: Pattern, text: Text, bytes: ByteSet): boolean => {
    if (text.raw.length < pattern.minLength) return false;
    for (let index = 0; index < pattern.sets.length; index += 1) if (!meets(pattern.sets[index]!, bytes)) return false;
    return true;
  };

  /** Takes back what words announced in a text that lacks the rest. */
  const confirm = (bits: Uint32Array, text: Text, bytes: ByteSet): void => {
    for (let word = 0; word < bits.length; word += 1) {
      for (let left = bits[word]!; left !== 0; left &= left - 1) {
        const bit = 31 - Math.clz32(left & -left);
        if (!satisfied(patterns[word * 32 + bit]!, text, bytes)) bits[word]! &= ~(1 << bit);
      }
    }
  };

  const examine = (text: Text): Uint32Array => {
    const bits = new Uint32Array((patterns.length >>> 5) + 1);
    const bytes = bytesOfText(text);
    turn = (turn + 1) & 0x3fffffff;
    if (automaton !== undefined) {
      scan(automaton, text.raw, bits);
      confirm(bits, text, bytes);
    }
    for (let index = 0; index < wordless.length; index += 1) {
      const pattern = wordless[index]!;
      if (satisfied(pattern, text, bytes)) bits[pattern.tag >>> 5]! |= 1 << (pattern.tag & 31);
    }
    return bits;
  };

  return {
    id,
    add(requirements) {
      const { literals, minLength } = requirements;
      // Words of one byte occur everywhere and say no more than the sets of bytes do.
      const hasWords = literals?.every((literal) => literal.length > 1) === true;
      const pattern: Pattern = { tag: patterns.length, sets: requirements.sets.map(internSet), minLength };
      patterns.push(pattern);
      if (!hasWords) wordless.push(pattern);
      else
        for (const literal of new Set(literals)) words.push({ text: literal.slice(0, maxWordBytes), tag: pattern.tag });
      return pattern.tag;
    },
    seal() {
      if (words.length > 0) automaton = buildAutomaton(words);
      known = new Uint32Array(sets.length).fill(0xffffffff);
    },
    words: () => (patterns.length >>> 5) + 1,
    candidates(text) {
      return (text.candidates[id] ??= examine(text));
    },
  };
}
