import type { LedgerRecord } from '../api/record.ts';
import { type Hash, hashLeaf } from './merkle.ts';
import { listSegments, noPrevious, type RawLine, readLines, type Segment, segmentAt, tryParseLine } from './segment.ts';

/** A place between two records: where the next one is, or will be. */
export interface Position {
  /** Index of the record that follows. */
  readonly index: number;
  /** Hash of the record before. */
  readonly previous: Hash;
  readonly segment: Segment;
  /** Byte offset within the segment. */
  readonly offset: number;
}

/** A record as it was found. */
export interface ScannedRecord {
  readonly record: LedgerRecord;
  readonly leaf: Hash;
  readonly at: Position;
  /** Bytes of its line, without the newline. */
  readonly length: number;
}

/** Where a scan ended. */
export interface ScanEnd extends Position {
  /** There are bytes behind this position which are not the next record. */
  readonly damaged: boolean;
  /** There are segments behind this one. */
  readonly more: boolean;
}

/** The beginning of the ledger in `folder`. */
export function ledgerStart(folder: string): Position {
  return { index: 0, previous: noPrevious, segment: segmentAt(folder, 0), offset: 0 };
}

/** Walks the chain from `from` on, and ends at the first thing that does not continue it. */
export function* scanRecords(folder: string, from: Position): Generator<ScannedRecord, ScanEnd> {
  const segments = listSegments(folder).filter(({ first }) => first >= from.segment.first);
  let at = from;
  for (const [turn, segment] of segments.entries()) {
    const more = turn < segments.length - 1;
    if (segment.first !== (turn === 0 ? from.segment.first : at.index)) return { ...at, damaged: true, more: true };
    if (turn > 0) at = { ...at, segment, offset: 0 };
    for (const raw of readLines(segment.path, at.offset)) {
      const scanned = continueChain(at, raw);
      if (scanned === undefined) return { ...at, damaged: true, more };
      yield scanned;
      at = { ...at, index: at.index + 1, previous: scanned.leaf, offset: raw.offset + raw.bytes.length + 1 };
    }
  }
  return { ...at, damaged: false, more: false };
}

function continueChain(at: Position, { bytes, complete }: RawLine): ScannedRecord | undefined {
  const line = complete ? tryParseLine(bytes) : undefined;
  if (line === undefined || line.index !== at.index || !line.previous.equals(at.previous)) return undefined;
  return { record: line.record, leaf: hashLeaf(bytes), at, length: bytes.length };
}

/**
 * The records of the ledger in `folder`, oldest first, read from its segments alone: for tools that run beside the ledger's
 * process, or without it. Ends at the first damage; `verifyLedger` tells whether there is any.
 */
export function* ledgerRecords(folder: string): Generator<LedgerRecord> {
  for (const { record } of scanRecords(folder, ledgerStart(folder))) yield record;
}
