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
export function createKv(parts: KvParts): Kv {
  return new KvEngine(parts);
}

interface KvParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly mount: string;
}

class KvEngine implements Kv {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #mount: string;

  constructor({ store, clock, mount }: KvParts) {
    this.#store = store;
    this.#clock = clock;
    this.#mount = mount;
  }

  async read(path: string, version?: number): Promise<KvSecret | undefined> {
    const metadata = await this.readMetadata(path);
    const number = version || metadata?.current || 0;
    const found = metadata?.versions[number];
    if (metadata === undefined || found === undefined) return undefined;
    const readable = found.deletedMs === undefined && found.destroyed !== true;
    const fields = readable ? await this.#readData(path, number) : null;
    return { ...found, version: number, fields, ...customOf(metadata) };
  }

  write(path: string, fields: Fields, cas?: number): Promise<KvSecret> {
    return this.#change(path, (before) => {
      checkCas(before, cas);
      return this.#addVersion(path, before, fields);
    });
  }

  patch(path: string, fields: Fields, cas?: number): Promise<KvSecret> {
    return this.#change(path, async (before) => {
      const newest = await this.read(path);
      if (before === undefined || !newest?.fields) throw notFound();
      checkCas(before, cas ?? before.current);
      return this.#addVersion(path, before, mergePatch(newest.fields, fields) as Fields);
    });
  }

  delete(path: string, versions: Versions): Promise<void> {
    return this.#changeVersions(path, versions, (version) => ({ deletedMs: this.#clock.now(), ...version }));
  }

  undelete(path: string, versions: readonly number[]): Promise<void> {
    return this.#changeVersions(path, versions, ({ deletedMs: _, ...version }) => version);
  }

  destroy(path: string, versions: readonly number[]): Promise<void> {
    return this.#changeVersions(path, versions, (version) => ({ ...version, destroyed: true }));
  }

  async readMetadata(path: string): Promise<KvMetadata | undefined> {
    checkSecretPath(path);
    return (await readMetadata(this.#store, this.#mount, path))?.metadata;
  }

  writeMetadata(path: string, settings: KvSettings): Promise<void> {
    return this.#change(path, (before) => {
      const nowMs = this.#clock.now();
      const { metadata, dropped } = applyBound({ ...(before ?? emptyMetadata(nowMs)), ...settings, updatedMs: nowMs });
      return { metadata, writes: this.#dropData(path, dropped), result: undefined };
    });
  }

  async deleteMetadata(path: string): Promise<boolean> {
    checkSecretPath(path);
    const found = await readMetadata(this.#store, this.#mount, path);
    if (found === undefined) return false;
    const head: Write = { delete: metadataKey(this.#mount, path), if: found.entryVersion };
    await this.#store.write([head, ...this.#dropData(path, Object.keys(found.metadata.versions).map(Number))]);
    return true;
  }

  list(folder: string): Promise<readonly string[]> {
    return listChildren(this.#store, metadataKey(this.#mount, toFolder(folder)));
  }

  paths(folder: string): Promise<readonly string[]> {
    return listPaths(this.#store, metadataKey(this.#mount, ''), toFolder(folder));
  }

  // Changes the metadata, and what goes with it, in one batch; tries again where somebody else was quicker.
  async #change<T>(
    path: string,
    decide: (before: KvMetadata | undefined) => Promise<Change<T>> | Change<T>,
  ): Promise<T> {
    checkSecretPath(path);
    for (let attempt = 1; ; attempt++) {
      const found = await readMetadata(this.#store, this.#mount, path);
      const { metadata, writes, result } = await decide(found?.metadata);
      if (metadata === undefined) return result;
      const guard = found?.entryVersion ?? ('absent' as const);
      const head: Write = { put: metadataKey(this.#mount, path), value: encodeJson(metadata), if: guard };
      try {
        await this.#store.write([head, ...writes]);
        return result;
      } catch (error) {
        if (!hasCode(error, 'storage.conflict') || attempt === maxAttempts) throw error;
      }
    }
  }

  // Changes those of the versions that exist; the data of those that are destroyed by it goes.
  #changeVersions(path: string, versions: Versions, alter: (version: KvVersion) => KvVersion): Promise<void> {
    return this.#change(path, (before) => {
      if (before === undefined) return unchanged;
      const numbers = versions === 'newest' ? [before.current] : versions;
      const altered = numbers.flatMap((number) => {
        const version = before.versions[number];
        return version === undefined ? [] : [[number, alter(version)] as const];
      });
      const destroyed = altered.filter(([, version]) => version.destroyed === true).map(([number]) => number);
      const replaced = { ...before.versions, ...Object.fromEntries(altered) };
      const metadata = { ...before, versions: replaced, updatedMs: this.#clock.now() };
      return { metadata, writes: this.#dropData(path, destroyed), result: undefined };
    });
  }

  #addVersion(path: string, before: KvMetadata | undefined, fields: Fields): Change<KvSecret> {
    const value = encodeJson(fields);
    if (value.length > secretsConfig.maxSecretBytes) {
      throw new SecretsError('secrets.too-large', `a secret may have ${secretsConfig.maxSecretBytes} bytes`);
    }
    const nowMs = this.#clock.now();
    const known = before ?? emptyMetadata(nowMs);
    const version = known.current + 1;
    const versions = { ...known.versions, [version]: { createdMs: nowMs } };
    const { metadata, dropped } = applyBound({ ...known, current: version, updatedMs: nowMs, versions });
    const put: Write = { put: dataKey(this.#mount, path, version), value };
    const result = { version, createdMs: nowMs, fields, ...customOf(known) };
    return { metadata, writes: [put, ...this.#dropData(path, dropped)], result };
  }

  async #readData(path: string, version: number): Promise<Fields | null> {
    const entry = await this.#store.get(dataKey(this.#mount, path, version));
    return entry === undefined ? null : decodeJson<Fields>(entry);
  }

  #dropData(path: string, versions: readonly number[]): Write[] {
    return [...new Set(versions)].map((version) => ({ delete: dataKey(this.#mount, path, version) }));
  }
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
