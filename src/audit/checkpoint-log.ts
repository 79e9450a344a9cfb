// The checkpoints that the ledger has signed: all of them in `checkpoints.ndjson` (each line a note as a JSON string), the
// newest also alone in `checkpoint`, as tools for transparency logs expect it.

import { closeSync, fstatSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomic } from '../core/files.ts';
import { readLines } from './segment.ts';

const historyPath = (folder: string): string => join(folder, 'checkpoints.ndjson');

/** The signed notes of the ledger in `folder`, oldest first; undefined for a line that is none. */
export function* readCheckpointNotes(folder: string): Generator<string | undefined> {
  for (const { bytes, complete } of readLines(historyPath(folder))) {
    // What follows the last newline was being written when the machine stopped; nobody was told of it.
    if (complete) yield tryParseText(bytes);
  }
}

function tryParseText(bytes: Buffer): string | undefined {
  try {
    const note: unknown = JSON.parse(bytes.toString('utf8'));
    return typeof note === 'string' ? note : undefined;
  } catch {
    return undefined;
  }
}

/** Where signed notes are kept. */
export interface CheckpointLog {
  /** The newest note; undefined before the first, `''` where the last line is damaged. */
  readonly last: string | undefined;
  /** Adds a note, on the medium when this returns. */
  append(note: string): void;
  close(): void;
}

// No note that this ledger writes is longer: an origin of 255 characters, a size, a root and one signature.
const tailBytes = 8 << 10;

/** Opens the checkpoints of the ledger in `folder`, cutting back a line that was never finished. */
export function openCheckpointLog(folder: string): CheckpointLog {
  const file = openSync(historyPath(folder), 'a+', 0o600);
  const { size } = fstatSync(file);
  const tail = Buffer.alloc(Math.min(size, tailBytes));
  readSync(file, tail, 0, tail.length, size - tail.length);
  const end = tail.lastIndexOf(10) + 1;
  let length = size - tail.length + end;
  const lastLine = tail.subarray(0, Math.max(0, end - 1));
  let last = end === 0 ? undefined : (tryParseText(lastLine.subarray(lastLine.lastIndexOf(10) + 1)) ?? '');
  return {
    get last() {
      return last;
    },
    append(note) {
      const bytes = Buffer.from(`${JSON.stringify(note)}\n`);
      ftruncateSync(file, length);
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      fsyncSync(file);
      length += bytes.length;
      last = note;
      writeFileAtomic(join(folder, 'checkpoint'), note);
    },
    close: () => closeSync(file),
  };
}
