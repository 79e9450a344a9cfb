import { isWordByte } from '../regex/byte-set.ts';
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
  /** Bits of the patterns that may match, by their place in the list. Not to be changed, and not to be kept. */
  candidates(text: Text): Int32Array;
  /** The same among a few patterns. Valid until the next call. */
  few(text: Text, tags: readonly number[]): Int32Array;
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
  /** Words that are whole count only where the text's own word ends, too. */
  readonly endsWord: boolean;
}

const never: Pattern = { tag: 0, kinds: [0], minLength: 0, words: [], endsWord: false };

const isOrdinary = (literal: string): boolean => (kindsIn(literal) & ~ordinaryKinds) === 0;

/** The pattern as far as texts of ordinary characters are concerned. */
function ordinaryPatternOf(requirements: Requirements, tag: number): Pattern {
  const { ordinary = requirements } = requirements;
  if (ordinary === 'never') return never;
  const literals = ordinary.literals?.filter(isOrdinary);
  return literals?.length === 0 ? never : patternOf({ ...ordinary, literals }, tag);
}

function patternOf({ literals, sets, minLength, endsWord = false }: Requirements, tag: number): Pattern {
  // Words of one byte occur everywhere and say no more than the kinds of bytes do.
  const hasWords = literals?.every((literal) => literal.length > 1) === true;
  const words = hasWords ? new Set(literals?.map((literal) => literal.slice(0, maxWordBytes))) : [];
  return { tag, kinds: sets.map(kindsOf), minLength, words: [...words], endsWord };
}

/** Which patterns texts of some kinds of bytes and some length have room for. */
interface Room {
  /** Those that a word must announce besides. */
  readonly worded: Int32Array;
  /** The others. */
  readonly wordless: Int32Array;
}

const hasRoom = ({ minLength, kinds: needed }: Pattern, kinds: Kinds, length: number): boolean => {
  if (minLength > length) return false;
  for (let index = 0; index < needed.length; index += 1) if ((needed[index]! & kinds) === 0) return false;
  return true;
};

function roomFor(patterns: readonly Pattern[], words: number, kinds: Kinds, length: number): Room {
  const room: Room = { worded: new Int32Array(words), wordless: new Int32Array(words) };
  for (const pattern of patterns) {
    if (!hasRoom(pattern, kinds, length)) continue;
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
    if (at + 1 < raw.length && isWordByte(raw.charCodeAt(at + 1))) continue;
    for (let word = 0; word < bits.length; word += 1) bits[word]! |= rows[row + bits.length + word]!;
  }
  return any;
}

/** Looks texts over for patterns. */
interface Examiner {
  /** Candidates among all patterns; `into` is used where there are any that words announce. */
  all(text: Text, into: Int32Array): Int32Array;
  /** Candidates among a few: most often there is no room for them, and the text need not be read. */
  few(text: Text, tags: readonly number[], into: Int32Array): Int32Array;
}

function createExaminer(patterns: readonly Pattern[], words: number): Examiner {
  const roomOf = createRooms(patterns, words);
  const announcing: Word[] = patterns.flatMap(({ tag, endsWord, words: texts }) =>
    texts.map((text) => ({ text, tag, ends: endsWord && text.length < maxWordBytes })),
  );
  const automaton = announcing.length === 0 ? undefined : buildAutomaton(announcing, words);
  const announced = new Int32Array(words);
  return {
    all(text, into) {
      const { worded, wordless } = roomOf(kindsOfText(text), text.raw.length);
      if (automaton === undefined || !scan(automaton, text.raw, announced)) return wordless;
      for (let word = 0; word < words; word += 1) into[word] = wordless[word]! | (worded[word]! & announced[word]!);
      return into;
    },
    few(text, tags, into) {
      const kinds = kindsOfText(text);
      let isScanned = false;
      into.fill(0);
      for (let index = 0; index < tags.length; index += 1) {
        const pattern = patterns[tags[index]!]!;
        if (!hasRoom(pattern, kinds, text.raw.length)) continue;
        if (pattern.words.length > 0 && !isScanned) {
          isScanned = true;
          if (!scan(automaton!, text.raw, announced)) announced.fill(0);
        }
        if (pattern.words.length === 0 || hasBit(announced, pattern.tag)) setBit(into, pattern.tag);
      }
      return into;
    },
  };
}

/** Candidates that were found last, for a text that is asked about again: by number, so that no text is kept alive. */
interface Slot {
  readonly bits: Int32Array;
  finding: number;
}

const slotCount = 16;

/** Texts of ordinary characters are sifted apart: few patterns can match them, and by fewer words. */
export function buildSieve(id: number, requirements: readonly Requirements[]): Sieve {
  const words = (requirements.length + 31) >>> 5;
  const anyExaminer = createExaminer(requirements.map(patternOf), words);
  const ordinaryExaminer = createExaminer(requirements.map(ordinaryPatternOf), words);
  const examinerFor = (text: Text): Examiner =>
    (kindsOfText(text) & ~ordinaryKinds) === 0 ? ordinaryExaminer : anyExaminer;
  const slots = Array.from({ length: slotCount }, (): Slot => ({ bits: new Int32Array(words), finding: 0 }));
  const fewBits = new Int32Array(words);
  let findings = 0;
  return {
    id,
    words,
    candidates(text) {
      if (text.sievedBy === id) {
        const slot = slots[text.finding % slotCount]!;
        if (text.candidates !== undefined) return text.candidates;
        if (slot.finding === text.finding) return slot.bits;
      }
      findings += 1;
      const slot = slots[findings % slotCount]!;
      const found = examinerFor(text).all(text, slot.bits);
      text.sievedBy = id;
      if (found === slot.bits) {
        slot.finding = findings;
        text.finding = findings;
        text.candidates = undefined;
      } else text.candidates = found;
      return found;
    },
    few: (text, tags) => examinerFor(text).few(text, tags, fewBits),
  };
}
