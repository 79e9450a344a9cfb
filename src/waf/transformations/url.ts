import { bestFit, nearestAscii } from './best-fit.ts';
import { hexAt } from './bytes.ts';

/** Percent-decoding with `+` as space; what is not a valid escape stays. */
export function urlDecode(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text;
  let out = '';
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code !== 37 && code !== 43) continue;
    const byte = code === 43 ? 32 : hexAt(text, at + 1, 2);
    if (byte < 0) continue;
    out += text.slice(from, at) + String.fromCharCode(byte);
    if (code === 37) at += 2;
    from = at + 1;
  }
  return out + text.slice(from);
}

/** Percent-decoding of a path, in which `+` is itself. */
export const percentDecode = (text: string): string =>
  text.includes('%')
    ? text.replace(/%([0-9A-Fa-f]{2})/g, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
    : text;

/** Like {@link urlDecode}, and `%uHHHH` as IIS reads it: the nearest ASCII character, or else the low byte. */
export function urlDecodeUni(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text;
  let out = '';
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code !== 37 && code !== 43) continue;
    let used = 0;
    let byte = 32;
    if (code === 37 && (text.charCodeAt(at + 1) | 32) === 117) {
      const point = hexAt(text, at + 2, 4);
      byte = point < 0 ? -1 : bestFit(point);
      used = 5;
    } else if (code === 37) {
      byte = hexAt(text, at + 1, 2);
      used = 2;
    }
    if (byte < 0) continue;
    out += text.slice(from, at) + String.fromCharCode(byte);
    at += used;
    from = at + 1;
  }
  return out + text.slice(from);
}

export function urlEncode(text: string): string {
  return text.replace(/[^A-Za-z0-9*]/g, (byte) =>
    byte === ' ' ? '+' : `%${byte.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

/** The code point of a well-formed UTF-8 sequence of `length` bytes. */
function pointAt(text: string, at: number, length: number): number {
  let point = text.charCodeAt(at) & (0xff >> (length + 1));
  for (let index = 1; index < length; index += 1) point = (point << 6) | (text.charCodeAt(at + index) & 0x3f);
  return point;
}

/** Replaces each well-formed UTF-8 sequence of two or more bytes; undefined leaves it as it is. */
function replaceSequences(text: string, replace: (point: number) => string | undefined): string {
  let out = '';
  let from = 0;
  for (let at = 0; at < text.length; at += 1) {
    if (text.charCodeAt(at) < 0xc2) continue;
    const length = sequenceLength(text, at);
    if (length === 1) continue;
    const replacement = replace(pointAt(text, at, length));
    if (replacement !== undefined) {
      out += text.slice(from, at) + replacement;
      from = at + length;
    }
    at += length - 1;
  }
  return from === 0 ? text : out + text.slice(from);
}

/** Each well-formed UTF-8 sequence of two or more bytes as `%uHHHH`. */
export const utf8toUnicode = (text: string): string =>
  replaceSequences(text, (point) => `%u${point.toString(16).padStart(4, '0')}`);

function lookalike(point: number): string | undefined {
  const ascii = nearestAscii(point);
  return ascii === undefined ? undefined : String.fromCharCode(ascii);
}

/**
 * Each UTF-8 sequence as the ASCII character that it looks like (`＇` and `ʼ` are quotes); what looks like none stays. Of our own:
 * `utf8toUnicode` and `urlDecodeUni` make random signs of the low bytes of all other scripts.
 */
export const foldToAscii = (text: string): string => replaceSequences(text, lookalike);

/** Bytes of the UTF-8 sequence at `at` (RFC 3629); 1 where there is none. */
export function sequenceLength(text: string, at: number): number {
  const first = text.charCodeAt(at);
  const length =
    first >= 0xf0 && first < 0xf5 ? 4 : first >= 0xe0 && first < 0xf0 ? 3 : first >= 0xc2 && first < 0xe0 ? 2 : 1;
  if (length === 1 || at + length > text.length) return 1;
  for (let index = 1; index < length; index += 1) if ((text.charCodeAt(at + index) & 0xc0) !== 0x80) return 1;
  const second = text.charCodeAt(at + 1);
  if ((first === 0xe0 && second < 0xa0) || (first === 0xed && second > 0x9f)) return 1;
  return (first === 0xf0 && second < 0x90) || (first === 0xf4 && second > 0x8f) ? 1 : length;
}
