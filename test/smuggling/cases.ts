// How the corpus is written down.

/** Stands in each target where a run puts its own mark, of the same length: by it a back end's request is known again. */
export const mark = 'M00000';

/** A request as a client means it, or as a back end reads it. */
export interface Sent {
  readonly method: string;
  readonly target: string;
  readonly host: string;
  /** One character a byte. */
  readonly body: string;
}

export interface SmugglingCase {
  readonly kind: string;
  readonly name: string;
  /** One character a byte. */
  readonly bytes: string;
  /** The requests that these bytes are, read by the grammar, up to the first error: none where the first is not valid. */
  readonly sends: readonly Sent[];
}

/** A name, the bytes, and what they send; nothing where they must be refused. */
export type Row = readonly [name: string, bytes: string, ...sends: Sent[]];

export function casesOf(kind: string, rows: readonly Row[]): SmugglingCase[] {
  return rows.map(([name, bytes, ...sends]) => ({ kind, name, bytes, sends }));
}

export const seen = `/${mark}/seen`;
export const smuggled = `/${mark}/smuggled`;

/** The request that an attacker wants to get past the front. */
export const evil = `GET ${smuggled} HTTP/1.1\r\nHost: a\r\n\r\n`;
export const evilSent: Sent = { method: 'GET', target: smuggled, host: 'a', body: '' };

/** What the front is shown. */
export const post = (fields: string, body = '', target = seen): string =>
  `POST ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`;
export const get = (fields = '', body = '', target = seen): string =>
  `GET ${target} HTTP/1.1\r\nHost: a\r\n${fields}\r\n${body}`;

export const posted = (body = '', target = seen): Sent => ({ method: 'POST', target, host: 'a', body });
export const got = (body = '', target = seen): Sent => ({ method: 'GET', target, host: 'a', body });

/** Chunks that end at once, and what follows them. */
export const endThenEvil = `0\r\n\r\n${evil}`;
/** One chunk that holds the evil request. */
export const evilInChunk = `${evil.length.toString(16)}\r\n${evil}\r\n0\r\n\r\n`;
export const lengthOf = (text: string): string => `Content-Length: ${text.length}\r\n`;
export const chunked = 'Transfer-Encoding: chunked\r\n';
