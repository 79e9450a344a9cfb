import { utf8 } from '../transformations/bytes.ts';
import { type BodyField, type BodyLimits, type BodyProcessor, emptyBody, failedBody } from './body.ts';

// A reader of its own: it keeps repeated keys (a parser that keeps the last hides the first), gives numbers as written,
// and stops at the limits.

interface Reader {
  readonly text: string;
  at: number;
  readonly limits: BodyLimits;
  readonly fields: BodyField[];
}

class BadJson extends Error {}

const number = /-?(?:0|[1-9]\d{0,400})(?:\.\d{1,400})?(?:[eE][+-]?\d{1,10})?/y;
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
  while (reader.at < reader.text.length && ' \t\n\r'.includes(reader.text.charAt(reader.at))) reader.at += 1;
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
  let value = '';
  reader.at += 1;
  for (;;) {
    const from = reader.at;
    let code = reader.text.charCodeAt(reader.at);
    while (code !== 34 && code !== 92 && code >= 32) code = reader.text.charCodeAt((reader.at += 1));
    value += reader.text.slice(from, reader.at);
    if (code === 34) {
      reader.at += 1;
      return value;
    }
    if (code !== 92) throw new BadJson('a string is not closed');
    const letter = reader.text.charAt(reader.at + 1);
    reader.at += 2;
    const plain = letters.get(letter);
    if (plain === undefined && letter !== 'u') throw new BadJson('an escape is unknown');
    value += plain ?? readUnicode(reader);
  }
}

function keep(reader: Reader, name: string, pointer: string, value: string): void {
  if (reader.fields.length >= reader.limits.maxFields) throw new BadJson('there are too many values');
  reader.fields.push({ name, value, pointer });
}

function readMembers(reader: Reader, close: string, read: (index: number) => void): void {
  reader.at += 1;
  skipSpace(reader);
  if (reader.text.charAt(reader.at) === close) {
    reader.at += 1;
    return;
  }
  for (let index = 0; ; index += 1) {
    skipSpace(reader);
    read(index);
    skipSpace(reader);
    const next = reader.text.charAt(reader.at);
    reader.at += 1;
    if (next === close) return;
    if (next !== ',') throw new BadJson('a comma is missing');
  }
}

function readMember(reader: Reader, name: string, pointer: string, depth: number): void {
  if (reader.text.charAt(reader.at) !== '"') throw new BadJson('a key is not a string');
  const key = readString(reader);
  skipSpace(reader);
  if (reader.text.charAt(reader.at) !== ':') throw new BadJson('a colon is missing');
  reader.at += 1;
  readValue(reader, `${name}.${key}`, `${pointer}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`, depth + 1);
}

function readWord(reader: Reader): string {
  for (const word of ['true', 'false', 'null']) {
    if (reader.text.startsWith(word, reader.at)) {
      reader.at += word.length;
      return word === 'null' ? '' : word;
    }
  }
  number.lastIndex = reader.at;
  const match = number.exec(reader.text);
  if (match === null) throw new BadJson('a value is malformed');
  reader.at += match[0].length;
  return match[0];
}

function readValue(reader: Reader, name: string, pointer: string, depth: number): void {
  if (depth > reader.limits.maxDepth) throw new BadJson('it is nested too deeply');
  skipSpace(reader);
  switch (reader.text.charAt(reader.at)) {
    case '{':
      return readMembers(reader, '}', () => readMember(reader, name, pointer, depth));
    case '[':
      return readMembers(reader, ']', (index) => readValue(reader, `${name}.${index}`, `${pointer}/*`, depth + 1));
    case '"':
      return keep(reader, name, pointer, readString(reader));
    default:
      return keep(reader, name, pointer, readWord(reader));
  }
}

/** Flattens a document: `{"a":[{"b":1}]}` has the field `json.a.0.b`. */
export const jsonProcessor: BodyProcessor = (body, _contentType, limits) => {
  const reader: Reader = { text: body.startsWith('\xef\xbb\xbf') ? body.slice(3) : body, at: 0, limits, fields: [] };
  try {
    readValue(reader, 'json', '', 0);
    skipSpace(reader);
    if (reader.at < reader.text.length) throw new BadJson('text follows the document');
    return { ...emptyBody, fields: reader.fields };
  } catch (error) {
    if (!(error instanceof BadJson)) throw error;
    return failedBody(`JSON: ${error.message}`, { fields: reader.fields });
  }
};
