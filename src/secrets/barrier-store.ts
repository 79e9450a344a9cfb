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

/** The store, and what re-encrypts it. */
export interface BarrierStore {
  readonly store: Store;
  /** Rewrites every entry that is not under the active key; gives how many. */
  rewriteStale(): Promise<number>;
}

const pageSize = 200;
const placeOf = (key: string): Buffer => Buffer.from(`merlon barrier 1\0${key}`);

/** A store whose values are encrypted in `parts.store`. Its `stop` stops that one. */
export function createBarrierStore({ store, ring, makeHeadroom, reserved }: BarrierStoreParts): BarrierStore {
  const checkKey = (key: string): void => {
    if (key === reserved) throw new SecretsError('secrets.bad-path', `\`${key}\` is the barrier's own`);
  };

  const decrypt = (entry: Entry): Entry => {
    try {
      return { ...entry, value: ring().decrypt(entry.value, placeOf(entry.key)) };
    } catch (cause) {
      if (hasCode(cause, 'secrets.sealed')) throw cause;
      throw new SecretsError('secrets.tampered', 'an entry of the store was changed, or moved from another place', {
        detail: `entry \`${entry.key}\``,
        cause,
      });
    }
  };

  const encryptAll = (writes: readonly Write[]): Write[] => {
    const keys = ring();
    return writes.map((one) => ('put' in one ? { ...one, value: keys.encrypt(one.value, placeOf(one.put)) } : one));
  };

  const write = async (writes: readonly Write[]): Promise<void> => {
    for (const one of writes) checkKey('put' in one ? one.put : one.delete);
    const count = writes.filter((one) => 'put' in one).length;
    let taken = writes;
    if (ring().headroom < count) {
      // Before anything is waited for, the values are ours: the caller may reuse its buffers.
      taken = structuredClone(writes);
      while (ring().headroom < count) await makeHeadroom();
    }
    // No await between the check and here: others encrypt in between.
    await store.write(encryptAll(taken));
  };

  return {
    store: {
      async get(key) {
        ring();
        checkKey(key);
        const entry = await store.get(key);
        return entry && decrypt(entry);
      },
      async list(prefix: string, page?: Page) {
        ring();
        const entries = await store.list(prefix, page);
        return entries.filter(({ key }) => key !== reserved).map(decrypt);
      },
      write,
      stop: () => store.stop(),
    },
    async rewriteStale() {
      let rewritten = 0;
      for await (const entry of allEntries(store)) {
        if (entry.key === reserved || !ring().isStale(entry.value)) continue;
        rewritten += await rewrite(write, decrypt(entry));
      }
      return rewritten;
    },
  };
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

async function rewrite(write: Store['write'], { key, value, version, expiresAtMs }: Entry): Promise<number> {
  try {
    await write([{ put: key, value, if: version, ...(expiresAtMs !== undefined && { expiresAtMs }) }]);
    return 1;
  } catch (error) {
    // Somebody wrote it in the meantime, and so under the new key; or it is gone.
    if (hasCode(error, 'storage.conflict')) return 0;
    throw error;
  }
}
