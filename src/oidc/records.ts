import { createHash } from 'node:crypto';
import { encodeUtf8 } from '../core/bytes.ts';
import type { Entry, Store } from '../storage/index.ts';
import { oidcError } from './errors.ts';

/** A stored record and the version that it was read at. */
export interface Stored<T> {
  readonly value: T;
  readonly version: number;
}

/** Bytes of a record. */
export function encodeRecord(value: object): Uint8Array {
  return encodeUtf8(JSON.stringify(value));
}

/** Inverse of `encodeRecord`. The store authenticates what it holds, so the shape is taken at its word. Throws `oidc.corrupt`. */
export function decodeRecord<T>({ key, value }: Entry): T {
  try {
    return JSON.parse(Buffer.from(value).toString('utf8')) as T;
  } catch {
    throw oidcError('oidc.corrupt', `the stored record \`${key}\` cannot be read`);
  }
}

/** The record at `key`, or undefined. */
export async function tryReadRecord<T>(store: Store, key: string): Promise<Stored<T> | undefined> {
  const entry = await store.get(key);
  return entry === undefined ? undefined : { value: decodeRecord<T>(entry), version: entry.version };
}

const pageSize = 1000;

/** Every entry under `prefix`, page by page. */
export async function* walkEntries(store: Store, prefix: string): AsyncGenerator<Entry> {
  for (let after: string | undefined; ; ) {
    const page: readonly Entry[] = await store.list(prefix, { limit: pageSize, ...(after !== undefined && { after }) });
    yield* page;
    if (page.length < pageSize) return;
    after = page.at(-1)?.key;
  }
}

/** A name from outside as a part of a key: of fixed length, with no slash in it, and telling nothing of a secret id. */
export function keyPart(name: string): string {
  return createHash('sha256').update(name).digest('base64url');
}
