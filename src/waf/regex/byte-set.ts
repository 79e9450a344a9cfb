// Sets of bytes as eight 32-bit words. A value under inspection is a byte string: a JavaScript string whose
// characters are all below 256, one for each byte.

export type ByteSet = Uint32Array;

export const emptySet = (): ByteSet => new Uint32Array(8);

export function addByte(set: ByteSet, byte: number): void {
  set[byte >>> 5]! |= 1 << (byte & 31);
}

export const hasByte = (set: ByteSet, byte: number): boolean => (set[byte >>> 5]! & (1 << (byte & 31))) !== 0;

export function addRange(set: ByteSet, first: number, last: number): void {
  for (let byte = first; byte <= last; byte += 1) addByte(set, byte);
}

export function addSet(set: ByteSet, other: ByteSet): void {
  for (let word = 0; word < 8; word += 1) set[word]! |= other[word]!;
}

export function complement(set: ByteSet): ByteSet {
  return set.map((word) => ~word);
}

export function intersection(a: ByteSet, b: ByteSet): ByteSet {
  const both = emptySet();
  for (let word = 0; word < 8; word += 1) both[word] = a[word]! & b[word]!;
  return both;
}

export function isEmptySet(set: ByteSet): boolean {
  for (let word = 0; word < 8; word += 1) if (set[word] !== 0) return false;
  return true;
}

export function isSameSet(a: ByteSet, b: ByteSet): boolean {
  for (let word = 0; word < 8; word += 1) if (a[word] !== b[word]) return false;
  return true;
}

export function setOf(...ranges: readonly (readonly [number, number])[]): ByteSet {
  const set = emptySet();
  for (const [first, last] of ranges) addRange(set, first, last);
  return set;
}

export function intersects(a: ByteSet, b: ByteSet): boolean {
  for (let word = 0; word < 8; word += 1) if ((a[word]! & b[word]!) !== 0) return true;
  return false;
}

/** Whether every byte of `a` is in `b`. */
export function isSubset(a: ByteSet, b: ByteSet): boolean {
  for (let word = 0; word < 8; word += 1) if ((a[word]! & ~b[word]!) !== 0) return false;
  return true;
}

export function bytesOf(set: ByteSet): number[] {
  const bytes: number[] = [];
  for (let word = 0; word < 8; word += 1)
    for (let left = set[word]! | 0; left !== 0; left &= left - 1) bytes.push(word * 32 + 31 - Math.clz32(left & -left));
  return bytes;
}

export function sizeOf(set: ByteSet): number {
  let size = 0;
  for (let word = 0; word < 8; word += 1) for (let left = set[word]! | 0; left !== 0; left &= left - 1) size += 1;
  return size;
}

/** Adds the other case of every ASCII letter in the set. */
export function foldCase(set: ByteSet): ByteSet {
  const folded = Uint32Array.from(set);
  for (let lower = 0x61; lower <= 0x7a; lower += 1) {
    if (hasByte(set, lower)) addByte(folded, lower - 32);
    if (hasByte(set, lower - 32)) addByte(folded, lower);
  }
  return folded;
}

/** The set of bytes that occur in a byte string. */
export function bytesIn(text: string): ByteSet {
  const set = emptySet();
  for (let at = 0; at < text.length; at += 1) {
    const byte = text.charCodeAt(at);
    set[byte >>> 5]! |= 1 << (byte & 31);
  }
  return set;
}

export const wordSet = setOf([0x30, 0x39], [0x41, 0x5a], [0x5f, 0x5f], [0x61, 0x7a]);
export const digitSet = setOf([0x30, 0x39]);
/** PCRE's `\s`: HT, LF, VT, FF, CR, space. */
export const spaceSet = setOf([0x09, 0x0d], [0x20, 0x20]);

const table = new Uint8Array(256);
for (const byte of bytesOf(wordSet)) table[byte] = 1;
export const isWordByte = (byte: number): boolean => table[byte] === 1;
