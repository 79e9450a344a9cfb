import { isSpace } from '../../transformations/bytes.ts';

// How a browser splits a value into tags and attributes (WHATWG HTML, section 13.2.5), from each of the places in a page
// that a value may be put into. The places are libinjection's published method; the reading is our own.

export type Place = 'data' | 'unquoted' | 'single' | 'double' | 'backtick';

export interface Sighting {
  readonly kind: 'tag' | 'attribute' | 'doctype' | 'comment' | 'markup';
  /** Lower case, as a browser compares it. */
  readonly name: string;
  readonly value: string;
}

const quotes: Readonly<Record<Place, string>> = { data: '', unquoted: '', single: "'", double: '"', backtick: '`' };

interface Scanner {
  readonly text: string;
  at: number;
  readonly seen: Sighting[];
}

const see = (scanner: Scanner, kind: Sighting['kind'], name: string, value = ''): void => {
  // Browsers drop NUL inside names.
  scanner.seen.push({ kind, name: name.replaceAll('\0', '').toLowerCase(), value });
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
    if (next !== '/') see(scanner, 'tag', name);
    readAttributes(scanner);
  }
}

/** What a browser would see in the value, put into a place. */
export function scanHtml(text: string, place: Place): Sighting[] {
  const scanner: Scanner = { text, at: 0, seen: [] };
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
