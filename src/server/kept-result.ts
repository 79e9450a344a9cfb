import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Store } from '../storage/index.ts';

const maxKeptBytes = 8 * 1024 * 1024;
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

interface Kept<Result> {
  readonly hash: string;
  readonly result?: Result;
}

export interface KeptWork<Result> {
  /** Where the last result lies in the store. */
  readonly key: string;
  /** All that the result follows from, as JSON; the version of the program is added. */
  readonly input: unknown;
  make(): Promise<Result>;
  /** What is not worth keeping is made again. */
  isKept?(result: Result): boolean;
}

/**
 * The result of work that a restart need not do again: made, or what the last work on the very same input by the same version
 * gave. What it is lies behind the barrier, so nobody can put another one there.
 */
export async function resultOnce<Result>(store: Store, work: KeptWork<Result>): Promise<Result> {
  const hash = createHash('sha256').update(version).update(JSON.stringify(work.input)).digest('base64url');
  const entry = await store.get(work.key);
  const kept = entry === undefined ? undefined : (JSON.parse(Buffer.from(entry.value).toString()) as Kept<Result>);
  if (kept?.hash === hash && kept.result !== undefined) return kept.result;
  const result = await work.make();
  const value = Buffer.from(JSON.stringify({ hash, result } satisfies Kept<Result>));
  if ((work.isKept?.(result) ?? true) && value.byteLength <= maxKeptBytes)
    await store.write([{ put: work.key, value }]);
  return result;
}
