import { isUtf8 } from 'node:buffer';
import type { DenialCode } from '../errors.ts';
import { escapeToken } from '../json.ts';

/** How much a JSON text may hold. */
export interface JsonLimits {
  readonly maxDepth: number;
  readonly maxValues: number;
}

/** Why a text is not taken, as the end of a sentence; `pointer`: where. */
export interface JsonFault {
  readonly code: DenialCode;
  readonly message: string;
  readonly pointer?: string;
}

interface Shape {
  readonly depth: number;
  readonly members: number;
  readonly values: number;
  readonly escapes: boolean;
}

/**
 * Parses a JSON text strictly (RFC 8259, and I-JSON's rules, RFC 7493): UTF-8 without byte order mark, no key twice in an
 * object, no lone surrogate, no number beyond a double, no `__proto__`. Two parsers that differ on any of these may read
 * two different values out of one body, and only one of them would have been checked.
 */
export function parseJson(
  bytes: Buffer,
  limits: JsonLimits,
): { readonly value: unknown } | { readonly fault: JsonFault } {
  if (!isUtf8(bytes)) return malformed('is not valid UTF-8');
  const shape = scan(bytes);
  if (shape.depth > limits.maxDepth)
    return { fault: { code: 'openapi.too-deep', message: `nests deeper than ${limits.maxDepth}` } };
  if (shape.values > limits.maxValues)
    return { fault: { code: 'openapi.too-many-values', message: `holds more than ${limits.maxValues} values` } };
  const text = bytes.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return malformed('is not JSON');
  }
  return inspect(value, shape, text);
}

function malformed(message: string): { fault: JsonFault } {
  return { fault: { code: 'openapi.malformed-body', message } };
}

const quote = 0x22;
const backslash = 0x5c;

/** Counts what stands outside strings. The text need not be JSON. */
function scan(bytes: Buffer): Shape {
  let depth = 0;
  let deepest = 0;
  let members = 0;
  let values = 1;
  let escapes = false;
  for (let at = 0; at < bytes.length; at++) {
    switch (bytes[at]) {
      case quote:
        for (at++; at < bytes.length && bytes[at] !== quote; at++) {
          if (bytes[at] !== backslash) continue;
          escapes = true;
          at++;
        }
        break;
      case 0x7b: // {
      case 0x5b: // [
        values++;
        if (++depth > deepest) deepest = depth;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth--;
        break;
      case 0x3a: // :
        members++;
        break;
      case 0x2c: // ,
        values++;
        break;
    }
  }
  return { depth: deepest, members, values, escapes };
}

/** The text has as many colons as the value has keys, unless a key was there twice. */
function inspect(value: unknown, shape: Shape, text: string): { value: unknown } | { fault: JsonFault } {
  const tally: Tally = { keys: 0, fault: undefined };
  count(value, shape.escapes, tally);
  if (tally.fault !== undefined) return { fault: tally.fault };
  if (tally.keys === shape.members) return { value };
  return { fault: { code: 'openapi.duplicate-key', message: 'holds a key twice', pointer: findDuplicate(text) } };
}

interface Tally {
  keys: number;
  fault: JsonFault | undefined;
}

// Recursion is bounded by the depth that `scan` has found.
function count(value: unknown, escapes: boolean, tally: Tally): void {
  if (typeof value === 'string') {
    if (escapes && !value.isWellFormed()) tally.fault ??= malformed('holds half a surrogate pair').fault;
  } else if (typeof value === 'number') {
    if (!Number.isFinite(value)) tally.fault ??= malformed('holds a number beyond range').fault;
  } else if (Array.isArray(value)) {
    for (const item of value) count(item, escapes, tally);
  } else if (value !== null && typeof value === 'object') {
    countMembers(value as Record<string, unknown>, escapes, tally);
  }
}

function countMembers(object: Record<string, unknown>, escapes: boolean, tally: Tally): void {
  const keys = Object.keys(object);
  tally.keys += keys.length;
  for (const key of keys) {
    if (key === '__proto__')
      tally.fault ??= { code: 'openapi.unknown-field', message: 'holds the key `__proto__`', pointer: '/__proto__' };
    else if (escapes && !key.isWellFormed()) tally.fault ??= malformed('holds half a surrogate pair').fault;
    count(object[key], escapes, tally);
  }
}

interface Level {
  /** Undefined: an array. */
  readonly keys: Set<string> | undefined;
  token: string;
  index: number;
}

/** The pointer to the first key that stands twice in its object; `text` is valid JSON and has one. */
function findDuplicate(text: string): string {
  const levels: Level[] = [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    const level = levels.at(-1);
    if (char === '{') levels.push({ keys: new Set(), token: '', index: 0 });
    else if (char === '[') levels.push({ keys: undefined, token: '0', index: 0 });
    else if (char === '}' || char === ']') levels.pop();
    else if (char === ',' && level?.keys === undefined && level !== undefined) level.token = String(++level.index);
    else if (char === '"') {
      const end = endOfString(text, at);
      if (level?.keys !== undefined && isKey(text, end)) {
        level.token = JSON.parse(text.slice(at, end)) as string;
        if (level.keys.has(level.token)) return levels.map(({ token }) => `/${escapeToken(token)}`).join('');
        level.keys.add(level.token);
      }
      at = end - 1;
    }
  }
  return '';
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
  return at + 1;
}

function isKey(text: string, end: number): boolean {
  let at = end;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\t' || text[at] === '\r') at++;
  return text[at] === ':';
}
