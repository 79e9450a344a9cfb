import { hasCode } from '../core/errors.ts';
import type { Keyring } from '../crypto/index.ts';
import type { Entry, Page, Store, Write } from '../storage/index.ts';
import { SecretsError } from './errors.ts';

/** What an encrypting store is made of. */
export interface BarrierStoreParts {
  /** Where the encrypted entries go. */
  readonly store: Store;
  /** The keys, or `secrets.sealed` thrown. */
  readonly ring: () => Keyring;
  /** Stores the ring with a new claim of messages. */
  readonly makeHeadroom: () => Promise<void>;
  /** The one entry that is not behind the barrier. */
  readonly reserved: string;
}

const pageSize = 200;
const placeOf = (key: string): Buffer => Buffer.from(`merlon barrier 1\0${key}`);
const keyOf = (write: Write): string => ('put' in write ? write.put : write.delete);

/** A store whose values are encrypted in another one. Its `stop` stops that one. */
export class BarrierStore implements Store {
  readonly #parts: BarrierStoreParts;

  constructor(parts: BarrierStoreParts) {
    this.#parts = parts;
  }

  async get(key: string): Promise<Entry | undefined> {
    this.#parts.ring();
    this.#checkKey(key);
    const entry = await this.#parts.store.get(key);
    return entry && this.#decrypt(entry);
  }

  async list(prefix: string, page: Page = {}): Promise<readonly Entry[]> {
    const { ring, store, reserved } = this.#parts;
    ring();
    const entries = await store.list(prefix, page);
    const own = entries.filter(({ key }) => key !== reserved);
    // A page that is short tells the caller that it was the last one, so what is left out is made up for.
    const after = own.length < entries.length ? entries.at(-1)?.key : undefined;
    const more = after === undefined ? [] : await store.list(prefix, { after, limit: 1 });
    return [...own, ...more].map((entry) => this.#decrypt(entry));
  }

  async write(writes: readonly Write[]): Promise<void> {
    const { ring, store, makeHeadroom } = this.#parts;
    for (const one of writes) this.#checkKey(keyOf(one));
    const count = writes.filter((one) => 'put' in one).length;
    let taken = writes;
    if (ring().headroom < count) {
      // Before anything is waited for, the values are ours: the caller may reuse its buffers.
      taken = structuredClone(writes);
      while (ring().headroom < count) await makeHeadroom();
    }
    // No await between the check and here: others encrypt in between.
    await store.write(taken.map((one) => this.#encrypt(one)));
  }

  stop(): Promise<void> {
    return this.#parts.store.stop();
  }

  /** Rewrites every entry that is not under the active key; gives how many. */
  async rewriteStale(): Promise<number> {
    const { ring, store, reserved } = this.#parts;
    let rewritten = 0;
    for await (const entry of allEntries(store)) {
      if (entry.key === reserved || !ring().isStale(entry.value)) continue;
      rewritten += await rewrite(this, this.#decrypt(entry));
    }
    return rewritten;
  }

  #checkKey(key: string): void {
    if (key === this.#parts.reserved) throw new SecretsError('secrets.bad-path', `\`${key}\` is the barrier's own`);
  }

  #encrypt(write: Write): Write {
    return 'put' in write ? { ...write, value: this.#parts.ring().encrypt(write.value, placeOf(write.put)) } : write;
  }

  #decrypt(entry: Entry): Entry {
    try {
      return { ...entry, value: this.#parts.ring().decrypt(entry.value, placeOf(entry.key)) };
    } catch (cause) {
      if (hasCode(cause, 'secrets.sealed')) throw cause;
      throw new SecretsError('secrets.tampered', 'an entry of the store was changed, or moved from another place', {
        detail: `entry \`${entry.key}\``,
        cause,
      });
    }
  }
}

async function* allEntries(store: Store): AsyncGenerator<Entry> {
  let after: string | undefined;
  for (;;) {
    const entries = await store.list('', { limit: pageSize, ...(after !== undefined && { after }) });
    yield* entries;
    after = entries.at(-1)?.key;
    if (entries.length < pageSize) return;
  }
}

async function rewrite(store: Store, { key, value, version, expiresAtMs }: Entry): Promise<number> {
  try {
    await store.write([{ put: key, value, if: version, ...(expiresAtMs !== undefined && { expiresAtMs }) }]);
    return 1;
  } catch (error) {
    // Somebody wrote it in the meantime, and so under the new key; or it is gone.
    if (hasCode(error, 'storage.conflict')) return 0;
    throw error;
  }
}
