import { NetError } from './errors.ts';
import { hexValues, pathChars, unreservedChars } from './grammar.ts';

/** A path in the one form that routing and policy may look at. */
export interface NormalPath {
  readonly path: string;
  /** Whether there was a `%2F`, which some servers take for a separator and some for data; also one that a dot segment then removed. */
  readonly hasEncodedSlash: boolean;
}

const slash = 0x2f;
const dot = 0x2e;
const percent = 0x25;
const semicolon = 0x3b;

/**
 * Normalises an absolute path (RFC 3986, section 6.2.2): unreserved characters are decoded, other percent-encodings are
 * written in upper case, empty segments are merged, dot segments resolved. It does not decode anything else, and
 * normalising twice changes nothing. Throws `net.bad-path` on what two servers could read in two ways: invalid
 * encodings, control characters, backslashes (encoded or not), segments that climb above the root, and dot
 * segments with parameters (`..;x`), which some servers resolve and some do not.
 */
export function normalisePath(raw: string): NormalPath {
  if (isNormal(raw)) return { path: raw, hasEncodedSlash: false };
  const text = decodeUnreserved(raw);
  return { path: resolveSegments(text), hasEncodedSlash: text.includes('%2F') };
}

/** Whether `raw` is normal as it stands: the common case, one pass and no allocation. */
export function isNormal(raw: string): boolean {
  if (raw.charCodeAt(0) !== slash) return false;
  let before = 0;
  for (let at = 0; at < raw.length; at++) {
    const code = raw.charCodeAt(at);
    if (pathChars[code] !== 1) return false;
    if (before === slash && (code === slash || code === dot)) return false;
    before = code;
  }
  return true;
}

// Sent as they are by browsers (WHATWG URL, path percent-encode set) though RFC 3986 does not let them stand.
const encodedForms = new Map([
  ['[', '%5B'],
  [']', '%5D'],
  ['|', '%7C'],
  ['^', '%5E'],
]);

function refuse(why: string): never {
  throw new NetError('net.bad-path', 400, `the path ${why}`);
}

function decodeUnreserved(raw: string): string {
  if (raw.charCodeAt(0) !== slash) refuse('does not start with a slash');
  let text = '';
  for (let at = 0; at < raw.length; at++) {
    const code = raw.charCodeAt(at);
    if (pathChars[code] === 1) text += raw[at];
    else if (code === percent) {
      text += decodeTriplet(raw, at);
      at += 2;
    } else text += encodedForms.get(raw[at] as string) ?? refuse('holds a character that must be percent-encoded');
  }
  return text;
}

function decodeTriplet(raw: string, at: number): string {
  const high = hexValues[raw.charCodeAt(at + 1)] ?? 255;
  const low = hexValues[raw.charCodeAt(at + 2)] ?? 255;
  if (high === 255 || low === 255) refuse('holds an invalid percent-encoding');
  const code = high * 16 + low;
  if (code < 0x20 || code === 0x7f) refuse('holds an encoded control character');
  if (code === 0x5c) refuse('holds an encoded backslash');
  return unreservedChars[code] === 1 ? String.fromCharCode(code) : raw.slice(at, at + 3).toUpperCase();
}

/** Merges slashes and resolves dot segments; `text` starts with a slash. */
function resolveSegments(text: string): string {
  const kept: string[] = [];
  const segments = text.split('/');
  for (const segment of segments) {
    if (segment === '..') {
      if (kept.length === 0) refuse('climbs above the root');
      kept.pop();
    } else if (segment !== '' && segment !== '.') {
      if (isAmbiguousDots(segment)) refuse('holds a dot segment with parameters');
      kept.push(segment);
    }
  }
  const last = segments.at(-1) as string;
  const isFolder = last === '' || last === '.' || last === '..';
  return kept.length === 0 ? '/' : `/${kept.join('/')}${isFolder ? '/' : ''}`;
}

function isAmbiguousDots(segment: string): boolean {
  if (segment.charCodeAt(0) !== dot) return false;
  const after = segment.charCodeAt(1) === dot ? 2 : 1;
  return segment.charCodeAt(after) === semicolon || segment.startsWith('%3B', after);
}
