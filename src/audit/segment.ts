// Segments: files of one record a line, named by the index of their first record.
//
//   {"index":17,"previous":"<base64 hash of line 16>","record":{...}}
//
// The bytes of a line without its newline are a leaf of the Merkle tree. `previous` makes a chain of the lines, which
// locates a change to the line; the tree and its signed heads are what makes it evident.

import { closeSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import type { LedgerRecord } from '../api/record.ts';
import { systemCode } from '../core/errors.ts';
import { isUuid } from '../core/ids.ts';
import { canonicalJson } from './canonical.ts';
import { type Hash, hashBytes } from './merkle.ts';

/** What stands where the first line has no previous one. */
export const noPrevious: Hash = Buffer.alloc(hashBytes);

const segmentName = /^([0-9]{16})\.ndjson$/;
const segmentFolder = (folder: string): string => join(folder, 'segments');

/** One file of the ledger. */
export interface Segment {
  /** Index of its first record. */
  readonly first: number;
  readonly path: string;
}

/** The segment that starts at record `first`. */
export function segmentAt(folder: string, first: number): Segment {
  return { first, path: join(segmentFolder(folder), `${String(first).padStart(16, '0')}.ndjson`) };
}

/** All segments of the ledger in `folder`, in order. Other files are passed over. */
export function listSegments(folder: string): Segment[] {
  const firsts = namesIn(segmentFolder(folder)).flatMap((name) => {
    const [, digits] = segmentName.exec(name) ?? [];
    return digits === undefined ? [] : [Number(digits)];
  });
  return firsts.sort((a, b) => a - b).map((first) => segmentAt(folder, first));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/** What one line of a segment says. */
export interface Line {
  readonly index: number;
  readonly previous: Hash;
  readonly record: LedgerRecord;
}

/** The bytes of a line, without its newline: the leaf. `recordJson`: the record as canonical JSON. */
export function encodeLine(index: number, previous: Hash, recordJson: string): Buffer {
  return Buffer.from(`{"index":${index},"previous":"${previous.toString('base64')}","record":${recordJson}}`);
}

/** Whether `value` has what the ledger needs of any record: kind, id (a UUID) and time. */
export function isLedgerRecord(value: unknown): value is LedgerRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, id, timeMs } = value as Partial<LedgerRecord>;
  return (
    (kind === 'decision' || kind === 'event') && typeof id === 'string' && isUuid(id) && Number.isSafeInteger(timeMs)
  );
}

/** The line in `bytes`, or undefined where they are not exactly what `encodeLine` writes. */
export function tryParseLine(bytes: Buffer): Line | undefined {
  try {
    const { index, previous, record } = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
    if (!Number.isSafeInteger(index) || typeof previous !== 'string' || !isLedgerRecord(record)) return undefined;
    const line = { index: index as number, previous: Buffer.from(previous, 'base64'), record };
    // One record has one encoding: a line that says the same in other bytes is not the line that was written.
    return encodeLine(line.index, line.previous, canonicalJson(record)).equals(bytes) ? line : undefined;
  } catch {
    return undefined;
  }
}

/** A line of a file. */
export interface RawLine {
  /** Without the newline. */
  readonly bytes: Buffer;
  /** Where it starts in the file, in bytes. */
  readonly offset: number;
  /** False for what follows the last newline of the file. */
  readonly complete: boolean;
}

const chunkBytes = 1 << 20;
/** Longer lines are read as several broken ones, so that a hostile file cannot exhaust memory. */
export const maxLineBytes = 4 << 20;

/** The lines of `path` from byte `offset` on. Empty where there is no such file. */
export function* readLines(path: string, offset = 0): Generator<RawLine> {
  const file = tryOpen(path);
  if (file === undefined) return;
  try {
    let rest: Buffer = Buffer.alloc(0);
    let position = offset;
    while (rest.length <= maxLineBytes) {
      const chunk = Buffer.allocUnsafe(chunkBytes);
      const count = readSync(file, chunk, 0, chunkBytes, position);
      if (count === 0) break;
      const bytes = Buffer.concat([rest, chunk.subarray(0, count)]);
      let start = 0;
      for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
        yield { bytes: bytes.subarray(start, end), offset: position - rest.length + start, complete: true };
        start = end + 1;
      }
      position += count;
      rest = bytes.subarray(start);
    }
    if (rest.length > 0) yield { bytes: rest, offset: position - rest.length, complete: false };
  } finally {
    closeSync(file);
  }
}

function tryOpen(path: string): number | undefined {
  try {
    return openSync(path, 'r');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** The line of `path` that starts at `offset` and has `length` bytes, or undefined where it is not one. */
export function readLineAt(path: string, offset: number, length: number): Buffer | undefined {
  const file = tryOpen(path);
  if (file === undefined) return undefined;
  try {
    const bytes = Buffer.alloc(length);
    return readSync(file, bytes, 0, length, offset) === length ? bytes : undefined;
  } finally {
    closeSync(file);
  }
}
