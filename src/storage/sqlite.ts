import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type Clock, systemClock, type Timer } from '../core/clock.ts';
import { hasCode } from '../core/errors.ts';
import { checkKey, checkWrites, keyOf, rangeOf } from './bounds.ts';
import { defaultBusyTimeoutMs, defaultSweepPeriodMs, type SqliteStoreOptions } from './config.ts';
import { conflict, unavailable } from './errors.ts';
import { openDatabase, toStorageError } from './sqlite-file.ts';
import type { Entry, Page, Store, Write } from './store.ts';

/** A batch that waits for the next commit, and its caller. */
interface Pending {
  readonly writes: readonly Write[];
  resolve(): void;
  reject(error: unknown): void;
}

// So many expired entries go in one transaction, so that a sweep never holds up a writer for long.
const entriesPerSweep = 1000;

const live = '(expires_at_ms IS NULL OR expires_at_ms > :now)';

function prepareAll(database: DatabaseSync) {
  return {
    begin: database.prepare('BEGIN IMMEDIATE'),
    commit: database.prepare('COMMIT'),
    rollback: database.prepare('ROLLBACK'),
    get: database.prepare(`SELECT key, value, version, expires_at_ms FROM entry WHERE key = :key AND ${live}`),
    version: database.prepare(`SELECT version FROM entry WHERE key = :key AND ${live}`),
    listFrom: database.prepare(listQuery('>=')),
    listAfter: database.prepare(listQuery('>')),
    put: database.prepare(`
      INSERT INTO entry (key, value, version, expires_at_ms) VALUES (:key, :value, 1, :expiry)
      ON CONFLICT (key) DO UPDATE SET value = :value, expires_at_ms = :expiry,
        version = CASE WHEN ${live} THEN version + 1 ELSE 1 END`),
    delete: database.prepare('DELETE FROM entry WHERE key = :key'),
    sweep: database.prepare(`
      DELETE FROM entry WHERE key IN
        (SELECT key FROM entry WHERE expires_at_ms <= :now ORDER BY expires_at_ms LIMIT ${entriesPerSweep})`),
  } satisfies Record<string, StatementSync>;
}

function listQuery(comparison: '>' | '>='): string {
  return `SELECT key, value, version, expires_at_ms FROM entry
    WHERE key ${comparison} :from AND key < :below AND ${live} ORDER BY key LIMIT :limit`;
}

/**
 * A store in one SQLite file: write-ahead log, `synchronous=FULL`. All batches that arrive in one turn of the event loop
 * share a transaction and so one fsync; each still stands or falls by its own preconditions.
 *
 * Errors on opening: `state.unwritable`, `state.permissions`, `storage.corrupt`, `storage.newer-schema`, `storage.unavailable`.
 */
export function openSqliteStore(options: SqliteStoreOptions): Store {
  return new SqliteStore(options);
}

class SqliteStore implements Store {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #database: DatabaseSync;
  readonly #sql: ReturnType<typeof prepareAll>;
  readonly #sweeper: Timer;
  #pending: Pending[] = [];
  #stopped = false;

  constructor({ path, clock = systemClock, sweepPeriodMs, busyTimeoutMs, maxBytes }: SqliteStoreOptions) {
    this.#path = path;
    this.#clock = clock;
    this.#database = openDatabase({ path, busyTimeoutMs: busyTimeoutMs ?? defaultBusyTimeoutMs, maxBytes });
    this.#sql = prepareAll(this.#database);
    this.#sweeper = clock.every(sweepPeriodMs ?? defaultSweepPeriodMs, () => this.#sweep());
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#checkRunning();
    checkKey(key);
    const row = this.#reading(() => this.#sql.get.get({ key, now: this.#clock.now() }));
    return row && toEntry(row);
  }

  async list(prefix: string, page?: Page): Promise<readonly Entry[]> {
    this.#checkRunning();
    const { inclusive, ...range } = rangeOf(prefix, page);
    const query = inclusive ? this.#sql.listFrom : this.#sql.listAfter;
    return this.#reading(() => query.all({ ...range, now: this.#clock.now() })).map(toEntry);
  }

  async write(writes: readonly Write[]): Promise<void> {
    this.#checkRunning();
    checkWrites(writes);
    if (writes.length === 0) return;
    const taken = writes.map(takeOver);
    await new Promise<void>((resolve, reject) => {
      this.#pending.push({ writes: taken, resolve, reject });
      if (this.#pending.length === 1) setImmediate(() => this.#flush());
    });
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#sweeper.cancel();
    this.#flush();
    this.#database.close();
  }

  #flush(): void {
    const group = this.#pending;
    this.#pending = [];
    if (group.length > 0) this.#commit(group);
  }

  /** Commits `group` in one transaction and answers each of its callers. */
  #commit(group: readonly Pending[]): void {
    const failures = new Map<Pending, Error>();
    try {
      this.#sql.begin.run();
      for (const pending of group) this.#apply(pending, failures);
      this.#sql.commit.run();
    } catch (error) {
      this.#rollBack();
      this.#abandon(group, toStorageError(error, this.#path));
      return;
    }
    for (const pending of group) {
      const failure = failures.get(pending);
      if (failure === undefined) pending.resolve();
      else pending.reject(failure);
    }
  }

  // Together they did not fit: a batch that is too large must not take the others down. Any other failure is everyone's,
  // and to try each alone would only wait as often for the same lock.
  #abandon(group: readonly Pending[], failure: Error): void {
    const each = group.length > 1 && hasCode(failure, 'storage.full');
    for (const pending of group) {
      if (each) this.#commit([pending]);
      else pending.reject(failure);
    }
  }

  #rollBack(): void {
    try {
      if (this.#database.isTransaction) this.#sql.rollback.run();
    } catch {
      // SQLite has rolled back on its own (https://sqlite.org/lang_transaction.html, section 3).
    }
  }

  // Every precondition is looked at before anything is written: a batch names each key once, so none of its writes
  // can change what another demands, and a batch that fails has nothing to undo.
  #apply(pending: Pending, failures: Map<Pending, Error>): void {
    const now = this.#clock.now();
    const unmet = pending.writes.find((write) => !this.#isMet(write, now));
    if (unmet !== undefined) {
      failures.set(pending, conflict(keyOf(unmet)));
      return;
    }
    for (const write of pending.writes) {
      if ('delete' in write) this.#sql.delete.run({ key: write.delete });
      else this.#sql.put.run({ key: write.put, value: write.value, expiry: write.expiresAtMs ?? null, now });
    }
  }

  #isMet(write: Write, now: number): boolean {
    if (write.if === undefined) return true;
    const row = this.#sql.version.get({ key: keyOf(write), now });
    return write.if === 'absent' ? row === undefined : row?.version === write.if;
  }

  // A sweep only frees space, expired entries being invisible anyway: one that fails leaves its work to the next.
  #sweep(): void {
    try {
      const { changes } = this.#sql.sweep.run({ now: this.#clock.now() });
      if (changes === entriesPerSweep) setImmediate(() => this.#stopped || this.#sweep());
    } catch {
      return;
    }
  }

  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw toStorageError(error, this.#path);
    }
  }

  #checkRunning(): void {
    if (this.#stopped) throw unavailable('the store is stopped');
  }
}

// The batch waits for its turn, and the caller may meanwhile reuse its buffers.
function takeOver(write: Write): Write {
  return 'put' in write ? { ...write, value: Uint8Array.from(write.value) } : { ...write };
}

function toEntry(row: Record<string, unknown>): Entry {
  const {
    key,
    value,
    version,
    expires_at_ms: expiry,
  } = row as unknown as {
    key: string;
    value: Uint8Array;
    version: number;
    expires_at_ms: number | null;
  };
  return expiry === null ? { key, value, version } : { key, value, version, expiresAtMs: expiry };
}
