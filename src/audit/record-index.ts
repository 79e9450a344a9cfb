// The index of the ledger: where each record stands, and the columns that people search by. Derived from the segments.

import { mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue } from 'node:sqlite';
import type { LedgerRecord } from '../api/record.ts';
import { ensurePrivateFile } from '../core/files.ts';

/** Which records to give. All given conditions must hold. */
export interface LedgerQuery {
  /** Epoch milliseconds, inclusive. */
  readonly since?: number;
  /** Epoch milliseconds, exclusive. */
  readonly until?: number;
  /** `decision` or `event`. */
  readonly kind?: LedgerRecord['kind'];
  /** `allow`, `deny`, `error` of decisions; `success`, `failure` of events. */
  readonly verdict?: string;
  readonly service?: string;
  /** The principal's or actor's id. */
  readonly principal?: string;
  readonly route?: string;
  /** Error code of a denial (`authn.token-expired`) or action of an event (`secret.read`). */
  readonly code?: string;
  /** At most so many (100 unless told, 10,000 at most), newest first. */
  readonly limit?: number;
}

/** Where a record stands. */
export interface Place {
  /** Leaf index. */
  readonly index: number;
  /** First index of its segment. */
  readonly segment: number;
  /** Byte offset of its line, and the line's length without the newline. */
  readonly offset: number;
  readonly length: number;
}

/** A record and where it stands. */
export interface Placed extends Place {
  readonly record: LedgerRecord;
}

/** The searchable index. */
export interface RecordIndex {
  /** How many records, from the first on, are indexed. */
  readonly size: number;
  /** Adds records that follow those already held: all of them, or none. */
  append(records: readonly Placed[]): void;
  /** Forgets the records from `size` on. */
  truncate(size: number): void;
  find(id: string): Place | undefined;
  at(index: number): Place | undefined;
  query(query: LedgerQuery): Place[];
  close(): void;
}

const schemaVersion = 2;
const schema = `
  CREATE TABLE IF NOT EXISTS records (
    leaf INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, segment INTEGER NOT NULL, offset INTEGER NOT NULL,
    length INTEGER NOT NULL, time INTEGER NOT NULL, kind TEXT NOT NULL, verdict TEXT NOT NULL,
    service TEXT, principal TEXT, route TEXT, code TEXT
  ) STRICT;
  CREATE INDEX IF NOT EXISTS by_time ON records (time);
  CREATE INDEX IF NOT EXISTS by_verdict ON records (verdict, time) WHERE verdict <> 'allow';
  CREATE INDEX IF NOT EXISTS by_principal ON records (principal, time) WHERE principal IS NOT NULL;
  CREATE INDEX IF NOT EXISTS by_service ON records (service, time) WHERE service IS NOT NULL;
  CREATE INDEX IF NOT EXISTS by_code ON records (code, time) WHERE code IS NOT NULL;
  PRAGMA user_version = ${schemaVersion};
`;

function openDatabase(path: string): DatabaseSync {
  ensurePrivateFile(path);
  const database = new DatabaseSync(path);
  // Losing the last rows to a power cut is harmless: they are read again from the segments.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;');
  const version = database.prepare('PRAGMA user_version').get()?.user_version;
  if (version !== 0 && version !== schemaVersion) throw new Error('an index of another version');
  database.exec(schema);
  return database;
}

/** Opens the index at `path`. One that is missing, damaged or of another version is begun anew, empty. */
export function openRecordIndex(path: string): RecordIndex {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    return useDatabase(openDatabase(path));
  } catch {
    for (const suffix of ['', '-wal', '-shm']) rmSync(`${path}${suffix}`, { force: true });
    return useDatabase(openDatabase(path));
  }
}

const placeColumns = 'leaf AS "index", segment, offset, length';

function useDatabase(database: DatabaseSync): RecordIndex {
  const insert = database.prepare('INSERT INTO records VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const byId = database.prepare(`SELECT ${placeColumns} FROM records WHERE id = ?`);
  const byLeaf = database.prepare(`SELECT ${placeColumns} FROM records WHERE leaf = ?`);
  const forget = database.prepare('DELETE FROM records WHERE leaf >= ?');
  const last = database.prepare('SELECT max(leaf) AS leaf FROM records');
  const sizeNow = (): number => ((last.get()?.leaf as number | null) ?? -1) + 1;
  // A row that is missing in the middle would let its record in a second time.
  if (database.prepare('SELECT count(*) AS held FROM records').get()?.held !== sizeNow()) forget.run(0);
  let size = sizeNow();

  const transact = (work: () => void): void => {
    database.exec('BEGIN IMMEDIATE');
    try {
      work();
      database.exec('COMMIT');
    } catch (error) {
      if (database.isTransaction) database.exec('ROLLBACK');
      throw error;
    }
    size = sizeNow();
  };

  return {
    get size() {
      return size;
    },
    append: (records) => transact(() => records.forEach((placed) => void insert.run(...row(placed)))),
    truncate: (to) => transact(() => void forget.run(to)),
    find: (id) => byId.get(id) as Place | undefined,
    at: (index) => byLeaf.get(index) as Place | undefined,
    query: (query) => select(database, query),
    close: () => database.close(),
  };
}

function row({ index, segment, offset, length, record }: Placed): SQLInputValue[] {
  const place = [index, record.id, segment, offset, length, record.timeMs, record.kind];
  return record.kind === 'decision'
    ? [
        ...place,
        record.verdict,
        record.service ?? null,
        record.principal?.id ?? null,
        record.route ?? null,
        record.reason?.code ?? null,
      ]
    : [...place, record.outcome, null, record.actor.id, null, record.action];
}

const maxLimit = 10_000;
const conditions: Readonly<Record<string, string>> = {
  since: 'time >= ?',
  until: 'time < ?',
  kind: 'kind = ?',
  verdict: 'verdict = ?',
  service: 'service = ?',
  principal: 'principal = ?',
  route: 'route = ?',
  code: 'code = ?',
};

function select(database: DatabaseSync, query: LedgerQuery): Place[] {
  const asked = Object.entries(query).filter(([name, value]) => Object.hasOwn(conditions, name) && value !== undefined);
  // Said apart, so that SQLite knows the index of the few verdicts that are not `allow` to be enough.
  const refused = query.verdict === undefined || query.verdict === 'allow' ? [] : ["verdict <> 'allow'"];
  const where = [...asked.map(([name]) => conditions[name]), ...refused].join(' AND ') || 'true';
  const limit = Math.max(0, Math.min(query.limit ?? 100, maxLimit));
  const statement = database.prepare(
    `SELECT ${placeColumns} FROM records WHERE ${where} ORDER BY time DESC, leaf DESC LIMIT ?`,
  );
  return statement.all(...asked.map(([, value]) => value as SQLInputValue), limit) as unknown as Place[];
}
