import { type HeaderRecord, Headers, type HeadParts } from './headers.ts';
import { isHopByHop } from './hop-by-hop.ts';
import { reasonPhrases } from './reason-phrases.ts';

/** Field lines of `headers` but for those that the engine writes. */
export function formatFields(headers: Headers): string {
  const { section } = headers;
  if (section === undefined) return formatPairs(headers.pairs);
  return (section.lines ??= flatten(formatPairs(headers.pairs)));
}

/** The head of a message. One that repeats is made once. */
export function formatHead(parts: HeadParts, headers: Headers): string {
  const made = headers.section?.made;
  if (made === undefined || !isSame(made.parts, parts)) return makeHead(parts, headers);
  if (!made.isFlat) {
    made.text = flatten(made.text);
    made.isFlat = true;
  }
  return made.text;
}

function isSame(one: HeadParts, other: HeadParts): boolean {
  return one.end === other.end && one.start === other.start && one.path === other.path && one.query === other.query;
}

function makeHead(parts: HeadParts, headers: Headers): string {
  const { start, path, query, end } = parts;
  const startLine =
    path === undefined ? start : `${start} ${path}${query === undefined ? '' : `?${query}`} HTTP/1.1\r\n`;
  const text = `${startLine}${formatFields(headers)}${end}\r\n`;
  if (headers.section !== undefined) headers.section.made = { parts, text, isFlat: false };
  return text;
}

/** The same text in one piece. What is put together by `+` is a tree, and walking it costs each write more than this does once. */
function flatten(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

function formatPairs(pairs: readonly string[]): string {
  let text = '';
  for (let at = 0; at < pairs.length; at += 2) {
    const name = pairs[at] as string;
    if (!isHopByHop(name)) text += `${name}: ${pairs[at + 1]}\r\n`;
  }
  return text;
}

const lengthLines: string[] = [];

/** The Content-Length field line; the same string each time for the short ones. */
export function formatLength(length: number): string {
  if (length >= 4096) return `content-length: ${length}\r\n`;
  return (lengthLines[length] ??= `content-length: ${length}\r\n`);
}

/** Field lines of trailers. */
export function formatTrailers(trailers: Headers | undefined): string {
  return trailers === undefined ? '' : formatFields(trailers);
}

/** `headers` as `Headers`, checked where they were not. Throws `net.bad-field`. */
export function toHeaders(headers: Headers | HeaderRecord | undefined): Headers {
  if (headers instanceof Headers) return headers;
  return headers === undefined ? new Headers() : Headers.from(headers);
}

const statusLines = new Map<number, string>();
for (const [status, reason] of reasonPhrases) {
  statusLines.set(status, `HTTP/1.1 ${status} ${reason}\r\n`);
}

/** The status line, with its CRLF. */
export function statusLine(status: number): string {
  return statusLines.get(status) ?? `HTTP/1.1 ${status} \r\n`;
}

/** Whether a response of `status` to `method` has content (RFC 9110, section 6.4.1). */
export function hasContent(method: string, status: number): boolean {
  return method !== 'HEAD' && status >= 200 && status !== 204 && status !== 304;
}

let dateSecond = -1;
let dateLine = '';

/** The Date field line of `nowMs` (epoch), made once a second. */
export function formatDate(nowMs: number): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== dateSecond) {
    dateSecond = second;
    dateLine = `date: ${new Date(second * 1000).toUTCString()}\r\n`;
  }
  return dateLine;
}
