// The file of a spool. One JSON object a line: `{"seq":7,"record":{...}}` a record, `{"seq":7}` all up to 7 are
// acknowledged, `{"losses":{...}}` so many were dropped since the last loss event.

import { closeSync, constants, ftruncateSync, openSync, writeSync } from 'node:fs';
import type { LedgerRecord } from '../api/record.ts';
import type { Clock } from '../core/clock.ts';
import { replaceFile, writeFileAtomic } from '../core/files.ts';
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
    const counted = losses === undefined ? undefined : parseLosses(losses as Losses);
    return { seq: seq as number, ...(record && { record }), ...(counted && { losses: counted }) };
  } catch {
    return undefined;
  }
}

function parseLosses({ allow, other }: Losses): Losses {
  return allow + other > 0 ? { allow, other } : noLosses;
}

/** What stands before a record in its line. */
const recordPrefix = (seq: number): string => `{"seq":${seq},"record":`;
const recordSuffix = '}\n';

/** The line of a record, given as JSON. */
export function recordLine(seq: number, json: string): string {
  return `${recordPrefix(seq)}${json}${recordSuffix}`;
}

/** Where a record lies in memory, as JSON. */
export interface Slice {
  readonly memory: Buffer;
  readonly start: number;
  readonly end: number;
}

/** The line that acknowledges all up to `seq`. */
export function acknowledgedLine(seq: number): string {
  return `${JSON.stringify({ seq })}\n`;
}

const lossLine = (losses: Losses): string => `${JSON.stringify({ losses })}\n`;
const retryMs = 1_000;
// Once so much has been appended, the file is written anew with what still waits.
const rewriteBytes = 8 << 20;
// So little is written anew without waiting for the disk: what was appended in the last seconds would be lost with the machine just
// as well, and a busy gateway writes the file anew each second, while its callers would wait for some ten milliseconds.
const mostUnsynced = 1 << 20;
const blockBytes = 256 << 10;
const mostSpare = 8;

/** Gives the lines of all that still matters. */
interface Live {
  lines(): Iterable<string>;
}

/** The file, written a turn at a time. It never throws: while the disk refuses, records live in memory. */
export class SpoolFile {
  readonly #path: string;
  readonly #clock: Clock;
  #handle: number;
  // Lines become bytes once, in blocks. From there they go to the file and, as long as they wait, to the channel. A block whose
  // records are all acknowledged is written anew: fresh memory would cost page faults, and the collector its count.
  #block = Buffer.allocUnsafeSlow(blockBytes);
  /** Full blocks, oldest first, each with the number of its last record. */
  readonly #inUse: { readonly memory: Buffer<ArrayBuffer>; readonly lastSeq: number }[] = [];
  readonly #spare: Buffer<ArrayBuffer>[] = [];
  #lastSeq = 0;
  /** Where the next line goes, and from where on the block is not written yet. */
  #at = 0;
  #from = 0;
  #lineStart = 0;
  /** What was added to blocks that are full, and is not written yet. */
  #full: Buffer[] = [];
  #length = 0;
  #appended = 0;
  #stored = noLosses;
  #failure: unknown;
  #failedAtMs = 0;
  // What stands in the file from before is written anew with the first flush.
  #stale = true;

  /** Opens `path`, made where it is missing, for its owner alone. */
  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
    this.#handle = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  }

  /** Why the last write failed; undefined where it did not. */
  get failure(): unknown {
    return this.#failure;
  }

  /** A line for the next flush. */
  add(line: string): void {
    // In UTF-8 a character takes at most three bytes.
    if (this.#at + line.length * 3 > this.#block.length) this.#takeBlock(line.length * 3);
    this.#lineStart = this.#at;
    this.#at += this.#block.write(line, this.#at);
  }

  /** The line of a record for the next flush; gives where its JSON lies. */
  addRecord(seq: number, json: string): Slice {
    const prefix = recordPrefix(seq);
    this.add(prefix + json + recordSuffix);
    this.#lastSeq = seq;
    const end = this.#at - recordSuffix.length;
    return { memory: this.#block, start: this.#lineStart + prefix.length, end };
  }

  /** No record up to `seq` is read again, wherever it lies. */
  release(seq: number): void {
    // What is not written yet is still wanted.
    while (this.#full.length === 0 && (this.#inUse[0]?.lastSeq ?? Infinity) <= seq) {
      const { memory } = this.#inUse.shift() as { memory: Buffer<ArrayBuffer> };
      if (memory.length === blockBytes && this.#spare.length < mostSpare) this.#spare.push(memory);
    }
  }

  /** Writes the lines with one call. `live` gives all that still matters, for when the file is written anew. */
  flush(live: Live, losses: Losses): void {
    if (losses !== this.#stored) this.add(lossLine(losses));
    const parts = this.#takePending();
    if (parts.length === 0) return;
    this.#stored = losses;
    const waits = this.#failure !== undefined && this.#clock.monotonic() - this.#failedAtMs < retryMs;
    if (!this.#stale && this.#appended <= rewriteBytes)
      this.#attempt(() => {
        for (const part of parts) this.#append(part);
      });
    else if (!waits) this.#attempt(() => this.#rewrite(live.lines(), losses));
  }

  /** Nothing is left that matters but `losses`. */
  clear(losses: Losses): void {
    this.#takePending();
    if (losses !== noLosses) this.add(lossLine(losses));
    this.#stored = losses;
    this.#attempt(() => ftruncateSync(this.#handle, 0));
    this.#length = 0;
    this.#appended = 0;
  }

  close(): void {
    closeSync(this.#handle);
  }

  #attempt(work: () => void): void {
    try {
      work();
      this.#failure = undefined;
      this.#stale = false;
    } catch (error) {
      this.#failure = error;
      this.#failedAtMs = this.#clock.monotonic();
      this.#stale = true;
    }
  }

  /** Another block, for a line of at most `bytes`. */
  #takeBlock(bytes: number): void {
    if (this.#at > this.#from) this.#full.push(this.#block.subarray(this.#from, this.#at));
    this.#inUse.push({ memory: this.#block, lastSeq: this.#lastSeq });
    this.#block =
      (bytes <= blockBytes ? this.#spare.pop() : undefined) ?? Buffer.allocUnsafeSlow(Math.max(blockBytes, bytes));
    this.#at = 0;
    this.#from = 0;
  }

  /** All that was added since the last flush. */
  #takePending(): Buffer[] {
    const parts = this.#full;
    this.#full = [];
    if (this.#at > this.#from) parts.push(this.#block.subarray(this.#from, this.#at));
    this.#from = this.#at;
    return parts;
  }

  #append(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      at += writeSync(this.#handle, bytes, at, bytes.length - at, this.#length + at);
    }
    this.#length += bytes.length;
    this.#appended += bytes.length;
  }

  #rewrite(live: Iterable<string>, losses: Losses): void {
    const text = [...live, ...(losses === noLosses ? [] : [lossLine(losses)])].join('');
    const length = Buffer.byteLength(text);
    (length <= mostUnsynced ? replaceFile : writeFileAtomic)(this.#path, text);
    closeSync(this.#handle);
    this.#handle = openSync(this.#path, 'r+');
    this.#length = length;
    this.#appended = 0;
  }
}
