import { utf8 } from '../transformations/bytes.ts';
import { type BodyField, type BodyLimits, type BodyProcessor, emptyBody, failedBody } from './body.ts';
import { createPlaces, type Place, type Places } from './places.ts';

// A reader of its own: it keeps repeated keys (a parser that keeps the last hides the first), gives numbers as written,
// and stops at the limits.

interface Reader {
  readonly text: string;
  at: number;
  readonly limits: BodyLimits;
  readonly places: Places;
  readonly fields: BodyField[];
  /** Bytes that names of fields may still have. */
  namesLeft: number;
}

class BadJson extends Error {}

const number = /-?(?:0|[1-9]\d{0,400})(?:\.\d{1,400})?(?:[eE][+-]?\d{1,10})?/y;
const words = ['true', 'false', 'null'];
const [quote, comma, colon, openBracket, backslash, closeBracket, openBrace, closeBrace] = [
  0x22, 0x2c, 0x3a, 0x5b, 0x5c, 0x5d, 0x7b, 0x7d,
] as const;
const letters: ReadonlyMap<string, string> = new Map([
  ['b', '\b'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['"', '"'],
  ['\\', '\\'],
  ['/', '/'],
]);

function skipSpace(reader: Reader): void {
  const { text } = reader;
  let code = text.charCodeAt(reader.at);
  while (code === 32 || (code <= 13 && (code === 9 || code === 10 || code === 13)))
    code = text.charCodeAt((reader.at += 1));
}

function readUnicode(reader: Reader): string {
  const unit = (): number => {
    const digits = reader.text.slice(reader.at, reader.at + 4);
    if (!/^[0-9A-Fa-f]{4}$/.test(digits)) throw new BadJson('a `\\u` escape is malformed');
    reader.at += 4;
    return Number.parseInt(digits, 16);
  };
  const first = unit();
  if (first < 0xd800 || first > 0xdbff || !reader.text.startsWith('\\u', reader.at)) return utf8(first);
  reader.at += 2;
  const second = unit();
  if (second < 0xdc00 || second > 0xdfff) return utf8(first) + utf8(second);
  return utf8(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00));
}

function readString(reader: Reader): string {
  const { text } = reader;
  let value = '';
  let at = reader.at + 1;
  for (;;) {
    const from = at;
    let code = text.charCodeAt(at);
    while (code !== quote && code !== backslash && code >= 32) code = text.charCodeAt((at += 1));
    value += text.slice(from, at);
    if (code === quote) {
      reader.at = at + 1;
      return value;
    }
    if (code !== backslash) throw new BadJson('a string is not closed');
    const letter = text.charAt(at + 1);
    reader.at = at + 2;
    const plain = letters.get(letter);
    if (plain === undefined && letter !== 'u') throw new BadJson('an escape is unknown');
    value += plain ?? readUnicode(reader);
    at = reader.at;
  }
}

/**
 * What names of fields have altogether: so much each, and so many times the document. Each has the keys of all that it stands in, and rules
 * read them: a list of a thousand values under a key of a megabyte would be a gigabyte.
 */
const nameBytesPerField = 128;
const nameBytesPerByte = 8;

function keep(reader: Reader, { name, pointer }: Place, value: string): void {
  if (reader.fields.length >= reader.limits.maxFields) throw new BadJson('there are too many values');
  reader.namesLeft -= name.length;
  if (reader.namesLeft < 0) throw new BadJson('the names of its values are too long');
  reader.fields.push({ name, value, pointer });
}

/** Past what opens an object or a list. True where it is empty: a value of its own, or else nobody would see the name that it has. */
function enter(reader: Reader, place: Place, close: number): boolean {
  reader.at += 1;
  skipSpace(reader);
  if (reader.text.charCodeAt(reader.at) !== close) return false;
  reader.at += 1;
  keep(reader, place, '');
  return true;
}

/** Past what follows a member. True where that was the last. */
function leave(reader: Reader, close: number): boolean {
  skipSpace(reader);
  const next = reader.text.charCodeAt(reader.at);
  reader.at += 1;
  if (next === close) return true;
  if (next !== comma) throw new BadJson('a comma is missing');
  skipSpace(reader);
  return false;
}

function readObject(reader: Reader, place: Place, depth: number): void {
  if (enter(reader, place, closeBrace)) return;
  do {
    if (reader.text.charCodeAt(reader.at) !== quote) throw new BadJson('a key is not a string');
    const key = readString(reader);
    skipSpace(reader);
    if (reader.text.charCodeAt(reader.at) !== colon) throw new BadJson('a colon is missing');
    reader.at += 1;
    readValue(reader, reader.places.member(place, key), depth + 1);
  } while (!leave(reader, closeBrace));
}

function readList(reader: Reader, place: Place, depth: number): void {
  if (enter(reader, place, closeBracket)) return;
  let index = 0;
  do {
    readValue(reader, reader.places.item(place, index), depth + 1);
    index += 1;
  } while (!leave(reader, closeBracket));
}

function readWord(reader: Reader): string {
  const { text, at } = reader;
  for (const word of words) {
    if (text.startsWith(word, at)) {
      reader.at += word.length;
      return word === 'null' ? '' : word;
    }
  }
  number.lastIndex = at;
  if (!number.test(text)) throw new BadJson('a value is malformed');
  reader.at = number.lastIndex;
  return text.slice(at, reader.at);
}

function readValue(reader: Reader, place: Place, depth: number): void {
  if (depth > reader.limits.maxDepth) throw new BadJson('it is nested too deeply');
  skipSpace(reader);
  switch (reader.text.charCodeAt(reader.at)) {
    case openBrace:
      return readObject(reader, place, depth);
    case openBracket:
      return readList(reader, place, depth);
    case quote:
      return keep(reader, place, readString(reader));
    default:
      return keep(reader, place, readWord(reader));
  }
}

const places = createPlaces('json');

function createReader(body: string, limits: BodyLimits): Reader {
  const text = body.startsWith('\xef\xbb\xbf') ? body.slice(3) : body;
  const namesLeft = limits.maxFields * nameBytesPerField + text.length * nameBytesPerByte;
  return { text, at: 0, limits, places, fields: [], namesLeft };
}

/** Documents one after another, as far as they can be read. */
export function jsonSequence(
  body: string,
  limits: BodyLimits,
): { readonly fields: readonly BodyField[]; readonly isWhole: boolean } {
  const reader = createReader(body, limits);
  try {
    do {
      readValue(reader, places.root(), 0);
      skipSpace(reader);
    } while (reader.at < reader.text.length);
    return { fields: reader.fields, isWhole: true };
  } catch (error) {
    if (!(error instanceof BadJson)) throw error;
    return { fields: reader.fields, isWhole: false };
  }
}

/** Flattens a document: `{"a":[{"b":1}]}` has the field `json.a.0.b`. */
export const jsonProcessor: BodyProcessor = (body, _contentType, limits) => {
  const reader = createReader(body, limits);
  try {
    readValue(reader, places.root(), 0);
    skipSpace(reader);
    if (reader.at < reader.text.length) throw new BadJson('text follows the document');
    return { ...emptyBody, fields: reader.fields };
  } catch (error) {
    if (!(error instanceof BadJson)) throw error;
    return failedBody(`JSON: ${error.message}`, { fields: reader.fields });
  }
};
