import { type Clock, systemClock } from '../../src/core/clock.ts';
import { checkKey, checkWrites, keyOf, rangeOf } from '../../src/storage/bounds.ts';
import { conflict, unavailable } from '../../src/storage/errors.ts';
import type { Entry, Page, Store, Write } from '../../src/storage/store.ts';

const byKey = (a: Entry, b: Entry): number => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key));
const copy = (entry: Entry): Entry => ({ ...entry, value: Uint8Array.from(entry.value) });

/** A store that forgets everything with the process. It passes the same behaviour suite as the durable ones. */
export class MemoryStore implements Store {
  readonly #entries = new Map<string, Entry>();
  readonly #clock: Clock;
  #stopped = false;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#checkRunning();
    checkKey(key);
    const entry = this.#current(key);
    return entry && copy(entry);
  }

  async list(prefix: string, page?: Page): Promise<readonly Entry[]> {
    this.#checkRunning();
    const { from, inclusive, limit } = rangeOf(prefix, page);
    const after = Buffer.from(from);
    return [...this.#entries.keys()]
      .filter((key) => key.startsWith(prefix))
      .filter((key) => Buffer.compare(Buffer.from(key), after) >= (inclusive ? 0 : 1))
      .flatMap((key) => this.#current(key) ?? [])
      .sort(byKey)
      .slice(0, limit)
      .map(copy);
  }

  async write(writes: readonly Write[]): Promise<void> {
    this.#checkRunning();
    checkWrites(writes);
    for (const write of writes) this.#checkPrecondition(write);
    for (const write of writes) this.#apply(write);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
  }

  #checkPrecondition(write: Write): void {
    const version = this.#current(keyOf(write))?.version;
    const met = write.if === undefined || (write.if === 'absent' ? version === undefined : version === write.if);
    if (!met) throw conflict(keyOf(write));
  }

  #apply(write: Write): void {
    if ('delete' in write) {
      this.#entries.delete(write.delete);
      return;
    }
    const version = (this.#current(write.put)?.version ?? 0) + 1;
    const expiry = write.expiresAtMs === undefined ? {} : { expiresAtMs: write.expiresAtMs };
    this.#entries.set(write.put, { key: write.put, value: Uint8Array.from(write.value), version, ...expiry });
  }

  #current(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    return (entry?.expiresAtMs ?? Number.POSITIVE_INFINITY) > this.#clock.now() ? entry : undefined;
  }

  #checkRunning(): void {
    if (this.#stopped) throw unavailable('the store is stopped');
  }
}
