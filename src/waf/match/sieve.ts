import type { Requirements } from '../regex/requirements.ts';
import { type Automaton, buildAutomaton, type Word } from './aho-corasick.ts';
import { type Kinds, kindsIn, kindsOf, ordinaryKinds } from './byte-kinds.ts';
import { kindsOfText, type Text } from './text.ts';

/**
 * The prefilter of many patterns: one pass over a text tells which of them may match it. What it rules out does not
 * match; what it lets through is still to be confirmed.
 */
export interface Sieve {
  readonly id: number;
  /** 32-bit words of a set of candidates. */
  readonly words: number;
  /** Bits of the patterns that may match, by their place in the list. Not to be changed. */
  candidates(text: Text): Int32Array;
}

export const hasBit = (bits: Int32Array, bit: number): boolean => (bits[bit >>> 5]! & (1 << (bit & 31))) !== 0;

export const setBit = (bits: Int32Array, bit: number): void => {
  bits[bit >>> 5]! |= 1 << (bit & 31);
};

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

const never: Pattern = { tag: 0, kinds: [0], minLength: 0, words: [] };

const isOrdinary = (literal: string): boolean => (kindsIn(literal) & ~ordinaryKinds) === 0;

/** The pattern as far as texts of ordinary characters are concerned. */
function ordinaryPatternOf(requirements: Requirements, tag: number): Pattern {
  const { ordinary = requirements } = requirements;
  if (ordinary === 'never') return never;
  const literals = ordinary.literals?.filter(isOrdinary);
  return literals?.length === 0 ? never : patternOf({ ...ordinary, literals }, tag);
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

/** Shortest lengths of the classes by which texts are told apart. */
const lengthClasses = [0, 1, 2, 3, 4, 6, 8, 16];
const classOfLength = Uint8Array.from({ length: 17 }, (_none, length) =>
  lengthClasses.findLastIndex((least) => least <= length),
);
const longestInClass = lengthClasses.map((_least, index) => (lengthClasses[index + 1] ?? Number.POSITIVE_INFINITY) - 1);
const maxRooms = 1024;

/** Rooms by length and kinds, worked out when first asked for. */
function createRooms(patterns: readonly Pattern[], words: number): (kinds: Kinds, length: number) => Room {
  const known = lengthClasses.map(() => new Map<Kinds, Room>());
  return (kinds, length) => {
    const lengthClass = classOfLength[Math.min(length, 16)]!;
    const rooms = known[lengthClass]!;
    const found = rooms.get(kinds);
    if (found !== undefined) return found;
    const room = roomFor(patterns, words, kinds, longestInClass[lengthClass]!);
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

/** Examines texts for patterns. */
function createExaminer(patterns: readonly Pattern[], words: number): (text: Text) => Int32Array {
  const roomOf = createRooms(patterns, words);
  const announcing: Word[] = patterns.flatMap(({ tag, words: texts }) => texts.map((text) => ({ text, tag })));
  const automaton = announcing.length === 0 ? undefined : buildAutomaton(announcing, words);
  const announced = new Int32Array(words);
  return (text) => {
    const { worded, wordless } = roomOf(kindsOfText(text), text.raw.length);
    if (automaton === undefined || !scan(automaton, text.raw, announced)) return wordless;
    const bits = new Int32Array(words);
    for (let word = 0; word < words; word += 1) bits[word] = wordless[word]! | (worded[word]! & announced[word]!);
    return bits;
  };
}

/** Texts of ordinary characters are sifted apart: few patterns can match them, and by fewer words. */
export function buildSieve(id: number, requirements: readonly Requirements[]): Sieve {
  const words = (requirements.length + 31) >>> 5;
  const examine = createExaminer(requirements.map(patternOf), words);
  const examineOrdinary = createExaminer(requirements.map(ordinaryPatternOf), words);
  return {
    id,
    words,
    candidates(text) {
      if (text.candidates !== undefined && text.sievedBy === id) return text.candidates;
      const isPlain = (kindsOfText(text) & ~ordinaryKinds) === 0;
      text.sievedBy = id;
      text.candidates = isPlain ? examineOrdinary(text) : examine(text);
      return text.candidates;
    },
  };
}
