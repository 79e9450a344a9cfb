import {
  addByte,
  addRange,
  addSet,
  type ByteSet,
  complement,
  digitSet,
  emptySet,
  foldCase,
  setOf,
  spaceSet,
  wordSet,
} from './byte-set.ts';
import type { Cursor } from './cursor.ts';

const horizontal = setOf([0x09, 0x09], [0x20, 0x20], [0xa0, 0xa0]);
const vertical = setOf([0x0a, 0x0d], [0x85, 0x85]);

/** Classes that one letter names: `\d`. */
export const classEscapes: Readonly<Record<string, ByteSet>> = {
  d: digitSet,
  D: complement(digitSet),
  w: wordSet,
  W: complement(wordSet),
  s: spaceSet,
  S: complement(spaceSet),
  h: horizontal,
  H: complement(horizontal),
  v: vertical,
  V: complement(vertical),
  N: complement(setOf([0x0a, 0x0a])),
};

const controlEscapes: Readonly<Record<string, number>> = { t: 9, n: 10, f: 12, r: 13, a: 7, e: 27 };

const posixNames: Readonly<Record<string, ByteSet>> = {
  alnum: setOf([0x30, 0x39], [0x41, 0x5a], [0x61, 0x7a]),
  alpha: setOf([0x41, 0x5a], [0x61, 0x7a]),
  ascii: setOf([0, 0x7f]),
  blank: setOf([9, 9], [32, 32]),
  cntrl: setOf([0, 31], [127, 127]),
  digit: digitSet,
  graph: setOf([33, 126]),
  lower: setOf([0x61, 0x7a]),
  print: setOf([32, 126]),
  punct: setOf([33, 47], [58, 64], [91, 96], [123, 126]),
  space: spaceSet,
  upper: setOf([0x41, 0x5a]),
  word: wordSet,
  xdigit: setOf([0x30, 0x39], [0x41, 0x46], [0x61, 0x66]),
};

function readHex(cursor: Cursor): number {
  if (cursor.eat('{')) {
    const digits = cursor.takeWhile(/[0-9A-Fa-f]/, 6);
    if (digits === '' || !cursor.eat('}')) throw cursor.fault('`\\x{` needs hexadecimal digits and `}`');
    return Number.parseInt(digits, 16);
  }
  const digits = cursor.takeWhile(/[0-9A-Fa-f]/, 2);
  return digits === '' ? 0 : Number.parseInt(digits, 16);
}

/** Reads an escape that stands for one character, its backslash consumed; undefined where `letter` names none. */
export function readCharacterEscape(cursor: Cursor, letter: string): number | undefined {
  if (letter === 'x') return readHex(cursor);
  if (letter === 'c') return cursor.take().toUpperCase().charCodeAt(0) ^ 64;
  if (letter === '0') return Number.parseInt(`0${cursor.takeWhile(/[0-7]/, 2)}`, 8);
  if (letter === 'o' && cursor.eat('{')) {
    const digits = cursor.takeWhile(/[0-7]/, 6);
    if (!cursor.eat('}')) throw cursor.fault('`\\o{` needs octal digits and `}`');
    return Number.parseInt(digits, 8);
  }
  const control = controlEscapes[letter];
  if (control !== undefined) return control;
  return /[A-Za-z0-9]/.test(letter) ? undefined : letter.charCodeAt(0);
}

function readPosix(cursor: Cursor): ByteSet | undefined {
  const negative = cursor.looksAt('[:^');
  const close = cursor.text.indexOf(':]', cursor.at + 2);
  if (close < 0) return undefined;
  const set = posixNames[cursor.text.slice(cursor.at + (negative ? 3 : 2), close)];
  if (set === undefined) return undefined;
  cursor.at = close + 2;
  return negative ? complement(set) : set;
}

/** One member of a class: a byte, or a set of them. */
function readMember(cursor: Cursor): number | ByteSet {
  if (cursor.looksAt('[:')) {
    const posix = readPosix(cursor);
    if (posix !== undefined) return posix;
  }
  const character = cursor.take();
  if (character !== '\\') return character.charCodeAt(0);
  const letter = cursor.take();
  if (letter === 'b') return 8;
  const named = classEscapes[letter];
  if (named !== undefined) return named;
  if (/[1-7]/.test(letter)) return Number.parseInt(letter + cursor.takeWhile(/[0-7]/, 2), 8) & 255;
  const code = readCharacterEscape(cursor, letter);
  if (code === undefined) throw cursor.fault(`\`\\${letter}\` is not known in a class`);
  if (code > 255) throw cursor.fault('a class holds bytes; characters above `\\x{ff}` cannot stand in it');
  return code;
}

/** Reads a character class, its opening bracket consumed. Case is folded before the class is negated. */
export function readClass(cursor: Cursor, ignoreCase: boolean): ByteSet {
  const negative = cursor.eat('^');
  const set = emptySet();
  for (let first = true; first || !cursor.looksAt(']'); first = false) {
    if (cursor.isAtEnd()) throw cursor.fault('a character class is not closed');
    const from = readMember(cursor);
    if (typeof from !== 'number') {
      addSet(set, from);
      continue;
    }
    const isRange = cursor.looksAt('-') && cursor.peek(1) !== ']' && cursor.peek(1) !== '';
    if (!isRange) {
      addByte(set, from);
      continue;
    }
    cursor.take();
    const to = readMember(cursor);
    if (typeof to === 'number') {
      if (to < from) throw cursor.fault('a range in a class runs backwards');
      addRange(set, from, to);
    } else {
      addByte(set, from);
      addByte(set, 0x2d);
      addSet(set, to);
    }
  }
  cursor.take();
  const folded = ignoreCase ? foldCase(set) : set;
  return negative ? complement(folded) : folded;
}
