import { addByte, type ByteSet, emptySet, hasByte } from '../regex/byte-set.ts';

// Bytes in 31 kinds, so that one integer tells what a text is made of. Rules ask for quotes, brackets, signs; most values
// have none of them, and the integer alone says so.

/** A set of kinds, one bit each. */
export type Kinds = number;

/** Characters of each kind, but those that `kindOf` sorts by range. */
const marks = ['!?', '"', '#', '$', '%', '&', "'", '()', '*', '+', ',', '-', '.', '/', ':@', ';', '<>', '='];
const moreMarks = ['[]', '\\', '^_~', '`', '{}', '|'];
const groups: readonly string[] = [...marks, ...moreMarks];

const ranges: readonly ((byte: number) => boolean)[] = [
  (byte) => byte >= 0x80,
  (byte) => byte >= 0x61 && byte <= 0x7a,
  (byte) => byte >= 0x41 && byte <= 0x5a,
  (byte) => byte >= 0x30 && byte <= 0x39,
  (byte) => byte === 0x20,
  (byte) => byte >= 9 && byte <= 13,
];

/** What is left: control characters. */
const controls = 30;

/**
 * The bit that is left tells of a space before another, a slash or a parenthesis: the spaces of ordinary prose change in no
 * transformation but those that remove them all.
 */
export const pairedSpace: Kinds = 1 << 31;

const space = 1 << ranges.findIndex((holds) => holds(0x20));

function kindOf(byte: number): number {
  const range = ranges.findIndex((holds) => holds(byte));
  if (range >= 0) return range;
  const group = groups.findIndex((characters) => characters.includes(String.fromCharCode(byte)));
  return group < 0 ? controls : ranges.length + group;
}

/** The bit of each byte's kind. */
const bits = Int32Array.from({ length: 256 }, (_none, byte) => 1 << kindOf(byte));

/** What pairs with a space in front of it. */
const pairing = Uint8Array.from({ length: 256 }, (_none, byte) => (' /('.includes(String.fromCharCode(byte)) ? 1 : 0));

/** To search a short text three times costs more than to go over it once more. */
const shortText = 128;

function hasPairedSpace(text: string): boolean {
  if (text.length > shortText) return text.includes('  ') || text.includes(' /') || text.includes(' (');
  for (let at = 1; at < text.length; at += 1)
    if (text.charCodeAt(at - 1) === 0x20 && pairing[text.charCodeAt(at)] === 1) return true;
  return false;
}

/** Kinds of the bytes of a text. */
export function kindsIn(text: string): Kinds {
  let kinds = 0;
  for (let at = 0; at < text.length; at += 1) kinds |= bits[text.charCodeAt(at)]!;
  return (kinds & space) !== 0 && hasPairedSpace(text) ? kinds | pairedSpace : kinds;
}

/** Kinds that have a byte in the set. */
export function kindsOf(set: ByteSet): Kinds {
  let kinds = 0;
  for (let byte = 0; byte < 256; byte += 1) if (hasByte(set, byte)) kinds |= bits[byte]!;
  return kinds;
}

/** Kinds of the characters. */
export function kindsOfCharacters(characters: string): Kinds {
  const set = emptySet();
  for (let at = 0; at < characters.length; at += 1) addByte(set, characters.charCodeAt(at));
  return kindsOf(set);
}

export const allKinds: Kinds = -1;

/** Bytes of ordinary text in any language; what attacks are made of is not among them: quotes, brackets, signs. */
export const ordinaryBytes: ByteSet = emptySet();
for (let byte = 0; byte < 256; byte += 1) {
  const isOrdinary = ranges.some((holds) => holds(byte)) || '.,-_^~:/@?!'.includes(String.fromCharCode(byte));
  if (isOrdinary) addByte(ordinaryBytes, byte);
}

export const ordinaryKinds: Kinds = kindsOf(ordinaryBytes) | pairedSpace;
