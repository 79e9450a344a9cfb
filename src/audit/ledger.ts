import { join } from 'node:path';
import type { LedgerRecord } from '../api/record.ts';
import { ensurePrivateFolder } from '../core/files.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import { openAppendFile } from './append-file.ts';
import { openCheckpoint, signCheckpoint } from './checkpoint.ts';
import { type CheckpointLog, openCheckpointLog } from './checkpoint-log.ts';
import { createCommitQueue } from './commit-queue.ts';
import { type CommitParts, createCommit } from './committer.ts';
import { type LedgerOptions, ledgerDefaults } from './config.ts';
import { openDerived } from './derived.ts';
import { encodeOrReject, encodeRecord } from './encode-record.ts';
import { AuditError, fullError, isFull } from './errors.ts';
import { lockFolder } from './folder-lock.ts';
import { checkKeyName } from './note.ts';
import type { ConsistencyProof, InclusionProof } from './proof.ts';
import { proveConsistency, proveInclusion } from './prove.ts';
import type { LedgerQuery, Place } from './record-index.ts';
import { recover } from './recovery.ts';
import { readLineAt, segmentAt, tryParseLine } from './segment.ts';
import { type Encoded, openSegmentWriter } from './segment-writer.ts';
import { openWatermark, readWatermark } from './watermark.ts';

/** What became of records that were appended. */
export interface Appended {
  readonly added: number;
  /** Records that the ledger held already, by their id: the first to come with an id is the one that is kept. */
  readonly duplicates: number;
}

/** The tamper-evident ledger. */
export interface Ledger extends Stoppable {
  /** How many records are on the medium. */
  readonly size: number;
  /** The newest signed checkpoint, as a note. */
  readonly checkpoint: string;
  /**
   * Adds `records`. When it resolves they survive a crash of the process and of the machine; when it rejects none of them
   * need be kept, and sending them again is safe. Errors: `ledger.record-invalid`, `ledger.record-too-large`,
   * `ledger.overloaded`, `ledger.full`, `ledger.failed`, `ledger.stopped`.
   */
  append(records: readonly LedgerRecord[]): Promise<Appended>;
  /**
   * As `append`, for records from another process, which is not trusted: what is no record, or too large, is not refused but
   * replaced by an event `audit.reject`, so that one bad record neither blocks those behind it nor vanishes.
   */
  ingest(records: readonly unknown[]): Promise<Appended>;
  /** Signs what there is now, unless the newest checkpoint says it already; gives the newest. */
  signCheckpoint(): Promise<string>;
  findById(id: string): LedgerRecord | undefined;
  /** The records that meet `query`, newest first. */
  query(query: LedgerQuery): LedgerRecord[];
  /** Shows that the record is in the ledger, at the newest checkpoint (signed anew if it is younger). Error: `ledger.not-found`. */
  proveInclusion(id: string): Promise<InclusionProof>;
  /** Shows that the newest checkpoint extends the ledger of `oldSize` records. Error: `ledger.not-found`. */
  proveConsistency(oldSize: number): Promise<ConsistencyProof>;
}

/** Opens the ledger in `options.folder`, or begins one. Errors: `ledger.locked`, `ledger.corrupt`, `ledger.full`, `state.*`. */
export async function createLedger(options: LedgerOptions): Promise<Ledger> {
  const { folder } = options;
  checkKeyName(options.origin);
  ensurePrivateFolder(folder);
  ensurePrivateFolder(join(folder, 'segments'));
  const unlock = lockFolder(folder);
  try {
    return await openLocked(options, unlock);
  } catch (error) {
    unlock();
    throw isFull(error) ? fullError(folder, error) : error;
  }
}

async function openLocked(options: LedgerOptions, unlock: () => void): Promise<Ledger> {
  const { folder, origin, signingKey } = options;
  const derived = openDerived(folder);
  const checkpoints = openCheckpointLog(folder);
  const watermark = openWatermark(folder);
  const release = (): void => [derived, checkpoints, watermark].forEach((part) => void part.close());
  try {
    const facts = { folder, origin, derived, publicKey: signingKey.publicKey };
    const { tail, frontier } = recover({ ...facts, note: checkpoints.last, watermark: readWatermark(folder) });
    const { segmentBytes = ledgerDefaults.segmentBytes, openFile = openAppendFile } = options;
    const sign = async (): Promise<void> =>
      checkpoints.append(await signCheckpoint({ origin, size: frontier.size, root: frontier.root() }, signingKey));
    if (checkpoints.last === undefined) await sign();
    const writer = await openSegmentWriter({ folder, tail, segmentBytes, openFile });
    const parts = { derived, checkpoints, watermark, frontier, writer, sign };
    return runLedger(options, parts, () => {
      release();
      unlock();
    });
  } catch (error) {
    release();
    throw error;
  }
}

interface Parts extends Omit<CommitParts, 'folder'> {
  readonly checkpoints: CheckpointLog;
  /** Signs and stores a checkpoint of what is committed. */
  readonly sign: () => Promise<void>;
}

function runLedger(options: LedgerOptions, parts: Parts, release: () => void): Ledger {
  const { folder, clock, signingKey, onError, checkpointMs = ledgerDefaults.checkpointMs } = options;
  const { derived, checkpoints, writer } = parts;
  const maxRecordBytes = options.maxRecordBytes ?? ledgerDefaults.maxRecordBytes;
  const queue = createCommitQueue(createCommit({ folder, ...parts }), options.maxPending ?? ledgerDefaults.maxPending);
  let signedSize = openCheckpoint(checkpoints.last ?? '', signingKey.publicKey).size;
  let stopping: Promise<void> | undefined;

  const signNow = async (): Promise<string> => {
    if (signedSize !== writer.tail.index) {
      const size = writer.tail.index;
      await parts.sign();
      signedSize = size;
    }
    return checkpoints.last ?? '';
  };
  const sign = (): Promise<string> => queue.between(signNow);
  const timer = clock.every(checkpointMs, () => void sign().catch((error) => onError?.(error)));
  const read = (place: Place): string | undefined =>
    readLineAt(segmentAt(folder, place.segment).path, place.offset, place.length)?.toString('utf8');
  const readRecord = (place: Place): LedgerRecord | undefined => tryParseLine(Buffer.from(read(place) ?? ''))?.record;

  const push = async (encoded: readonly Encoded[]): Promise<Appended> => {
    if (stopping !== undefined) throw new AuditError({ code: 'ledger.stopped', message: 'the ledger is stopped' });
    const added = await queue.push(encoded);
    return { added, duplicates: encoded.length - added };
  };

  const stop = async (): Promise<void> => {
    timer.cancel();
    await queue.idle();
    try {
      await sign();
    } finally {
      await queue.between(() => writer.close());
      release();
    }
  };

  return {
    get size() {
      return writer.tail.index;
    },
    get checkpoint() {
      return checkpoints.last ?? '';
    },
    append: async (records) => push(records.map((record) => encodeRecord(record, maxRecordBytes))),
    ingest: async (records) => push(records.map((record) => encodeOrReject(record, maxRecordBytes, clock.now()))),
    signCheckpoint: sign,
    findById(id) {
      const place = derived.index.find(id);
      return place === undefined ? undefined : readRecord(place);
    },
    query: (query) => derived.index.query(query).flatMap((place) => readRecord(place) ?? []),
    async proveInclusion(id) {
      const place = derived.index.find(id);
      const line = place === undefined ? undefined : read(place);
      if (place === undefined || line === undefined) throw notFound(id);
      const note = place.index < signedSize ? checkpoints.last : await sign();
      return proveInclusion(derived, place.index, line, note ?? '', signingKey.publicKey);
    },
    async proveConsistency(oldSize) {
      const note = oldSize <= signedSize ? checkpoints.last : await sign();
      return proveConsistency(derived, oldSize, note ?? '', signingKey.publicKey);
    },
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}

function notFound(id: string): AuditError {
  return new AuditError({ code: 'ledger.not-found', message: `the ledger has no record \`${id}\`` });
}
