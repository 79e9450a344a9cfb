// The barrier: everything behind it is encrypted before it reaches storage. The key path is associated data, so that an entry
// moved to another path does not decrypt. Names of keys, versions and expiry pass through in the clear. Whoever can write
// to the storage can still delete an entry, or put an older value of the same entry back.

import type { KeyObject } from 'node:crypto';
import type { Clock } from '../core/clock.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import {
  aeadKey,
  createKeyring,
  type Keyring,
  type KeyStatus,
  maxMessagesPerKey,
  unwrapKeyring,
} from '../crypto/index.ts';
import type { Store } from '../storage/index.ts';
import { createBarrierStore } from './barrier-store.ts';
import { SecretsError } from './errors.ts';
import type { KeyProvider } from './ports.ts';

/** Where the barrier stands. */
export interface BarrierStatus {
  readonly initialised: boolean;
  readonly sealed: boolean;
  /** Data keys, without the keys; empty while sealed. */
  readonly keys: readonly KeyStatus[];
}

/** A store behind a seal. */
export interface Barrier extends Stoppable {
  /** The store as those see it who use it: in the clear. Every call throws `secrets.sealed` while it is sealed. */
  readonly store: Store;
  status(): Promise<BarrierStatus>;
  /** Makes root key and keyring, and unseals. Errors: `secrets.already-initialised` and the provider's. */
  initialise(provider: KeyProvider): Promise<void>;
  /** Opens the keyring. Errors: `secrets.not-initialised`, `secrets.wrong-key` (nothing is changed) and the provider's. */
  unseal(provider: KeyProvider): Promise<void>;
  /** `unseal`, or `initialise` where nothing was stored yet. */
  open(provider: KeyProvider): Promise<void>;
  /** Forgets the keys until the next `unseal`. */
  seal(): void;
  /** Encrypts under a new data key from now on. */
  rotate(): Promise<void>;
  /** Rewrites what is still under older data keys, then drops these; gives how many entries it rewrote. */
  reencrypt(): Promise<number>;
  /** Wraps the keyring under a root key of `provider`. The data keys stay. */
  rekey(provider: KeyProvider): Promise<void>;
}

const keyringPath = 'barrier/keyring';

interface StoredKeyring {
  readonly provider: string;
  /** Base64. */
  readonly kept: string;
  readonly keyring: string;
}

interface Unsealed {
  readonly ring: Keyring;
  readonly rootKey: KeyObject;
  readonly provider: string;
  readonly kept: Uint8Array;
}

/** A barrier over `store`, sealed. */
export function createBarrier({ store, clock }: { readonly store: Store; readonly clock: Clock }): Barrier {
  let unsealed: Unsealed | undefined;
  let saving: Promise<void> = Promise.resolve();

  const current = (): Unsealed => {
    if (unsealed !== undefined) return unsealed;
    throw new SecretsError('secrets.sealed', 'the secrets store is sealed', { hint: 'unseal it with its root key' });
  };

  const storeRing = async ({ ring, rootKey, provider, kept }: Unsealed, absent: boolean): Promise<void> => {
    const wrapped = ring.wrap(rootKey);
    const stored: StoredKeyring = {
      provider,
      kept: Buffer.from(kept).toString('base64'),
      keyring: wrapped.bytes.toString('base64'),
    };
    const value = Buffer.from(JSON.stringify(stored));
    await store.write([{ put: keyringPath, value, ...(absent && { if: 'absent' as const }) }]);
    wrapped.stored();
  };

  // One at a time: an older ring stored over a newer one would lose a key.
  const save = (state: Unsealed): Promise<void> => {
    saving = saving.then(
      () => storeRing(state, false),
      () => storeRing(state, false),
    );
    return saving;
  };

  const makeHeadroom = async (): Promise<void> => {
    const state = current();
    const active = state.ring.keys.at(-1);
    if (active !== undefined && active.messages > maxMessagesPerKey / 2) state.ring.rotate(clock.now());
    await save(state);
  };
  const encrypted = createBarrierStore({ store, ring: () => current().ring, makeHeadroom, reserved: keyringPath });

  const readStored = async (): Promise<StoredKeyring | undefined> => {
    const entry = await store.get(keyringPath);
    return entry && (JSON.parse(Buffer.from(entry.value).toString('utf8')) as StoredKeyring);
  };

  const initialise = async (provider: KeyProvider): Promise<void> => {
    if ((await readStored()) !== undefined) {
      throw new SecretsError('secrets.already-initialised', 'the secrets store is initialised already');
    }
    const { rootKey, kept } = await provider.create();
    const state = { ring: createKeyring(clock.now()), rootKey: aeadKey(rootKey), provider: provider.name, kept };
    await storeRing(state, true);
    unsealed = state;
  };

  const unseal = async (provider: KeyProvider): Promise<void> => {
    const stored = await readStored();
    if (stored === undefined) {
      throw new SecretsError('secrets.not-initialised', 'the secrets store is not initialised');
    }
    const kept = Buffer.from(stored.kept, 'base64');
    const rootKey = aeadKey(await provider.recover(kept));
    unsealed = { ring: unwrap(stored, rootKey), rootKey, provider: provider.name, kept };
  };

  const rotate = async (): Promise<void> => {
    const state = current();
    state.ring.rotate(clock.now());
    await save(state);
  };

  return {
    store: encrypted.store,
    async status() {
      const initialised = unsealed !== undefined || (await readStored()) !== undefined;
      return { initialised, sealed: unsealed === undefined, keys: unsealed?.ring.keys ?? [] };
    },
    initialise,
    unseal,
    open: async (provider) => ((await readStored()) === undefined ? initialise(provider) : unseal(provider)),
    seal() {
      unsealed = undefined;
    },
    rotate,
    async reencrypt() {
      const { ring } = current();
      const rewritten = await encrypted.rewriteStale();
      ring.forgetOld();
      await save(current());
      return rewritten;
    },
    async rekey(provider) {
      const { ring } = current();
      const { rootKey, kept } = await provider.create();
      const state = { ring, rootKey: aeadKey(rootKey), provider: provider.name, kept };
      await save(state);
      unsealed = state;
    },
    async stop() {
      await saving.catch(() => undefined);
      unsealed = undefined;
    },
  };
}

function unwrap(stored: StoredKeyring, rootKey: KeyObject): Keyring {
  try {
    return unwrapKeyring(Buffer.from(stored.keyring, 'base64'), rootKey);
  } catch (cause) {
    throw new SecretsError('secrets.wrong-key', 'the root key does not open the secrets store', {
      hint: 'give the root key with which this store was initialised; nothing was changed',
      cause,
    });
  }
}
