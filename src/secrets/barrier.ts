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
import { BarrierStore } from './barrier-store.ts';
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
export function createBarrier(parts: BarrierParts): Barrier {
  return new KeyedBarrier(parts);
}

interface BarrierParts {
  readonly store: Store;
  readonly clock: Clock;
}

class KeyedBarrier implements Barrier {
  readonly #storage: Store;
  readonly #clock: Clock;
  readonly #encrypted: BarrierStore;
  #unsealed: Unsealed | undefined;
  #saving: Promise<void> = Promise.resolve();

  constructor({ store, clock }: BarrierParts) {
    this.#storage = store;
    this.#clock = clock;
    this.#encrypted = new BarrierStore({
      store,
      ring: () => this.#current().ring,
      makeHeadroom: () => this.#makeHeadroom(),
      reserved: keyringPath,
    });
  }

  get store(): Store {
    return this.#encrypted;
  }

  async status(): Promise<BarrierStatus> {
    const initialised = this.#unsealed !== undefined || (await this.#readStored()) !== undefined;
    return { initialised, sealed: this.#unsealed === undefined, keys: this.#unsealed?.ring.keys ?? [] };
  }

  async initialise(provider: KeyProvider): Promise<void> {
    if ((await this.#readStored()) !== undefined) {
      throw new SecretsError('secrets.already-initialised', 'the secrets store is initialised already');
    }
    const { rootKey, kept } = await provider.create();
    const state = { ring: createKeyring(this.#clock.now()), rootKey: aeadKey(rootKey), provider: provider.name, kept };
    await this.#storeRing(state, true);
    this.#unsealed = state;
  }

  async unseal(provider: KeyProvider): Promise<void> {
    const stored = await this.#readStored();
    if (stored === undefined) {
      throw new SecretsError('secrets.not-initialised', 'the secrets store is not initialised');
    }
    const kept = Buffer.from(stored.kept, 'base64');
    const rootKey = aeadKey(await provider.recover(kept));
    this.#unsealed = { ring: unwrap(stored, rootKey), rootKey, provider: provider.name, kept };
  }

  async open(provider: KeyProvider): Promise<void> {
    await ((await this.#readStored()) === undefined ? this.initialise(provider) : this.unseal(provider));
  }

  seal(): void {
    this.#unsealed = undefined;
  }

  async rotate(): Promise<void> {
    const state = this.#current();
    state.ring.rotate(this.#clock.now());
    await this.#save(state);
  }

  async reencrypt(): Promise<number> {
    const { ring } = this.#current();
    const rewritten = await this.#encrypted.rewriteStale();
    ring.forgetOld();
    await this.#save(this.#current());
    return rewritten;
  }

  async rekey(provider: KeyProvider): Promise<void> {
    const { ring } = this.#current();
    const { rootKey, kept } = await provider.create();
    const state = { ring, rootKey: aeadKey(rootKey), provider: provider.name, kept };
    await this.#save(state);
    this.#unsealed = state;
  }

  async stop(): Promise<void> {
    await this.#saving.catch(() => undefined);
    this.#unsealed = undefined;
  }

  #current(): Unsealed {
    if (this.#unsealed !== undefined) return this.#unsealed;
    throw new SecretsError('secrets.sealed', 'the secrets store is sealed', { hint: 'unseal it with its root key' });
  }

  async #readStored(): Promise<StoredKeyring | undefined> {
    const entry = await this.#storage.get(keyringPath);
    return entry && (JSON.parse(Buffer.from(entry.value).toString('utf8')) as StoredKeyring);
  }

  async #makeHeadroom(): Promise<void> {
    const state = this.#current();
    const active = state.ring.keys.at(-1);
    if (active !== undefined && active.messages > maxMessagesPerKey / 2) state.ring.rotate(this.#clock.now());
    await this.#save(state);
  }

  // One at a time: an older ring stored over a newer one would lose a key.
  #save(state: Unsealed): Promise<void> {
    const next = (): Promise<void> => this.#storeRing(state, false);
    this.#saving = this.#saving.then(next, next);
    return this.#saving;
  }

  async #storeRing({ ring, rootKey, provider, kept }: Unsealed, absent: boolean): Promise<void> {
    const wrapped = ring.wrap(rootKey);
    const stored: StoredKeyring = {
      provider,
      kept: Buffer.from(kept).toString('base64'),
      keyring: wrapped.bytes.toString('base64'),
    };
    const value = Buffer.from(JSON.stringify(stored));
    await this.#storage.write([{ put: keyringPath, value, ...(absent && { if: 'absent' as const }) }]);
    wrapped.stored();
  }
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
