import { isSpace } from '../../transformations/bytes.ts';

// How a browser splits a value into tags and attributes (WHATWG HTML, section 13.2.5), from each of the places in a page
// that a value may be put into. The places are libinjection's published method; the reading is our own.

export type Place = 'data' | 'unquoted' | 'single' | 'double' | 'backtick';

export interface Sighting {
  readonly kind: 'tag' | 'attribute' | 'doctype' | 'comment' | 'markup';
  /** Lower case, as a browser compares it. */
  readonly name: string;
  readonly value: string;
  /** Where in the text it was all read; of a tag past its attributes. */
  end: number;
  /** What an element carries out by itself (`script`, `style`), as far as it is there. */
  inside?: Inside;
}

export interface Inside {
  readonly text: string;
  /** Whether the element is closed, and holds what scripts and styles are made of. */
  readonly isWhole: boolean;
}

const quotes: Readonly<Record<Place, string>> = { data: '', unquoted: '', single: "'", double: '"', backtick: '`' };

interface Scanner {
  readonly text: string;
  at: number;
  readonly seen: Sighting[];
  readonly nextClose: Readonly<Record<string, Search>>;
  readonly nextSign: Search;
}

/** Where the next of something is, at a place or behind it; Infinity where there is none. */
type Search = (at: number) => number;

/** Asked for places that ascend, all answers together read the text once. */
function searchAhead(text: string, form: RegExp): Search {
  let found = -1;
  return (at) => {
    if (found >= at) return found;
    form.lastIndex = at;
    found = form.exec(text)?.index ?? Number.POSITIVE_INFINITY;
    return found;
  };
}

const see = (scanner: Scanner, kind: Sighting['kind'], name: string, value = ''): Sighting => {
  // Browsers drop NUL inside names.
  const seen = { kind, name: name.replaceAll('\0', '').toLowerCase(), value, end: scanner.at };
  scanner.seen.push(seen);
  return seen;
};

const separates = (code: number): boolean => isSpace(code) || code === 47 || code === 0;

function skipSeparators(scanner: Scanner): void {
  while (scanner.at < scanner.text.length && separates(scanner.text.charCodeAt(scanner.at))) scanner.at += 1;
}

function takeUntil(scanner: Scanner, stops: (code: number) => boolean): string {
  const from = scanner.at;
  while (scanner.at < scanner.text.length && !stops(scanner.text.charCodeAt(scanner.at))) scanner.at += 1;
  return scanner.text.slice(from, scanner.at);
}

function readValue(scanner: Scanner): string {
  while (scanner.at < scanner.text.length && isSpace(scanner.text.charCodeAt(scanner.at))) scanner.at += 1;
  const quote = scanner.text.charAt(scanner.at);
  if (quote === '"' || quote === "'" || quote === '`') {
    const close = scanner.text.indexOf(quote, scanner.at + 1);
    const end = close < 0 ? scanner.text.length : close;
    const value = scanner.text.slice(scanner.at + 1, end);
    scanner.at = Math.min(end + 1, scanner.text.length);
    return value;
  }
  return takeUntil(scanner, (code) => isSpace(code) || code === 62);
}

/** Attributes up to the end of the tag. */
function readAttributes(scanner: Scanner): void {
  while (scanner.at < scanner.text.length) {
    skipSeparators(scanner);
    if (scanner.text.charAt(scanner.at) === '>') {
      scanner.at += 1;
      return;
    }
    const from = scanner.at;
    const name = takeUntil(scanner, (code) => isSpace(code) || code === 47 || code === 62 || code === 61);
    const mark = scanner.at;
    skipSeparators(scanner);
    if (scanner.text.charAt(scanner.at) === '=') {
      scanner.at += 1;
      see(scanner, 'attribute', name, readValue(scanner));
    } else {
      scanner.at = mark;
      if (scanner.at === from) scanner.at += 1;
    }
  }
}

function readMarkup(scanner: Scanner): void {
  const { text, at } = scanner;
  if (text.startsWith('<!--', at)) {
    const close = text.indexOf('-->', at + 4);
    see(scanner, 'comment', '', text.slice(at + 4, close < 0 ? undefined : close));
    scanner.at = close < 0 ? text.length : close + 3;
    return;
  }
  const close = text.indexOf('>', at);
  const end = close < 0 ? text.length : close + 1;
  const inside = text.slice(at + 2, end);
  see(scanner, /^doctype/i.test(inside) ? 'doctype' : 'markup', /^[a-z[-]*/i.exec(inside)?.[0] ?? '', inside);
  scanner.at = end;
}

function close({ text, at, nextClose, nextSign }: Scanner, tag: Sighting): void {
  tag.end = at;
  const until = nextClose[tag.name]?.(at);
  if (until === undefined) return;
  const inside = text.slice(at, Math.min(until, text.length));
  tag.inside = { text: inside, isWhole: until <= text.length && nextSign(at) < until };
}

function readData(scanner: Scanner): void {
  while (scanner.at < scanner.text.length) {
    const open = scanner.text.indexOf('<', scanner.at);
    if (open < 0) return;
    scanner.at = open;
    const next = scanner.text.charAt(open + 1);
    if (next === '!' || next === '?' || next === '%') {
      readMarkup(scanner);
      continue;
    }
    scanner.at = open + (next === '/' ? 2 : 1);
    if (!/[A-Za-z\0]/.test(scanner.text.charAt(scanner.at))) continue;
    const name = takeUntil(scanner, (code) => (isSpace(code) || code === 47 || code === 62) && code !== 0);
    const tag = next === '/' ? undefined : see(scanner, 'tag', name);
    readAttributes(scanner);
    if (tag !== undefined) close(scanner, tag);
  }
}

/** What a browser would see in the value, put into a place. */
export function scanHtml(text: string, place: Place): Sighting[] {
  const nextClose = { script: searchAhead(text, /<\/script/gi), style: searchAhead(text, /<\/style/gi) };
  const scanner: Scanner = { text, at: 0, seen: [], nextClose, nextSign: searchAhead(text, /[(=`{[;@]/g) };
  const quote = quotes[place];
  if (quote !== '') {
    const close = text.indexOf(quote);
    if (close < 0) return [];
    scanner.at = close + 1;
  }
  if (place !== 'data') readAttributes(scanner);
  readData(scanner);
  return scanner.seen;
}
