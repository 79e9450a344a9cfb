import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { MemoryStore } from '../../test/fakes/store.ts';
import type { SqliteStoreOptions } from './config.ts';
import { openSqliteStore } from './sqlite.ts';
import { storeSuite } from './store.suite.ts';
import type { Store, Write } from './store.ts';

let folder: string;
let path: string;
let opened: Store[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'store-'));
  path = join(folder, 'state', 'store.db');
  opened = [];
});

afterEach(async () => {
  for (const store of opened) await store.stop();
  rmSync(folder, { recursive: true, force: true });
});

function open(options: Partial<SqliteStoreOptions> = {}): Store {
  const store = openSqliteStore({ path, clock: new ManualClock(), ...options });
  opened.push(store);
  return store;
}

const value = (text: string): Uint8Array => Buffer.from(text);

describe('sqlite store', () => {
  for (const { name, run } of storeSuite) {
    it(name, async () => {
      const clock = new ManualClock();
      await run({ store: open({ clock }), now: () => clock.now(), advance: (ms) => clock.advance(ms) });
    });
  }

  it('answers like the memory store, whatever is asked of both', async () => {
    const key = fc.constantFrom('a', 'a/b', 'a/é', 'a0', 'b');
    const precondition = fc.constantFrom(undefined, 'absent' as const, 1, 2, 3);
    const write = fc.oneof(
      fc
        .record({ put: key, life: fc.constantFrom(undefined, 5, 50), if: precondition })
        .map(({ put, life, if: demand }) => ({ put, life, demand })),
      fc
        .record({ delete: key, if: fc.constantFrom(undefined, 1, 2) })
        .map(({ delete: key, if: demand }) => ({ delete: key, demand })),
    );
    const step = fc.record({
      writes: fc.uniqueArray(write, { selector: (w) => ('put' in w ? w.put : w.delete), maxLength: 4 }),
      pass: fc.nat(20),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 20 }), async (steps) => {
        rmSync(folder, { recursive: true, force: true });
        const clock = new ManualClock();
        const [ours, model] = [open({ clock }), new MemoryStore(clock)];
        for (const { writes, pass } of steps) {
          const batch = writes.map((w) => concrete(w, clock.now()));
          expect(await outcome(ours.write(batch))).toBe(await outcome(model.write(batch)));
          clock.advance(pass);
          expect((await ours.list('')).map(plain)).toEqual((await model.list('')).map(plain));
          expect((await ours.list('a/')).map(plain)).toEqual((await model.list('a/')).map(plain));
        }
        await ours.stop();
      }),
      { numRuns: 40 },
    );
  });
});

type Drawn =
  | { put: string; life: number | undefined; demand: 'absent' | number | undefined }
  | { delete: string; demand: number | undefined };

function concrete(drawn: Drawn, now: number): Write {
  if ('delete' in drawn)
    return drawn.demand === undefined ? { delete: drawn.delete } : { delete: drawn.delete, if: drawn.demand };
  return {
    put: drawn.put,
    value: value(`${now}`),
    ...(drawn.life === undefined ? {} : { expiresAtMs: now + drawn.life }),
    ...(drawn.demand === undefined ? {} : { if: drawn.demand }),
  };
}

const outcome = (done: Promise<void>): Promise<string> =>
  done.then(
    () => 'done',
    (error: { code: string }) => error.code,
  );
const plain = (entry: { key: string; value: Uint8Array; version: number; expiresAtMs?: number }) => ({
  ...entry,
  value: Buffer.from(entry.value).toString(),
});

describe('the file', () => {
  it('is private, with its folder and its log', async () => {
    const store = open();
    await store.write([{ put: 'k', value: value('v') }]);
    expect(statSync(join(folder, 'state')).mode & 0o777).toBe(0o700);
    for (const name of ['store.db', 'store.db-wal', 'store.db-shm'])
      expect([name, statSync(join(folder, 'state', name)).mode & 0o777]).toEqual([name, 0o600]);
  });

  it('is opened without a warning', () => {
    const program =
      'const { openSqliteStore } = await import(process.argv[1]); await openSqliteStore({ path: process.argv[2] }).stop()';
    const args = ['--input-type=module', '-e', program, join(import.meta.dirname, 'sqlite.ts'), path];
    expect(spawnSync(process.execPath, args, { encoding: 'utf8' }).stderr).toBe('');
  });

  it('is refused where others may read it', async () => {
    await open().stop();
    chmodSync(path, 0o644);
    expect(() => open()).toThrow(expect.objectContaining({ code: 'state.permissions' }));
  });

  it('keeps its entries from one opening to the next', async () => {
    const first = open();
    await first.write([{ put: 'k', value: value('v') }]);
    await first.stop();
    expect((await open().get('k'))?.version).toBe(1);
  });

  it('is refused when it is not a database, not ours, damaged, or of a newer schema', async () => {
    const store = open();
    await store.write(Array.from({ length: 400 }, (_, at) => ({ put: `key/${at}`, value: Buffer.alloc(500, at) })));
    await store.stop();
    const sound = readFileSync(path);

    writeFileSync(path, 'not a database, but text that is long enough to look at'.repeat(100));
    expect(() => open()).toThrow(expect.objectContaining({ code: 'storage.corrupt' }));

    const damaged = Buffer.from(sound);
    damaged.fill(0xff, 3 * 4096, 6 * 4096);
    writeFileSync(path, damaged);
    expect(() => open()).toThrow(expect.objectContaining({ code: 'storage.corrupt' }));

    writeFileSync(path, sound);
    pragma('user_version = 2');
    expect(() => open()).toThrow(expect.objectContaining({ code: 'storage.newer-schema' }));
    pragma('user_version = 1; PRAGMA application_id = 7');
    expect(() => open()).toThrow(expect.objectContaining({ code: 'storage.corrupt' }));
  });

  it('survives two openers of a new file', async () => {
    const [one, two] = [open(), open()];
    await Promise.all([one.write([{ put: 'a', value: value('1') }]), two.write([{ put: 'b', value: value('2') }])]);
    expect((await one.list('')).map(({ key }) => key)).toEqual(['a', 'b']);
  });

  it('answers `storage.unavailable` while another process holds the lock, and recovers', async () => {
    const store = open({ busyTimeoutMs: 20 });
    const other = new DatabaseSync(path);
    other.exec('BEGIN IMMEDIATE');
    const waited = performance.now();
    const refused = await Promise.all(
      Array.from({ length: 50 }, (_, at) => outcome(store.write([{ put: `k/${at}`, value: value('v') }]))),
    );
    expect(new Set(refused)).toEqual(new Set(['storage.unavailable']));
    expect(performance.now() - waited).toBeLessThan(500);
    other.exec('ROLLBACK');
    other.close();
    await store.write([{ put: 'k', value: value('v') }]);
  });

  it('answers `storage.full` to the batch that does not fit, takes those that do, and stays sound', async () => {
    const store = open({ maxBytes: 256 * 1024 });
    await store.write([{ put: 'before', value: value('v') }]);
    const outcomes = await Promise.all([
      outcome(store.write([{ put: 'small/1', value: value('v') }])),
      outcome(store.write([{ put: 'large', value: Buffer.alloc(512 * 1024) }, { delete: 'before' }])),
      outcome(store.write([{ put: 'small/2', value: value('v') }])),
    ]);
    expect(outcomes).toEqual(['done', 'storage.full', 'done']);
    expect((await store.list('')).map(({ key }) => key)).toEqual(['before', 'small/1', 'small/2']);
    await store.stop();
    expect((await open().list('')).length).toBe(3);
  });

  it('sweeps what has expired, in steps', async () => {
    const clock = new ManualClock();
    const store = open({ clock, sweepPeriodMs: 1000 });
    const short = Array.from({ length: 2500 }, (_, at) => ({
      put: `s/${at}`,
      value: value(''),
      expiresAtMs: clock.now() + 500,
    }));
    await store.write([...short, { put: 'kept', value: value('') }]);
    expect(rows()).toBe(2501);
    clock.advance(1000);
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(rows()).toBe(1);
  });
});

function pragma(assignment: string): void {
  const database = new DatabaseSync(path);
  database.exec(`PRAGMA ${assignment}`);
  database.close();
}

function rows(): number {
  const database = new DatabaseSync(path, { readOnly: true });
  const row = database.prepare('SELECT count(*) AS rows FROM entry').get();
  database.close();
  return Number(row?.rows);
}

// Writes without end, many at a time, and prints the number of each batch once it is acknowledged.
const writer = `
  const { openSqliteStore } = await import(process.argv[1]);
  const { writeSync } = await import('node:fs');
  const store = openSqliteStore({ path: process.argv[2] });
  const lane = async (name) => {
    for (let at = 0; ; at++) {
      await store.write([
        { put: 'a/' + name + '/' + at, value: Buffer.alloc(300, 1) },
        { put: 'b/' + name + '/' + at, value: Buffer.alloc(300, 2) },
      ]);
      writeSync(1, name + '/' + at + '\\n');
    }
  };
  for (let name = 0; name < 8; name++) lane(name);
`;

// A real small disk needs the right to mount one; where that is missing, `maxBytes` above stands in for it.
const canMount = process.getuid?.() === 0 && spawnSync('mount', ['--version']).status === 0;

describe.skipIf(!canMount)('a disk that fills up', () => {
  it('loses nothing that was acknowledged, and takes writes again once there is room', async () => {
    mkdirSync(join(folder, 'state'), { mode: 0o700 });
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', join(folder, 'state')]);
    if (mounted.status !== 0) return;
    try {
      const store = open();
      const acknowledged: string[] = [];
      let code = 'done';
      for (let at = 0; code === 'done'; at++) {
        code = await outcome(store.write([{ put: `k/${at}`, value: Buffer.alloc(10_000, at) }]));
        if (code === 'done') acknowledged.push(`k/${at}`);
      }
      expect(code).toBe('storage.full');
      expect(acknowledged.length).toBeGreaterThan(10);
      expect((await store.list('k/')).map(({ key }) => key).sort()).toEqual(acknowledged.sort());
      spawnSync('mount', ['-o', 'remount,size=8m', join(folder, 'state')]);
      await store.write([{ put: 'after', value: value('v') }]);
      await store.stop();
      expect(await open().get('after')).toBeDefined();
      await opened.pop()?.stop();
    } finally {
      spawnSync('umount', [join(folder, 'state')]);
    }
  });
});

describe('kill -9', () => {
  it('loses nothing that was acknowledged, and leaves no batch in half', async () => {
    const child = spawn(
      process.execPath,
      ['--input-type=module', '-e', writer, join(import.meta.dirname, 'sqlite.ts'), path],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    let printed = '';
    child.stdout.on('data', (chunk: Buffer) => {
      printed += chunk.toString();
      if (printed.length > 6000) child.kill('SIGKILL');
    });
    const [, signal] = await once(child, 'close');
    expect(signal).toBe('SIGKILL');

    const acknowledged = printed.split('\n').slice(0, -1);
    expect(acknowledged.length).toBeGreaterThan(500);
    const store = open();
    const kept = async (prefix: string) => {
      const entries = await store.list(prefix, { limit: 10_000 });
      return new Set(entries.map(({ key }) => key.slice(prefix.length)));
    };
    const [a, b] = [await kept('a/'), await kept('b/')];
    expect(acknowledged.filter((name) => !a.has(name))).toEqual([]);
    expect(b).toEqual(a);
  });
});
