import { hexAt, hexValue, isOctal, isSpace, runLength, utf8 } from './bytes.ts';

// Escapes of the languages that a browser or a shell reads: JavaScript, CSS, C.

interface Unescaped {
  readonly text: string;
  /** Bytes consumed, the backslash included. */
  readonly length: number;
}

/** Replaces each backslash sequence by what `read` makes of it. */
function replaceEscapes(text: string, read: (text: string, at: number) => Unescaped): string {
  let at = text.indexOf('\\');
  if (at < 0) return text;
  let out = '';
  let from = 0;
  while (at >= 0) {
    const found = read(text, at);
    out += text.slice(from, at) + found.text;
    from = at + found.length;
    at = text.indexOf('\\', from);
  }
  return out + text.slice(from);
}

const isFullWidth = (point: number): boolean => point > 0xff00 && point < 0xff5f;

/** A full-width form's low byte lies 0x20 below the character that it imitates. */
function narrow(point: number): string {
  const low = point & 0xff;
  return String.fromCharCode(isFullWidth(point) ? low + 0x20 : low);
}

const controls: ReadonlyMap<string, string> = new Map([
  ['a', '\x07'],
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
]);

function octal(text: string, at: number): Unescaped {
  const length = runLength(text, at + 1, 3, isOctal);
  return {
    text: String.fromCharCode(Number.parseInt(text.slice(at + 1, at + 1 + length), 8) & 255),
    length: length + 1,
  };
}

function readJs(text: string, at: number): Unescaped {
  const letter = text.charAt(at + 1);
  if (letter === '') return { text: '\\', length: 1 };
  if (letter === 'u') {
    const point = hexAt(text, at + 2, 4);
    if (point >= 0) return { text: narrow(point), length: 6 };
  } else if (letter === 'x') {
    const byte = hexAt(text, at + 2, 2);
    if (byte >= 0) return { text: String.fromCharCode(byte), length: 4 };
  } else if (isOctal(letter.charCodeAt(0))) {
    // Three digits only up to 0377.
    const found = octal(text, at);
    return found.length === 4 && letter > '3' ? octal(text.slice(0, at + 3), at) : found;
  }
  return { text: controls.get(letter) ?? letter, length: 2 };
}

/** JavaScript's escapes: `\xHH`, `\uHHHH`, octal, and the letters. */
export const jsDecode = (text: string): string => replaceEscapes(text, readJs);

function readCss(text: string, at: number): Unescaped {
  const next = text.charCodeAt(at + 1);
  if (Number.isNaN(next)) return { text: '', length: 1 };
  const digits = runLength(text, at + 1, 6, (code) => hexValue(code) >= 0);
  if (digits === 0) return { text: next === 10 ? '' : text.charAt(at + 1), length: 2 };
  const end = at + 1 + digits;
  const point = Number.parseInt(text.slice(at + 1, end), 16);
  const skip = isSpace(text.charCodeAt(end)) ? 1 : 0;
  return { text: isFullWidth(point) ? narrow(point) : utf8(point), length: end + skip - at };
}

/** CSS 2 escapes (section 4.1.3): up to six hexadecimal digits and one white space after them. */
export const cssDecode = (text: string): string => replaceEscapes(text, readCss);

function readAnsiC(text: string, at: number): Unescaped {
  const letter = text.charAt(at + 1);
  if (letter === '') return { text: '\\', length: 1 };
  if (letter === 'x' || letter === 'X') {
    const byte = hexAt(text, at + 2, 2);
    return byte < 0 ? { text: '\\', length: 1 } : { text: String.fromCharCode(byte), length: 4 };
  }
  if (isOctal(letter.charCodeAt(0))) return octal(text, at);
  return { text: controls.get(letter) ?? letter, length: 2 };
}

/** ANSI C escapes. */
export const escapeSeqDecode = (text: string): string => replaceEscapes(text, readAnsiC);
