import { closeSync, existsSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { checkPrivate, ensurePrivateFolder, syncFolder } from '../core/files.ts';
import { full, StorageError, unavailable } from './errors.ts';

/** Layout of the tables; grows when they change. */
export const schemaVersion = 1;

// Marks the file as ours: `MRLN`.
const applicationId = 0x4d524c4e;
const pageBytes = 4096;

const schema = `
  CREATE TABLE entry (
    key TEXT PRIMARY KEY,
    value BLOB NOT NULL,
    version INTEGER NOT NULL,
    expires_at_ms INTEGER
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX entry_expiry ON entry (expires_at_ms) WHERE expires_at_ms IS NOT NULL;
  PRAGMA application_id = ${applicationId};
  PRAGMA user_version = ${schemaVersion};
`;

/** Where the database lies and how large it may grow. */
export interface DatabaseOptions {
  readonly path: string;
  readonly busyTimeoutMs: number;
  readonly maxBytes: number | undefined;
}

/**
 * Opens the database, making folder (0700) and file (0600) where they are missing, and checks that it is ours, sound and
 * of a schema that we know. Throws `state.*` for folder and file, `storage.corrupt`, `storage.newer-schema`, `storage.unavailable`.
 */
export function openDatabase(options: DatabaseOptions): DatabaseSync {
  preparePath(options.path);
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(options.path, { timeout: options.busyTimeoutMs });
    configure(database, options.maxBytes);
    migrate(database, options.path);
    checkSound(database, options.path);
    return database;
  } catch (error) {
    database?.close();
    throw toStorageError(error, options.path);
  }
}

// The file is made before SQLite opens it, so that it never exists with a wider mode; SQLite gives the same mode to
// the write-ahead log beside it.
function preparePath(path: string): void {
  const folder = dirname(path);
  ensurePrivateFolder(folder);
  if (!existsSync(path)) {
    closeSync(openSync(path, 'a', 0o600));
    syncFolder(folder);
  }
  checkPrivate(path);
}

function configure(database: DatabaseSync, maxBytes: number | undefined): void {
  database.exec(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA secure_delete = FAST;
    PRAGMA trusted_schema = OFF;
  `);
  if (maxBytes !== undefined) database.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / pageBytes))}`);
}

function migrate(database: DatabaseSync, path: string): void {
  // IMMEDIATE: of two processes that open a new file at once, the second waits and then finds the tables.
  database.exec('BEGIN IMMEDIATE');
  const version = pragma(database, 'user_version');
  const isNew = version === 0 && pragma(database, 'schema_version') === 0;
  if (isNew) database.exec(schema);
  else checkOurs(database, Number(version), path);
  database.exec('COMMIT');
}

function checkOurs(database: DatabaseSync, version: number, path: string): void {
  if (pragma(database, 'application_id') !== applicationId)
    throw corrupt(path, 'it is the database of another program');
  if (version > schemaVersion)
    throw new StorageError({
      code: 'storage.newer-schema',
      message: `\`${path}\` was written by a newer version of this program (schema ${version}, this one knows ${schemaVersion})`,
      hint: 'run the newer version, or restore an older backup',
    });
}

function checkSound(database: DatabaseSync, path: string): void {
  const verdict = pragma(database, 'quick_check(1)');
  if (verdict !== 'ok') throw corrupt(path, String(verdict));
}

function pragma(database: DatabaseSync, name: string): unknown {
  const row = database.prepare(`PRAGMA ${name}`).get();
  return row === undefined ? undefined : Object.values(row)[0];
}

function corrupt(path: string, detail: string, cause?: unknown): StorageError {
  return new StorageError({
    code: 'storage.corrupt',
    message: `\`${path}\` is damaged or is not a store`,
    detail,
    hint: 'restore it from a backup; the damaged file is left as it is',
    cause,
  });
}

// Primary result codes, https://sqlite.org/rescode.html
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_NOTADB = 26;

/** What a failure inside SQLite means to a caller of the store. Errors of this program pass unchanged. */
export function toStorageError(error: unknown, path: string): Error {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return error as Error;
  switch (error.errcode & 0xff) {
    case SQLITE_FULL:
      return full(error);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return corrupt(path, error.message, error);
    default:
      return unavailable(`${path}: ${error.message}`, error);
  }
}
