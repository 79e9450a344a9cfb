import { randomBytes } from 'node:crypto';
import type { EmitEvent } from '../../src/api/record.ts';
import type { Clock } from '../../src/core/clock.ts';
import { exportPrivateKey, exportPublicKey, formatPem, generateKeyPair, type KeyPair } from '../../src/crypto/index.ts';
import { type Authority, createAuthority } from '../../src/identity/control.ts';
import { type Lifetimes, proveKey, type X509Svid, type X509SvidRequest } from '../../src/identity/index.ts';
import type { Store } from '../../src/storage/index.ts';
import { MemoryStore } from './store.ts';

/** An X.509-SVID with its key, as a workload holds it. */
export interface HeldSvid extends X509Svid {
  readonly keys: KeyPair;
  /** PKCS#8, PEM. */
  readonly key: string;
}

/** An authority on a memory store, with the events that it emitted. */
export interface TestAuthority extends Authority {
  readonly events: Parameters<EmitEvent>[0][];
  readonly store: Store;
  /** Does what a workload does: makes a key, proves it, and asks for an SVID. */
  issue(spiffeId: string, change?: Partial<X509SvidRequest>): Promise<HeldSvid>;
}

export async function createTestAuthority(
  clock: Clock,
  trustDomain = 'shop.example',
  { lifetimes = {}, store = new MemoryStore(clock) as Store }: { lifetimes?: Partial<Lifetimes>; store?: Store } = {},
): Promise<TestAuthority> {
  const events: Parameters<EmitEvent>[0][] = [];
  const authority = await createAuthority({
    clock,
    store,
    trustDomain,
    lifetimes,
    emit: (event) => void events.push(event),
  });
  const issue = async (spiffeId: string, change: Partial<X509SvidRequest> = {}): Promise<HeldSvid> => {
    const keys = generateKeyPair('P-256');
    const publicKey = exportPublicKey(keys.publicKey);
    const nonce = randomBytes(32).toString('base64url');
    const proof = { nonce, signature: proveKey(keys.privateKey, { nonce, spiffeId, publicKey }) };
    const svid = await authority.issueX509Svid({ spiffeId, publicKey, proof, ...change });
    return { ...svid, keys, key: formatPem('PRIVATE KEY', exportPrivateKey(keys.privateKey)) };
  };
  return { ...authority, events, store, issue };
}
