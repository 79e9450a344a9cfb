// Messages that never end: each place that could grow is fed until it is refused. What is held meanwhile is bounded.
import { ServerReader } from '../../test/fakes/sync-readers.ts';

export interface Endless {
  /** Bytes that were read before the refusal. */
  readonly bytes: number;
  readonly refusal: string | undefined;
  readonly heapMB: number;
}

const pieceBytes = 1024;
const mostBytes = 64 * 1024 * 1024;
const post = 'POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n';

/** A place, the bytes before it, and what repeats there. */
export const places: Readonly<Record<string, readonly [before: string, repeated: string]>> = {
  'empty lines': ['', '\r\n'],
  method: ['', 'A'],
  target: ['GET /', 'a'],
  query: ['GET /?', 'a=b&'],
  'field name': ['GET / HTTP/1.1\r\n', 'X'],
  'field value': ['GET / HTTP/1.1\r\nX: ', 'y'],
  'white space before a value': ['GET / HTTP/1.1\r\nX:', ' '],
  'field lines': ['GET / HTTP/1.1\r\n', 'X: y\r\n'],
  'chunk size': [post, '0'],
  'chunk extension': [post, '1;a=b'],
  'quoted chunk extension': [`${post}1;a="`, 'b'],
  'trailer value': [`${post}0\r\nT: `, 'u'],
  'trailer lines': [`${post}0\r\n`, 'T: u\r\n'],
};

/** Feeds one place. Throws where it is not refused within 64 MiB. */
export function feedEndlessly(place: string): Endless {
  const [before, repeated] = places[place] as readonly [string, string];
  const reader = new ServerReader();
  const piece = Buffer.from(repeated.repeat(Math.ceil(pieceBytes / repeated.length)), 'latin1');
  const heapBefore = process.memoryUsage().heapUsed;
  let heapMB = 0;
  let goesOn = before === '' || reader.feed(Buffer.from(before, 'latin1'));
  let bytes = 0;
  while (goesOn && bytes < mostBytes) {
    goesOn = reader.feed(piece);
    bytes += piece.length;
    heapMB = Math.max(heapMB, (process.memoryUsage().heapUsed - heapBefore) / 1e6);
  }
  const refusal = reader.reading.error;
  reader.close();
  if (goesOn) throw new Error(`${place} is not bounded`);
  return { bytes, refusal, heapMB };
}
