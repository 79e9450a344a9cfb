import { dirname } from 'node:path';
import type { LedgerRecord } from '../api/record.ts';
import { messageOf } from '../core/errors.ts';
import { syncFolder } from '../core/files.ts';
import type { Leaf } from './derived.ts';
import { AuditError, fullError, isFull } from './errors.ts';
import { hashLeaf } from './merkle.ts';
import type { AppendFile, OpenAppendFile } from './ports.ts';
import type { Position } from './scan.ts';
import { encodeLine, segmentAt } from './segment.ts';

/** A record on its way to the disk. */
export interface Encoded {
  readonly record: LedgerRecord;
  /** Its canonical JSON. */
  readonly json: string;
}

/** Writes batches of records behind the last one. */
export interface SegmentWriter {
  readonly tail: Position;
  /**
   * Writes and syncs `batch`. When this resolves, it is on the medium. When it rejects, nothing of it is in the ledger:
   * `ledger.full` (may be tried again), `ledger.failed` (this writer takes nothing more).
   */
  write(batch: readonly Encoded[]): Promise<readonly Leaf[]>;
  close(): Promise<void>;
}

/** What a writer is made of. */
export interface WriterOptions {
  readonly folder: string;
  readonly tail: Position;
  readonly segmentBytes: number;
  readonly openFile: OpenAppendFile;
}

/** A writer that continues at `tail`. */
export async function openSegmentWriter({
  folder,
  tail,
  segmentBytes,
  openFile,
}: WriterOptions): Promise<SegmentWriter> {
  let at = tail;
  let failed = false;
  let file = await openFile(at.segment.path);
  syncFolder(dirname(at.segment.path));

  const rotate = async (): Promise<void> => {
    const segment = segmentAt(folder, at.index);
    const next = await openFile(segment.path);
    syncFolder(dirname(segment.path));
    await file.close();
    file = next;
    at = { ...at, segment, offset: 0 };
  };

  // After a failed sync nobody knows what the medium holds, so only a lack of room, undone, may be tried again.
  const store = async (bytes: Uint8Array): Promise<void> => {
    try {
      await file.write(bytes, at.offset);
      await file.sync();
    } catch (cause) {
      failed = !isFull(cause) || !(await tryCutBack(file, at.offset));
      throw failed ? failure(folder, cause) : fullError(folder, cause);
    }
  };

  return {
    get tail() {
      return at;
    },
    async write(batch) {
      if (failed) throw failure(folder);
      if (at.offset >= segmentBytes) await rotate().catch((cause) => rethrow(folder, cause));
      const { bytes, leaves, next } = layOut(at, batch);
      await store(bytes);
      at = next;
      return leaves;
    },
    close: () => file.close(),
  };
}

const newline = Buffer.from('\n');

function layOut(from: Position, batch: readonly Encoded[]) {
  const parts: Buffer[] = [];
  const leaves: Leaf[] = [];
  let next = from;
  for (const { record, json } of batch) {
    const line = encodeLine(next.index, next.previous, json);
    const leaf = hashLeaf(line);
    leaves.push({
      index: next.index,
      segment: next.segment.first,
      offset: next.offset,
      length: line.length,
      record,
      leaf,
    });
    parts.push(line, newline);
    next = { ...next, index: next.index + 1, previous: leaf, offset: next.offset + line.length + 1 };
  }
  return { bytes: Buffer.concat(parts), leaves, next };
}

async function tryCutBack(file: AppendFile, length: number): Promise<boolean> {
  try {
    await file.truncate(length);
    await file.sync();
    return true;
  } catch {
    return false;
  }
}

function rethrow(folder: string, cause: unknown): never {
  throw isFull(cause) ? fullError(folder, cause) : failure(folder, cause);
}

function failure(folder: string, cause?: unknown): AuditError {
  return new AuditError({
    code: 'ledger.failed',
    message: `the ledger \`${folder}\` cannot be written`,
    hint: 'see to its disk, then start again; records that were not acknowledged will be sent again',
    ...(cause === undefined ? {} : { cause, detail: messageOf(cause) }),
  });
}
