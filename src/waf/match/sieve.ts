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
  /** Bits of the patterns that may match. */
  candidates(text: Text): Uint32Array;
}

export const hasBit = (bits: Uint32Array, bit: number): boolean => (bits[bit >>> 5]! & (1 << (bit & 31))) !== 0;

/** Long words are looked for by their beginnings; this keeps the automaton small. */
const maxWordBytes = 8;

interface Pattern {
  readonly sets: readonly ByteSet[];
  readonly minLength: number;
  readonly hasWords: boolean;
}

function satisfied(pattern: Pattern, text: Text, bytes: ByteSet): boolean {
  if (text.raw.length < pattern.minLength) return false;
  for (const set of pattern.sets) if (!intersects(set, bytes)) return false;
  return true;
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
  const words: Word[] = [];
  let automaton: Automaton | undefined;

  const examine = (text: Text): Uint32Array => {
    const bits = new Uint32Array((patterns.length >>> 5) + 1);
    if (automaton !== undefined) scan(automaton, text.raw, bits);
    const bytes = bytesOfText(text);
    for (let tag = 0; tag < patterns.length; tag += 1) {
      const pattern = patterns[tag]!;
      const mask = 1 << (tag & 31);
      const reached = !pattern.hasWords || (bits[tag >>> 5]! & mask) !== 0;
      if (reached && satisfied(pattern, text, bytes)) bits[tag >>> 5]! |= mask;
      else bits[tag >>> 5]! &= ~mask;
    }
    return bits;
  };

  return {
    id,
    add(requirements) {
      const { literals, sets, minLength } = requirements;
      // Words of one byte occur everywhere and say no more than the sets of bytes do.
      const hasWords = literals !== undefined && literals.every((literal) => literal.length > 1);
      patterns.push({ sets, minLength, hasWords });
      const tag = patterns.length - 1;
      if (hasWords) words.push(...[...new Set(literals)].map((text) => ({ text: text.slice(0, maxWordBytes), tag })));
      return tag;
    },
    seal() {
      if (words.length > 0) automaton = buildAutomaton(words);
    },
    candidates(text) {
      return (text.candidates[id] ??= examine(text));
    },
  };
}
