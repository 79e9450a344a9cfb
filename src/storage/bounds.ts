import { invalid } from './errors.ts';
import type { Page, Write } from './store.ts';

/** What every store takes at most, so that no caller comes to lean on one implementation's generosity. */
export const storeBounds = {
  keyBytes: 1024,
  valueBytes: 16 * 1024 * 1024,
  writesPerBatch: 10_000,
  entriesPerPage: 10_000,
} as const;

const defaultPageSize = 1000;

// The highest code point is kept out of keys: appended to a prefix, it bounds every key that starts so.
const aboveEveryKey = '\u{10ffff}';
const unfit = /[\u0000-\u001f\u007f\u{10ffff}]/u;

/** Throws `storage.invalid` unless `key` is 1 to 1,024 bytes of well-formed text without control characters. */
export function checkKey(key: string): void {
  if (key === '') throw invalid('a key may not be empty');
  if (Buffer.byteLength(key) > storeBounds.keyBytes)
    throw invalid(`a key may not be longer than ${storeBounds.keyBytes} bytes`);
  if (!key.isWellFormed() || unfit.test(key)) throw invalid('a key may not hold control characters or broken text');
}

/** Throws `storage.invalid` where a batch is too large, names a key twice, or holds a key or value that no store takes. */
export function checkWrites(writes: readonly Write[]): void {
  if (writes.length > storeBounds.writesPerBatch)
    throw invalid(`a batch may not hold more than ${storeBounds.writesPerBatch} writes`);
  const keys = new Set<string>();
  for (const write of writes) {
    const key = keyOf(write);
    checkKey(key);
    if (keys.has(key)) throw invalid('a batch may name each key once');
    keys.add(key);
    if ('put' in write) checkPut(write.value, write.expiresAtMs);
    if (typeof write.if === 'number' && (!Number.isSafeInteger(write.if) || write.if < 1))
      throw invalid('a version is a whole number from 1');
  }
}

function checkPut(value: Uint8Array, expiresAtMs: number | undefined): void {
  if (value.byteLength > storeBounds.valueBytes)
    throw invalid(`a value may not be longer than ${storeBounds.valueBytes} bytes`);
  if (expiresAtMs !== undefined && !Number.isSafeInteger(expiresAtMs))
    throw invalid('an expiry is a whole number of milliseconds');
}

/** The key that a write is about. */
export function keyOf(write: Write): string {
  return 'put' in write ? write.put : write.delete;
}

/** A listing as bounds: keys from `from` (itself included only if `inclusive`) up to but without `below`, at most `limit`. */
export interface KeyRange {
  readonly from: string;
  readonly inclusive: boolean;
  readonly below: string;
  readonly limit: number;
}

/** The range of keys that start with `prefix` and come after `page.after`. Throws `storage.invalid` for a bad limit. */
export function rangeOf(prefix: string, page: Page = {}): KeyRange {
  const limit = page.limit ?? defaultPageSize;
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > storeBounds.entriesPerPage)
    throw invalid(`a page holds 1 to ${storeBounds.entriesPerPage} entries`);
  if (prefix !== '') checkKey(prefix);
  const { after } = page;
  const later = after !== undefined && Buffer.compare(Buffer.from(after), Buffer.from(prefix)) >= 0;
  return { from: later ? after : prefix, inclusive: !later, below: prefix + aboveEveryKey, limit };
}
