// What is stored of a secret: one record of metadata, and one entry for each version's data.

import type { Entry, Store } from '../storage/index.ts';
import { secretsConfig } from './config.ts';

/** One version, without its data. */
export interface KvVersion {
  readonly createdMs: number;
  /** Deleted, and can be undeleted. */
  readonly deletedMs?: number;
  /** Its data is gone for good. */
  readonly destroyed?: boolean;
}

/** All that is known of a secret but its data. */
export interface KvMetadata {
  readonly createdMs: number;
  readonly updatedMs: number;
  /** The newest version; 0 before the first. */
  readonly current: number;
  /** 0: the mount's default. */
  readonly maxVersions: number;
  readonly casRequired: boolean;
  readonly custom?: Readonly<Record<string, string>>;
  /** By version number. */
  readonly versions: Readonly<Record<string, KvVersion>>;
}

/** Fields of a secret. Values are any JSON, as in Vault. */
export type Fields = Readonly<Record<string, unknown>>;

const root = 'secrets/kv';

/** Where the metadata of the secrets below `path` stand. */
export const metadataKey = (mount: string, path: string): string => `${root}/${mount}/metadata/${path}`;

/** Where a version's data stand. The version comes first, so that no secret's name can look like another's version. */
export const dataKey = (mount: string, path: string, version: number): string =>
  `${root}/${mount}/data/${String(version).padStart(9, '0')}/${path}`;

/** Metadata, and the version of the entry that holds it. */
export interface StoredMetadata {
  readonly metadata: KvMetadata;
  readonly entryVersion: number;
}

/** `value` as bytes to store. */
export const encodeJson = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/** Inverse of `encodeJson`. */
export const decodeJson = <T>(entry: Entry): T => JSON.parse(Buffer.from(entry.value).toString('utf8')) as T;

/** The metadata of the secret at `path`, or undefined where there never was one. */
export async function readMetadata(store: Store, mount: string, path: string): Promise<StoredMetadata | undefined> {
  const entry = await store.get(metadataKey(mount, path));
  return entry && { metadata: decodeJson<KvMetadata>(entry), entryVersion: entry.version };
}

/** The metadata of a secret that does not exist yet. */
export function emptyMetadata(nowMs: number): KvMetadata {
  return { createdMs: nowMs, updatedMs: nowMs, current: 0, maxVersions: 0, casRequired: false, versions: {} };
}

/** Parts the versions of `metadata` into those that its bound keeps and the numbers of those that it drops. */
export function applyBound(metadata: KvMetadata): {
  readonly metadata: KvMetadata;
  readonly dropped: readonly number[];
} {
  const bound = metadata.maxVersions || secretsConfig.maxVersions;
  const numbers = Object.keys(metadata.versions).map(Number);
  const dropped = numbers.filter((number) => number <= metadata.current - bound);
  const kept = Object.entries(metadata.versions).filter(([number]) => Number(number) > metadata.current - bound);
  return { metadata: { ...metadata, versions: Object.fromEntries(kept) }, dropped };
}
