// The file of a spool. One JSON object a line: `{"seq":7,"record":{...}}` a record, `{"seq":7}` all up to 7 are
// acknowledged, `{"losses":{...}}` so many were dropped since the last loss event.

import { closeSync, constants, ftruncateSync, openSync, writeSync } from 'node:fs';
import type { LedgerRecord } from '../api/record.ts';
import type { Clock } from '../core/clock.ts';
import { writeFileAtomic } from '../core/files.ts';
import { isLedgerRecord, type RawLine, readLines } from './segment.ts';

/** How many records were dropped and not yet told of. */
export interface Losses {
  readonly allow: number;
  readonly other: number;
}

/** Nothing was dropped. */
export const noLosses: Losses = { allow: 0, other: 0 };

/** One line, read back. */
export interface SpoolEntry {
  readonly seq: number;
  readonly bytes: number;
  readonly record?: LedgerRecord;
  readonly losses?: Losses;
}

/** What a previous process left in `path`. Lines that are none are passed over: the last may be half written. */
export function* readSpool(path: string): Generator<SpoolEntry> {
  for (const line of readLines(path)) {
    const entry = tryParseEntry(line);
    if (entry !== undefined) yield entry;
  }
}

function tryParseEntry({ bytes }: RawLine): SpoolEntry | undefined {
  try {
    const { seq = 0, record, losses } = JSON.parse(bytes.toString('utf8')) as Record<string, unknown>;
    if (!Number.isSafeInteger(seq) || (record !== undefined && !isLedgerRecord(record))) return undefined;
    const counted = losses as Losses | undefined;
    if (counted !== undefined && !(counted.allow >= 0 && counted.other >= 0)) return undefined;
    return {
      seq: seq as number,
      bytes: bytes.length + 1,
      ...(record && { record }),
      ...(counted && { losses: counted }),
    };
  } catch {
    return undefined;
  }
}

/** The file, written a turn at a time. It never throws: while the disk refuses, records live in memory. */
export interface SpoolFile {
  readonly failure: unknown;
  /** A line for the next flush. */
  add(line: string): void;
  /** Writes the lines with one call. `live` gives all that still matters, for when the file is written anew. */
  flush(live: () => Iterable<string>, losses: Losses): void;
  /** Nothing is left that matters but `losses`. */
  clear(losses: Losses): void;
  close(): void;
}

const retryMs = 1_000;
const garbageBytes = 8 << 20;
const lossLine = (losses: Losses): string => `${JSON.stringify({ losses })}\n`;
const lossLines = (losses: Losses): string[] => (losses === noLosses ? [] : [lossLine(losses)]);

/** Opens `path`, made where it is missing, for its owner alone. */
export function openSpoolFile(path: string, clock: Clock): SpoolFile {
  let handle = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  let lines: string[] = [];
  let length = 0;
  let stored = noLosses;
  let failure: unknown;
  let failedAtMs = 0;
  // What stands in the file from before is written anew with the first flush.
  let stale = true;
  let garbage = 0;

  const attempt = (work: () => void): void => {
    try {
      work();
      failure = undefined;
      stale = false;
    } catch (error) {
      failure = error;
      failedAtMs = clock.monotonic();
      stale = true;
    }
  };

  const append = (text: string): void => {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length; ) at += writeSync(handle, bytes, at, bytes.length - at, length + at);
    length += bytes.length;
    garbage += bytes.length;
  };

  const rewrite = (live: Iterable<string>, losses: Losses): void => {
    const text = [...live, ...lossLines(losses)].join('');
    writeFileAtomic(path, text);
    closeSync(handle);
    handle = openSync(path, 'r+');
    length = Buffer.byteLength(text);
    garbage = 0;
  };

  const tidy = (live: () => Iterable<string>, losses: Losses): void => {
    if (failure !== undefined && clock.monotonic() - failedAtMs < retryMs) return;
    attempt(() => rewrite(live(), losses));
  };

  return {
    get failure() {
      return failure;
    },
    add: (line) => void lines.push(line),
    flush(live, losses) {
      if (losses !== stored) lines.push(lossLine(losses));
      if (lines.length === 0) return;
      stored = losses;
      const text = lines.join('');
      lines = [];
      if (stale || garbage > garbageBytes) tidy(live, losses);
      else attempt(() => append(text));
    },
    clear(losses) {
      lines = lossLines(losses);
      stored = losses;
      attempt(() => ftruncateSync(handle, 0));
      length = 0;
      garbage = 0;
    },
    close: () => closeSync(handle),
  };
}
