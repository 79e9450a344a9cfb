import type { Clock } from '../core/clock.ts';
import { hasCode } from '../core/errors.ts';
import type { Store, Write } from '../storage/index.ts';
import { secretsConfig } from './config.ts';
import { SecretsError } from './errors.ts';
import { listChildren, listPaths } from './kv-list.ts';
import {
  applyBound,
  dataKey,
  decodeJson,
  emptyMetadata,
  encodeJson,
  type Fields,
  type KvMetadata,
  type KvVersion,
  metadataKey,
  readMetadata,
} from './kv-record.ts';
import { checkSecretPath, toFolder } from './paths.ts';

export type { Fields } from './kv-record.ts';

/** A version of a secret. */
export interface KvSecret extends KvVersion {
  readonly version: number;
  /** Null where the version was deleted or destroyed. */
  readonly fields: Fields | null;
  readonly custom?: Readonly<Record<string, string>>;
}

/** What metadata may be set to; what is left out stays. */
export interface KvSettings {
  /** Versions to keep; 0 for the default. */
  readonly maxVersions?: number;
  /** Whether every write must say which version it follows. */
  readonly casRequired?: boolean;
  readonly custom?: Readonly<Record<string, string>>;
}

/** Which versions an operation is about: those given, or the newest. */
export type Versions = readonly number[] | 'newest';

/**
 * Secrets with versions, after Vault's KV engine of version 2. Errors of all: `secrets.bad-path`, `secrets.tampered`,
 * `secrets.sealed` and the store's.
 */
export interface Kv {
  /** The version (the newest unless told) of a secret; undefined where there is none. */
  read(path: string, version?: number): Promise<KvSecret | undefined>;
  /**
   * Adds a version. `cas`: the version that it must follow, 0 for none. Errors: `secrets.cas-mismatch`,
   * `secrets.cas-required`, `secrets.too-large`.
   */
  write(path: string, fields: Fields, cas?: number): Promise<KvSecret>;
  /** Adds a version that has `fields` changed (null: removed). Error: `secrets.not-found` where there is nothing to change. */
  patch(path: string, fields: Fields, cas?: number): Promise<KvSecret>;
  delete(path: string, versions: Versions): Promise<void>;
  undelete(path: string, versions: readonly number[]): Promise<void>;
  destroy(path: string, versions: readonly number[]): Promise<void>;
  readMetadata(path: string): Promise<KvMetadata | undefined>;
  writeMetadata(path: string, settings: KvSettings): Promise<void>;
  /** Removes a secret with all its versions; false where there was none. */
  deleteMetadata(path: string): Promise<boolean>;
  /** Names directly below a folder; those of folders end in a slash. */
  list(folder: string): Promise<readonly string[]>;
  /** Paths of all secrets below a folder, however deep, that have a readable newest version. */
  paths(folder: string): Promise<readonly string[]>;
}

const maxAttempts = 20;

/** The engine at `mount`, over a store behind the barrier. */
export function createKv({
  store,
  clock,
  mount,
}: {
  readonly store: Store;
  readonly clock: Clock;
  readonly mount: string;
}): Kv {
  // Changes the metadata, and what goes with it, in one batch; tries again where somebody else was quicker.
  const change = async <T>(
    path: string,
    decide: (metadata: KvMetadata | undefined) => Promise<Change<T>> | Change<T>,
  ): Promise<T> => {
    checkSecretPath(path);
    for (let attempt = 1; ; attempt++) {
      const found = await readMetadata(store, mount, path);
      const { metadata, writes, result } = await decide(found?.metadata);
      if (metadata === undefined) return result;
      const guard = found?.entryVersion ?? ('absent' as const);
      const head: Write = { put: metadataKey(mount, path), value: encodeJson(metadata), if: guard };
      try {
        await store.write([head, ...writes]);
        return result;
      } catch (error) {
        if (!hasCode(error, 'storage.conflict') || attempt === maxAttempts) throw error;
      }
    }
  };

  const readData = async (path: string, version: number): Promise<Fields | null> => {
    const entry = await store.get(dataKey(mount, path, version));
    return entry === undefined ? null : decodeJson<Fields>(entry);
  };

  const addVersion = (path: string, before: KvMetadata | undefined, fields: Fields): Change<KvSecret> => {
    const value = encodeJson(fields);
    if (value.length > secretsConfig.maxSecretBytes) {
      throw new SecretsError('secrets.too-large', `a secret may have ${secretsConfig.maxSecretBytes} bytes`);
    }
    const nowMs = clock.now();
    const known = before ?? emptyMetadata(nowMs);
    const version = known.current + 1;
    const added = { ...known, current: version, updatedMs: nowMs };
    const grown = { ...added, versions: { ...known.versions, [version]: { createdMs: nowMs } } };
    const { metadata, dropped } = applyBound(grown);
    const put: Write = { put: dataKey(mount, path, version), value };
    const deletes = dropped.map((number): Write => ({ delete: dataKey(mount, path, number) }));
    return { metadata, writes: [put, ...deletes], result: { version, createdMs: nowMs, fields, ...customOf(known) } };
  };

  const read = async (path: string, version?: number): Promise<KvSecret | undefined> => {
    checkSecretPath(path);
    const metadata = (await readMetadata(store, mount, path))?.metadata;
    const number = version || metadata?.current || 0;
    const found = metadata?.versions[number];
    if (metadata === undefined || found === undefined) return undefined;
    const readable = found.deletedMs === undefined && found.destroyed !== true;
    return { ...found, version: number, fields: readable ? await readData(path, number) : null, ...customOf(metadata) };
  };

  // Changes those of the versions that exist.
  const changeVersions = (
    path: string,
    versions: Versions,
    alter: (version: KvVersion, number: number) => { readonly version: KvVersion; readonly writes?: readonly Write[] },
  ): Promise<void> =>
    change(path, (before) => {
      if (before === undefined) return unchanged;
      const numbers = versions === 'newest' ? [before.current] : versions;
      const altered = numbers.flatMap((number) => {
        const version = before.versions[number];
        return version === undefined ? [] : [{ number, ...alter(version, number) }];
      });
      const replaced = Object.fromEntries(altered.map(({ number, version }) => [number, version]));
      const metadata = { ...before, versions: { ...before.versions, ...replaced }, updatedMs: clock.now() };
      return { metadata, writes: altered.flatMap(({ writes = [] }) => writes), result: undefined };
    });

  return {
    read,
    write: (path, fields, cas) =>
      change(path, (before) => {
        checkCas(before, cas);
        return addVersion(path, before, fields);
      }),
    patch: (path, fields, cas) =>
      change(path, async (before) => {
        const newest = await read(path);
        if (before === undefined || !newest?.fields) throw notFound();
        checkCas(before, cas ?? before.current);
        return addVersion(path, before, mergePatch(newest.fields, fields) as Fields);
      }),
    delete: (path, versions) =>
      changeVersions(path, versions, (version) => ({ version: { deletedMs: clock.now(), ...version } })),
    undelete: (path, versions) => changeVersions(path, versions, ({ deletedMs: _, ...version }) => ({ version })),
    destroy: (path, versions) =>
      changeVersions(path, versions, (version, number) => ({
        version: { ...version, destroyed: true },
        writes: [{ delete: dataKey(mount, path, number) }],
      })),
    async readMetadata(path) {
      checkSecretPath(path);
      return (await readMetadata(store, mount, path))?.metadata;
    },
    writeMetadata: (path, settings) =>
      change(path, (before) => {
        const known = before ?? emptyMetadata(clock.now());
        const { metadata, dropped } = applyBound({ ...known, ...settings, updatedMs: clock.now() });
        const deletes = dropped.map((number): Write => ({ delete: dataKey(mount, path, number) }));
        return { metadata, writes: deletes, result: undefined };
      }),
    async deleteMetadata(path) {
      checkSecretPath(path);
      const found = await readMetadata(store, mount, path);
      if (found === undefined) return false;
      const data = Object.keys(found.metadata.versions).map((number) => dataKey(mount, path, Number(number)));
      await store.write([
        { delete: metadataKey(mount, path), if: found.entryVersion },
        ...data.map((key): Write => ({ delete: key })),
      ]);
      return true;
    },
    list: (folder) => listChildren(store, metadataKey(mount, toFolder(folder))),
    paths: (folder) => listPaths(store, metadataKey(mount, ''), toFolder(folder)),
  };
}

interface Change<T> {
  /** Undefined: there is nothing to change. */
  readonly metadata: KvMetadata | undefined;
  readonly writes: readonly Write[];
  readonly result: T;
}

const unchanged: Change<undefined> = { metadata: undefined, writes: [], result: undefined };

function customOf({ custom }: KvMetadata): { readonly custom?: Readonly<Record<string, string>> } {
  return custom === undefined ? {} : { custom };
}

function checkCas(before: KvMetadata | undefined, cas: number | undefined): void {
  if (cas === undefined && before?.casRequired === true) {
    throw new SecretsError('secrets.cas-required', 'check-and-set parameter required for this call');
  }
  if (cas !== undefined && cas !== (before?.current ?? 0)) {
    throw new SecretsError('secrets.cas-mismatch', 'check-and-set parameter did not match the current version');
  }
}

function notFound(): SecretsError {
  return new SecretsError('secrets.not-found', 'there is no such secret');
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

// JSON Merge Patch (RFC 7396).
function mergePatch(target: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const merged = new Map(Object.entries(isObject(target) ? target : {}));
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) merged.delete(name);
    else merged.set(name, mergePatch(merged.get(name), value));
  }
  return Object.fromEntries(merged);
}
