import { hasCode } from '../core/errors.ts';
import type { Store } from '../storage/index.ts';
import { type AuthorityState, decodeState, encodeState } from './authority-state.ts';

/** State as it was read, with the version that a write must find. */
export interface Reading {
  readonly state: AuthorityState;
  readonly version: number;
}

/** Where the authorities of one trust domain are kept. Several control replicas may share it. */
export interface AuthorityBook {
  /** The current state, made by `first` where there is none yet. */
  read(): Promise<Reading>;
  /**
   * Replaces the state by what `change` makes of it, in one atomic write; where someone else was faster, `change` is asked again
   * about the newer state. Gives the state that is in force; undefined from `change` leaves it as it is.
   */
  update(
    change: (state: AuthorityState) => Promise<AuthorityState | undefined> | AuthorityState | undefined,
  ): Promise<AuthorityState>;
}

// Two replicas that rotate at once meet a few times at most; more than this is a fault.
const maxAttempts = 8;

export function openAuthorityBook(
  store: Store,
  trustDomain: string,
  first: () => Promise<AuthorityState>,
): AuthorityBook {
  const key = `identity/${trustDomain}/authorities`;
  let cached: (Reading & { readonly bytes: Buffer }) | undefined;

  const read = async (): Promise<Reading> => {
    const entry = await store.get(key);
    if (entry === undefined) return begin();
    // Compared by content: a version alone would not tell a store that was restored from a backup.
    if (cached?.version !== entry.version || !cached.bytes.equals(entry.value))
      cached = { state: decodeState(entry.value), version: entry.version, bytes: Buffer.from(entry.value) };
    return cached;
  };

  const begin = async (): Promise<Reading> => {
    const state = await first();
    await store.write([{ put: key, value: encodeState(state), if: 'absent' }]).catch(unlessConflict);
    return read();
  };

  return {
    read,
    update: async (change) => {
      for (let attempt = 1; ; attempt++) {
        const { state, version } = await read();
        const next = await change(state);
        if (next === undefined) return state;
        try {
          await store.write([{ put: key, value: encodeState(next), if: version }]);
          return next;
        } catch (error) {
          if (attempt === maxAttempts) throw error;
          unlessConflict(error);
        }
      }
    },
  };
}

function unlessConflict(error: unknown): void {
  if (!hasCode(error, 'storage.conflict')) throw error;
}
