import { STATUS_CODES } from 'node:http';
import { type HeaderRecord, Headers } from './headers.ts';
import { isHopByHop } from './hop-by-hop.ts';

/** Field lines of `headers` but for those that the engine writes. */
export function formatFields(headers: Headers): string {
  const { section } = headers;
  if (section === undefined) return formatPairs(headers.pairs);
  return (section.lines ??= formatPairs(headers.pairs));
}

function formatPairs(pairs: readonly string[]): string {
  let text = '';
  for (let at = 0; at < pairs.length; at += 2) {
    const name = pairs[at] as string;
    if (!isHopByHop(name)) text += `${name}: ${pairs[at + 1]}\r\n`;
  }
  return text;
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
for (const [status, reason] of Object.entries(STATUS_CODES)) {
  statusLines.set(Number(status), `HTTP/1.1 ${status} ${reason}\r\n`);
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
