import { join } from 'node:path';
import type { LedgerRecord } from '../api/record.ts';
import type { Timer } from '../core/clock.ts';
import { ensurePrivateFolder } from '../core/files.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import { openAppendFile } from './append-file.ts';
import { openCheckpoint, signCheckpoint } from './checkpoint.ts';
import { type CheckpointLog, openCheckpointLog } from './checkpoint-log.ts';
import { type CommitQueue, createCommitQueue } from './commit-queue.ts';
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
    const releaseAll = (): void => {
      release();
      unlock();
    };
    return new OpenLedger(options, { derived, checkpoints, watermark, frontier, writer, sign, release: releaseAll });
  } catch (error) {
    release();
    throw error;
  }
}

interface Parts extends Omit<CommitParts, 'folder'> {
  readonly checkpoints: CheckpointLog;
  /** Signs and stores a checkpoint of what is committed. */
  readonly sign: () => Promise<void>;
  /** Closes everything but the writer. */
  readonly release: () => void;
}

class OpenLedger implements Ledger {
  readonly #options: LedgerOptions;
  readonly #parts: Parts;
  readonly #queue: CommitQueue;
  readonly #maxRecordBytes: number;
  readonly #timer: Timer;
  #signedSize: number;
  #stopping: Promise<void> | undefined;

  constructor(options: LedgerOptions, parts: Parts) {
    const { folder, clock, signingKey, onError, checkpointMs = ledgerDefaults.checkpointMs } = options;
    this.#options = options;
    this.#parts = parts;
    this.#maxRecordBytes = options.maxRecordBytes ?? ledgerDefaults.maxRecordBytes;
    this.#queue = createCommitQueue(
      createCommit({ folder, ...parts }),
      options.maxPending ?? ledgerDefaults.maxPending,
    );
    this.#signedSize = openCheckpoint(this.checkpoint, signingKey.publicKey).size;
    this.#timer = clock.every(checkpointMs, () => void this.signCheckpoint().catch((error) => onError?.(error)));
  }

  get size(): number {
    return this.#parts.writer.tail.index;
  }

  get checkpoint(): string {
    return this.#parts.checkpoints.last ?? '';
  }

  async append(records: readonly LedgerRecord[]): Promise<Appended> {
    return this.#push(records.map((record) => encodeRecord(record, this.#maxRecordBytes)));
  }

  async ingest(records: readonly unknown[]): Promise<Appended> {
    const nowMs = this.#options.clock.now();
    return this.#push(records.map((record) => encodeOrReject(record, this.#maxRecordBytes, nowMs)));
  }

  // Between two commits, so that what is signed is exactly what is on the medium.
  signCheckpoint(): Promise<string> {
    return this.#queue.between(async () => {
      const { size } = this;
      if (this.#signedSize !== size) await this.#parts.sign();
      this.#signedSize = size;
      return this.checkpoint;
    });
  }

  findById(id: string): LedgerRecord | undefined {
    const place = this.#parts.derived.index.find(id);
    return place === undefined ? undefined : this.#readRecord(place);
  }

  query(query: LedgerQuery): LedgerRecord[] {
    return this.#parts.derived.index.query(query).flatMap((place) => this.#readRecord(place) ?? []);
  }

  async proveInclusion(id: string): Promise<InclusionProof> {
    const { derived } = this.#parts;
    const place = derived.index.find(id);
    const line = place === undefined ? undefined : this.#readLine(place)?.toString('utf8');
    if (place === undefined || line === undefined) throw notFound(id);
    const checkpoint = place.index < this.#signedSize ? this.checkpoint : await this.signCheckpoint();
    const { publicKey } = this.#options.signingKey;
    return proveInclusion(derived, { index: place.index, line, checkpoint, publicKey });
  }

  async proveConsistency(oldSize: number): Promise<ConsistencyProof> {
    const checkpoint = oldSize <= this.#signedSize ? this.checkpoint : await this.signCheckpoint();
    return proveConsistency(this.#parts.derived, oldSize, checkpoint, this.#options.signingKey.publicKey);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async #stop(): Promise<void> {
    this.#timer.cancel();
    await this.#queue.idle();
    try {
      await this.signCheckpoint();
    } finally {
      await this.#queue.between(() => this.#parts.writer.close());
      this.#parts.release();
    }
  }

  async #push(encoded: readonly Encoded[]): Promise<Appended> {
    if (this.#stopping !== undefined) {
      throw new AuditError({ code: 'ledger.stopped', message: 'the ledger is stopped' });
    }
    const added = await this.#queue.push(encoded);
    return { added, duplicates: encoded.length - added };
  }

  #readLine({ segment, offset, length }: Place): Buffer | undefined {
    return readLineAt(segmentAt(this.#options.folder, segment).path, offset, length);
  }

  #readRecord(place: Place): LedgerRecord | undefined {
    const line = this.#readLine(place);
    return line && tryParseLine(line)?.record;
  }
}

function notFound(id: string): AuditError {
  return new AuditError({ code: 'ledger.not-found', message: `the ledger has no record \`${id}\`` });
}
