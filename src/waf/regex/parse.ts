import { addByte, complement, emptySet, foldCase, setOf } from './byte-set.ts';
import { type Cursor, createCursor } from './cursor.ts';
import { classEscapes, readCharacterEscape, readClass } from './escapes.ts';
import { empty, type Node } from './syntax.ts';

/** Modes that `(?i)` and its kin switch. Dot matches line feeds by default, as ModSecurity compiles its expressions. */
export interface RegexFlags {
  readonly ignoreCase: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
  readonly extended: boolean;
  readonly ungreedy: boolean;
}

export const defaultFlags: RegexFlags = {
  ignoreCase: false,
  multiline: false,
  dotAll: true,
  extended: false,
  ungreedy: false,
};

export interface ParsedRegex {
  readonly node: Node;
  /** Capturing groups; the whole match is not counted. */
  readonly groups: number;
}

interface Parser {
  readonly cursor: Cursor;
  flags: RegexFlags;
  groups: number;
  depth: number;
}

const maxRepeat = 1000;
const maxDepth = 200;
const lineFeed = setOf([10, 10]);
const anyByte = setOf([0, 255]);
const notLineFeed = complement(lineFeed);

function byteNode(parser: Parser, byte: number): Node {
  const set = emptySet();
  addByte(set, byte);
  return { kind: 'set', set: parser.flags.ignoreCase ? foldCase(set) : set };
}

/** A character above 255 is the sequence of its UTF-8 bytes. */
function characterNode(parser: Parser, code: number): Node {
  if (code < 256) return byteNode(parser, code);
  const bytes = Buffer.from(String.fromCodePoint(code), 'utf8');
  return { kind: 'cat', parts: [...bytes].map((byte) => byteNode(parser, byte)) };
}

function parseQuoted(parser: Parser): Node {
  const { cursor } = parser;
  const close = cursor.text.indexOf('\\E', cursor.at);
  const end = close < 0 ? cursor.text.length : close;
  const parts = [...cursor.text.slice(cursor.at, end)].map((character) => byteNode(parser, character.charCodeAt(0)));
  cursor.at = close < 0 ? end : close + 2;
  return { kind: 'cat', parts };
}

function parseEscape(parser: Parser): Node {
  const { cursor } = parser;
  const letter = cursor.take();
  const named = classEscapes[letter];
  if (named !== undefined) return { kind: 'set', set: named };
  if (letter === 'b') return { kind: 'assert', what: 'word' };
  if (letter === 'B') return { kind: 'assert', what: 'not-word' };
  if (letter === 'A' || letter === 'G') return { kind: 'assert', what: 'start' };
  if (letter === 'z') return { kind: 'assert', what: 'end' };
  if (letter === 'Z') return { kind: 'assert', what: 'end-or-newline' };
  if (letter === 'Q') return parseQuoted(parser);
  if (letter === 'E') return empty;
  if (letter === 'R') return lineBreak;
  if (/[1-9]/.test(letter)) return parseReference(parser, letter);
  if (/[kg]/.test(letter)) throw cursor.fault('a back-reference is written as `\\1`');
  const code = readCharacterEscape(cursor, letter);
  if (code === undefined) throw cursor.fault(`\`\\${letter}\` is not known`);
  return characterNode(parser, code);
}

function parseReference(parser: Parser, digit: string): Node {
  const index = Number(digit + parser.cursor.takeWhile(/[0-9]/, 1));
  if (index > parser.groups) throw parser.cursor.fault(`a back-reference to group ${index} stands before it`);
  return { kind: 'reference', index, ignoreCase: parser.flags.ignoreCase };
}

const lineBreak: Node = {
  kind: 'alt',
  options: [
    {
      kind: 'cat',
      parts: [
        { kind: 'set', set: setOf([13, 13]) },
        { kind: 'set', set: lineFeed },
      ],
    },
    { kind: 'set', set: setOf([10, 13], [0x85, 0x85]) },
  ],
};

const flagNames: Readonly<Record<string, keyof RegexFlags>> = {
  i: 'ignoreCase',
  m: 'multiline',
  s: 'dotAll',
  x: 'extended',
  U: 'ungreedy',
};

/** Reads `i-s` of `(?i-s)`. */
function readFlags(parser: Parser): RegexFlags {
  const { cursor } = parser;
  let flags = parser.flags;
  let value = true;
  while (!cursor.looksAt(')') && !cursor.looksAt(':')) {
    const letter = cursor.take();
    if (letter === '-') {
      value = false;
      continue;
    }
    const name = flagNames[letter];
    if (name === undefined) throw cursor.fault(`\`(?${letter}\` is not known`);
    flags = { ...flags, [name]: value };
  }
  return flags;
}

function parseInside(parser: Parser): Node {
  const outer = parser.flags;
  parser.depth += 1;
  if (parser.depth > maxDepth) throw parser.cursor.fault('groups are nested too deeply');
  const node = parseAlternatives(parser);
  parser.depth -= 1;
  if (!parser.cursor.eat(')')) throw parser.cursor.fault('a group is not closed');
  parser.flags = outer;
  return node;
}

function parseCapture(parser: Parser): Node {
  parser.groups += 1;
  const index = parser.groups;
  return { kind: 'group', index, node: parseInside(parser) };
}

/** Each form of `(?...` that takes a body, with how it is read. */
const groupForms: readonly (readonly [string, (parser: Parser) => Node])[] = [
  ['?:', parseInside],
  // Atomic groups only save a backtracking engine its work; here they match what a plain group does.
  ['?>', parseInside],
  ['?=', (parser) => ({ kind: 'look', ahead: true, negative: false, node: parseInside(parser) })],
  ['?!', (parser) => ({ kind: 'look', ahead: true, negative: true, node: parseInside(parser) })],
  ['?<=', (parser) => ({ kind: 'look', ahead: false, negative: false, node: parseInside(parser) })],
  ['?<!', (parser) => ({ kind: 'look', ahead: false, negative: true, node: parseInside(parser) })],
];

function parseNamed(parser: Parser, opening: string): Node {
  const { cursor } = parser;
  const close = opening.endsWith("'") ? "'" : '>';
  const name = cursor.takeWhile(/[A-Za-z0-9_]/, 32);
  if (name === '' || !cursor.eat(close)) throw cursor.fault('a group name is malformed');
  return parseCapture(parser);
}

function parseGroup(parser: Parser): Node {
  const { cursor } = parser;
  if (!cursor.looksAt('?')) return parseCapture(parser);
  for (const [opening, parse] of groupForms) if (cursor.eat(opening)) return parse(parser);
  for (const opening of ['?P<', '?<', "?'"]) if (cursor.eat(opening)) return parseNamed(parser, opening);
  if (cursor.eat('?#')) {
    const close = cursor.text.indexOf(')', cursor.at);
    if (close < 0) throw cursor.fault('a comment is not closed');
    cursor.at = close + 1;
    return empty;
  }
  cursor.take();
  const flags = readFlags(parser);
  if (cursor.eat(')')) {
    parser.flags = flags;
    return empty;
  }
  cursor.take();
  const outer = parser.flags;
  parser.flags = flags;
  const node = parseInside(parser);
  parser.flags = outer;
  return node;
}

function parseAtom(parser: Parser): Node {
  const { cursor, flags } = parser;
  const character = cursor.take();
  switch (character) {
    case '\\':
      return parseEscape(parser);
    case '[':
      return { kind: 'set', set: readClass(cursor, flags.ignoreCase) };
    case '(':
      return parseGroup(parser);
    case '.':
      return { kind: 'set', set: flags.dotAll ? anyByte : notLineFeed };
    case '^':
      return { kind: 'assert', what: flags.multiline ? 'line-start' : 'start' };
    case '$':
      return { kind: 'assert', what: flags.multiline ? 'line-end' : 'end' };
    case '*':
    case '+':
    case '?':
      throw cursor.fault('there is nothing to repeat');
    default:
      return byteNode(parser, character.charCodeAt(0));
  }
}

const braces = /^\{(\d{1,5})(?:(,)(\d{0,5}))?\}/;

function readQuantifier(cursor: Cursor): readonly [number, number] | undefined {
  if (cursor.eat('*')) return [0, Number.POSITIVE_INFINITY];
  if (cursor.eat('+')) return [1, Number.POSITIVE_INFINITY];
  if (cursor.eat('?')) return [0, 1];
  const match = braces.exec(cursor.text.slice(cursor.at, cursor.at + 14));
  if (match === null) return undefined;
  cursor.at += match[0].length;
  const min = Number(match[1]);
  const max = match[2] === undefined ? min : match[3] === '' ? Number.POSITIVE_INFINITY : Number(match[3]);
  if (max < min) throw cursor.fault('a repetition counts backwards');
  if (min > maxRepeat || (max !== Number.POSITIVE_INFINITY && max > maxRepeat))
    throw cursor.fault(`a repetition may count to ${maxRepeat}`);
  return [min, max];
}

function parseRepeated(parser: Parser): Node {
  const { cursor } = parser;
  let node = parseAtom(parser);
  for (;;) {
    skipExtended(parser);
    const counts = readQuantifier(cursor);
    if (counts === undefined) return node;
    const lazy = cursor.eat('?');
    // A possessive quantifier, like an atomic group, is read as its plain form.
    if (!lazy) cursor.eat('+');
    if (node.kind === 'assert' || node.kind === 'look') node = counts[0] === 0 ? empty : node;
    else node = { kind: 'repeat', node, min: counts[0], max: counts[1], greedy: lazy === parser.flags.ungreedy };
  }
}

function skipExtended(parser: Parser): void {
  if (!parser.flags.extended) return;
  const { cursor } = parser;
  for (;;) {
    cursor.takeWhile(/\s/, Number.POSITIVE_INFINITY);
    if (!cursor.eat('#')) return;
    cursor.takeWhile(/[^\n]/, Number.POSITIVE_INFINITY);
  }
}

function parseSequence(parser: Parser): Node {
  const parts: Node[] = [];
  for (;;) {
    skipExtended(parser);
    const { cursor } = parser;
    if (cursor.isAtEnd() || cursor.looksAt('|') || cursor.looksAt(')')) break;
    parts.push(parseRepeated(parser));
  }
  return parts.length === 1 ? parts[0]! : parts.length === 0 ? empty : { kind: 'cat', parts };
}

function parseAlternatives(parser: Parser): Node {
  const options = [parseSequence(parser)];
  while (parser.cursor.eat('|')) options.push(parseSequence(parser));
  return options.length === 1 ? options[0]! : { kind: 'alt', options };
}

/**
 * Parses PCRE syntax. `source` is a byte string.
 * @throws MerlonError `waf.bad-regex` where the syntax is wrong.
 */
export function parseRegex(source: string, flags: RegexFlags = defaultFlags): ParsedRegex {
  const parser: Parser = { cursor: createCursor(source), flags, groups: 0, depth: 0 };
  const node = parseAlternatives(parser);
  if (!parser.cursor.isAtEnd()) throw parser.cursor.fault('a closing parenthesis has no opening one');
  return { node, groups: parser.groups };
}
