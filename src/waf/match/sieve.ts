import type { Requirements } from '../regex/requirements.ts';
import { type Automaton, buildAutomaton, type Word } from './aho-corasick.ts';
import { type Kinds, kindsOf } from './byte-kinds.ts';
import { kindsOfText, type Text } from './text.ts';

/**
 * The prefilter of many patterns: one pass over a text tells which of them may match it. What it rules out does not
 * match; what it lets through is still to be confirmed.
 */
export interface Sieve {
  readonly id: number;
  /** 32-bit words of a set of candidates. */
  readonly words: number;
  /** Bits of the patterns that may match, by their place in the list. Not to be changed: see {@link dropBit}. */
  candidates(text: Text): Int32Array;
}

export const hasBit = (bits: Int32Array, bit: number): boolean => (bits[bit >>> 5]! & (1 << (bit & 31))) !== 0;

export const setBit = (bits: Int32Array, bit: number): void => {
  bits[bit >>> 5]! |= 1 << (bit & 31);
};

/** Forgets a candidate that turned out not to match, for good: the text and the pattern stay what they are. */
export function dropBit(text: Text, sieve: number, bit: number): void {
  const bits = text.candidates![sieve]!.slice();
  bits[bit >>> 5]! &= ~(1 << (bit & 31));
  text.candidates![sieve] = bits;
  if (text.noted !== undefined) text.noted.length = 0;
}

/** Long words are looked for by their beginnings; this keeps the automaton small. */
const maxWordBytes = 8;

interface Pattern {
  readonly tag: number;
  /** A text needs a byte of each. */
  readonly kinds: readonly Kinds[];
  readonly minLength: number;
  /** Beginnings of words one of which a text needs; empty: no word announces the pattern. */
  readonly words: readonly string[];
}

function patternOf({ literals, sets, minLength }: Requirements, tag: number): Pattern {
  // Words of one byte occur everywhere and say no more than the kinds of bytes do.
  const hasWords = literals?.every((literal) => literal.length > 1) === true;
  const words = hasWords ? new Set(literals?.map((literal) => literal.slice(0, maxWordBytes))) : [];
  return { tag, kinds: sets.map(kindsOf), minLength, words: [...words] };
}

/** Which patterns texts of some kinds of bytes and some length have room for. */
interface Room {
  /** Those that a word must announce besides. */
  readonly worded: Int32Array;
  /** The others. */
  readonly wordless: Int32Array;
}

function roomFor(patterns: readonly Pattern[], words: number, kinds: Kinds, length: number): Room {
  const room: Room = { worded: new Int32Array(words), wordless: new Int32Array(words) };
  for (const pattern of patterns) {
    if (pattern.minLength > length || pattern.kinds.some((needed) => (needed & kinds) === 0)) continue;
    setBit(pattern.words.length > 0 ? room.worded : room.wordless, pattern.tag);
  }
  return room;
}

/** Texts are told apart by length up to this many bytes. */
const maxLengthClass = 16;
const maxRooms = 512;

/** Rooms by length and kinds, worked out when first asked for. */
function createRooms(patterns: readonly Pattern[], words: number): (kinds: Kinds, length: number) => Room {
  const known = Array.from({ length: maxLengthClass + 1 }, () => new Map<Kinds, Room>());
  return (kinds, length) => {
    const rooms = known[Math.min(length, maxLengthClass)]!;
    const found = rooms.get(kinds);
    if (found !== undefined) return found;
    const room = roomFor(patterns, words, kinds, length < maxLengthClass ? length : Number.POSITIVE_INFINITY);
    if (rooms.size >= maxRooms) rooms.clear();
    rooms.set(kinds, room);
    return room;
  };
}

/** Adds to `bits` what the words in a text announce. False where there is none. */
function scan({ classes, next, width, rows }: Automaton, raw: string, bits: Int32Array): boolean {
  let state = 0;
  let any = false;
  for (let at = 0; at < raw.length; at += 1) {
    state = next[state + classes[raw.charCodeAt(at)]!]!;
    if (state >= 0) continue;
    state = ~state;
    if (!any) bits.fill(0);
    any = true;
    const row = next[state + width]!;
    for (let word = 0; word < bits.length; word += 1) bits[word]! |= rows[row + word]!;
  }
  return any;
}

export function buildSieve(id: number, requirements: readonly Requirements[]): Sieve {
  const patterns = requirements.map(patternOf);
  const words = (patterns.length + 31) >>> 5;
  const roomOf = createRooms(patterns, words);
  const announcing: Word[] = patterns.flatMap(({ tag, words: texts }) => texts.map((text) => ({ text, tag })));
  const automaton = announcing.length === 0 ? undefined : buildAutomaton(announcing, words);
  const announced = new Int32Array(words);
  const examine = (text: Text): Int32Array => {
    const { worded, wordless } = roomOf(kindsOfText(text), text.raw.length);
    if (automaton === undefined || !scan(automaton, text.raw, announced)) return wordless;
    return wordless.map((bits, word) => bits | (worded[word]! & announced[word]!));
  };
  return {
    id,
    words,
    candidates(text) {
      text.candidates ??= [];
      return (text.candidates[id] ??= examine(text));
    },
  };
}
