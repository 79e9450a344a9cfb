// How many records are on the medium, written after each sync and before anyone is told. After a crash it parts what
// may be cut back (never acknowledged) from what may not. It is not synced itself: it survives the death of the process, and
// after a power cut it is at worst too low, which only cuts back what the medium did not keep anyway.

import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { tryReadText } from '../core/files.ts';

const digits = 16;
const watermarkPath = (folder: string): string => join(folder, 'durable');

/** The number of records known to be on the medium; 0 where nothing says so. */
export function readWatermark(folder: string): number {
  const text = tryReadText(watermarkPath(folder)) ?? '';
  return /^[0-9]{16}\n$/.test(text) ? Number(text) : 0;
}

/** Where the number is kept. */
export interface Watermark {
  set(size: number): void;
  close(): void;
}

/** Opens it for writing. */
export function openWatermark(folder: string): Watermark {
  const handle = openSync(watermarkPath(folder), constants.O_RDWR | constants.O_CREAT, 0o600);
  return {
    set: (size) => void writeSync(handle, `${String(size).padStart(digits, '0')}\n`, 0),
    close: () => closeSync(handle),
  };
}
