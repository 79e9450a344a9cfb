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

/** Sets of bytes, each held once; which of them a text meets is worked out when first asked. */
interface SetTable {
  intern(set: ByteSet): number;
  /** Another text is at hand. */
  turn(): void;
  meets(set: number, bytes: ByteSet): boolean;
}

function createSetTable(): SetTable {
  const sets: ByteSet[] = [];
  const index = new Map<string, number>();
  /** Per set, twice the turn in which it was asked for, and one more where the text meets it. */
  const known: number[] = [];
  let turn = 0;
  return {
    intern(set) {
      const key = set.join();
      const found = index.get(key);
      if (found !== undefined) return found;
      index.set(key, sets.length);
      known.push(0);
      return sets.push(set) - 1;
    },
    turn() {
      turn += 1;
      if (turn < 0x3fffffff) return;
      known.fill(0);
      turn = 1;
    },
    meets(set, bytes) {
      const before = known[set]!;
      if (before >>> 1 === turn) return (before & 1) === 1;
      const does = intersects(sets[set]!, bytes);
      known[set] = (turn << 1) | (does ? 1 : 0);
      return does;
    },
  };
}

function satisfied(pattern: Pattern, text: Text, bytes: ByteSet, sets: SetTable): boolean {
  if (text.raw.length < pattern.minLength) return false;
  for (let index = 0; index < pattern.sets.length; index += 1) {
    if (!sets.meets(pattern.sets[index]!, bytes)) return false;
  }
  return true;
}

/** The patterns of a sieve. */
interface Patterns {
  readonly all: Pattern[];
  /** Those that no word announces. */
  readonly wordless: Pattern[];
  readonly words: Word[];
  readonly sets: SetTable;
}

/** Takes back what words announced in a text that lacks the rest. */
function confirm(bits: Uint32Array, patterns: Patterns, text: Text, bytes: ByteSet): void {
  for (let word = 0; word < bits.length; word += 1) {
    for (let left = bits[word]!; left !== 0; left &= left - 1) {
      const bit = 31 - Math.clz32(left & -left);
      if (!satisfied(patterns.all[word * 32 + bit]!, text, bytes, patterns.sets)) bits[word]! &= ~(1 << bit);
    }
  }
}

function examine(patterns: Patterns, automaton: Automaton | undefined, text: Text): Uint32Array {
  const bits = new Uint32Array((patterns.all.length >>> 5) + 1);
  const bytes = bytesOfText(text);
  patterns.sets.turn();
  if (automaton !== undefined) {
    scan(automaton, text.raw, bits);
    confirm(bits, patterns, text, bytes);
  }
  for (let index = 0; index < patterns.wordless.length; index += 1) {
    const pattern = patterns.wordless[index]!;
    if (satisfied(pattern, text, bytes, patterns.sets)) bits[pattern.tag >>> 5]! |= 1 << (pattern.tag & 31);
  }
  return bits;
}

export function createSieve(id: number): Sieve {
  const patterns: Patterns = { all: [], wordless: [], words: [], sets: createSetTable() };
  let automaton: Automaton | undefined;
  return {
    id,
    add({ literals, sets, minLength }) {
      // Words of one byte occur everywhere and say no more than the sets of bytes do.
      const hasWords = literals?.every((literal) => literal.length > 1) === true;
      const tag = patterns.all.length;
      const pattern: Pattern = { tag, sets: sets.map(patterns.sets.intern), minLength };
      patterns.all.push(pattern);
      if (!hasWords) patterns.wordless.push(pattern);
      else for (const literal of new Set(literals)) patterns.words.push({ text: literal.slice(0, maxWordBytes), tag });
      return tag;
    },
    seal() {
      if (patterns.words.length > 0) automaton = buildAutomaton(patterns.words);
    },
    words: () => (patterns.all.length >>> 5) + 1,
    candidates(text) {
      return (text.candidates[id] ??= examine(patterns, automaton, text));
    },
  };
}
