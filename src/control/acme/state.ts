import type { Store } from '../../storage/index.ts';
import type { IssuedCertificate, KeptOrder } from './order.ts';

// What outlives a restart. The store lies behind the barrier: everything in it is encrypted, the keys among it.

/** The account with one certificate authority. `privateKeyPem` is secret. */
export interface KeptAccount {
  readonly directory: string;
  readonly privateKeyPem: string;
  /** Undefined: the key was made, and the authority has not confirmed the account yet. */
  readonly url: string | undefined;
}

export interface KeptCertificate extends IssuedCertificate {
  readonly directory: string;
  readonly domains: readonly string[];
}

interface Kept {
  readonly account: KeptAccount;
  readonly order: KeptOrder;
  readonly certificate: KeptCertificate;
}

export interface AcmeState {
  get<K extends keyof Kept>(name: K): Promise<Kept[K] | undefined>;
  put<K extends keyof Kept>(name: K, value: Kept[K]): Promise<void>;
  remove(name: keyof Kept): Promise<void>;
  /** The new certificate takes the place of the former, and its order is over: both or neither. */
  complete(certificate: KeptCertificate): Promise<void>;
}

const at = (name: keyof Kept): string => `acme/${name}`;
const encode = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

export function acmeState(store: Store): AcmeState {
  return {
    get: async (name) => {
      const entry = await store.get(at(name));
      return entry === undefined ? undefined : JSON.parse(Buffer.from(entry.value).toString());
    },
    put: (name, value) => store.write([{ put: at(name), value: encode(value) }]),
    remove: (name) => store.write([{ delete: at(name) }]),
    complete: (certificate) =>
      store.write([{ put: at('certificate'), value: encode(certificate) }, { delete: at('order') }]),
  };
}
