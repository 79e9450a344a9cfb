/** Byte string of the UTF-8 form of a code point. */
export function utf8(code: number): string {
  const valid = code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? 0xfffd : code;
  return valid < 0x80
    ? String.fromCharCode(valid)
    : Buffer.from(String.fromCodePoint(valid), 'utf8').toString('latin1');
}

/** Value of a hexadecimal digit, or -1. */
export function hexValue(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

/** Value of `count` hexadecimal digits from `at`, or -1 where they are not all there. */
export function hexAt(text: string, at: number, count: number): number {
  if (at + count > text.length) return -1;
  let value = 0;
  for (let index = at; index < at + count; index += 1) {
    const digit = hexValue(text.charCodeAt(index));
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

/** White space as isspace(3) of the C locale sees it. */
export const isSpace = (code: number): boolean => code === 32 || (code >= 9 && code <= 13);

export const isOctal = (code: number): boolean => code >= 48 && code <= 55;

const beyondAscii = /[\x80-\xff]/;

/** ASCII letters in lower case; other bytes untouched. */
export function lowercase(text: string): string {
  const lower = text.toLowerCase();
  if (lower === text || !beyondAscii.test(text)) return lower;
  return text.replace(/[A-Z]+/g, (run) => run.toLowerCase());
}

export function uppercase(text: string): string {
  return text.replace(/[a-z]+/g, (run) => run.toUpperCase());
}

/** A length of 1 to `most` bytes at `at` that `accepts` allows. */
export function runLength(text: string, at: number, most: number, accepts: (code: number) => boolean): number {
  let length = 0;
  while (length < most && at + length < text.length && accepts(text.charCodeAt(at + length))) length += 1;
  return length;
}
