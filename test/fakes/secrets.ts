import type { AccessEvent, VaultRequest } from '../../src/secrets/index.ts';
import { createBarrier, createSecrets, type KeyProvider, type SecretsOptions } from '../../src/secrets/index.ts';
import { ManualClock } from './clock.ts';
import { MemoryStore } from './store.ts';

/** Keeps the root key in memory. */
export function memoryKeyProvider(rootKey: Uint8Array = new Uint8Array(32).fill(7)): KeyProvider {
  return {
    name: 'memory',
    create: async () => ({ rootKey, kept: new Uint8Array() }),
    recover: async () => rootKey,
  };
}

/** A whole secrets store in memory, unsealed, with what it told the audit. */
export async function openTestSecrets(changes: Partial<SecretsOptions> = {}) {
  const clock = new ManualClock();
  const storage = new MemoryStore(clock);
  const barrier = createBarrier({ store: storage, clock });
  await barrier.initialise(memoryKeyProvider());
  const events: AccessEvent[] = [];
  const secrets = createSecrets({
    store: barrier.store,
    clock,
    emit: (event) => void events.push(event),
    findServiceRole: (id) =>
      id === 'spiffe://shop.example/orders' ? { service: 'orders', paths: ['orders/db'] } : undefined,
    sealState: () => barrier.status(),
    ...changes,
  });
  const root = await secrets.mintRootToken({ kind: 'operator', id: 'alice' }, 3600);
  events.length = 0;

  /** Sends one request; the body is given back parsed. */
  const send = async (method: string, path: string, options: SendOptions = {}) => {
    const { token, body, ...rest } = options;
    const [bare = '', query = ''] = path.split('?');
    const request: VaultRequest = {
      method,
      path: `/v1/${bare}`,
      query: new URLSearchParams(query),
      headers: token === undefined ? {} : { 'x-vault-token': token },
      body: body === undefined ? new Uint8Array() : new TextEncoder().encode(JSON.stringify(body)),
      ...rest,
    };
    const response = await secrets.handle(request);
    // biome-ignore lint/suspicious/noExplicitAny: tests look into it as they please
    return { ...response, json: response.body === '' ? undefined : (JSON.parse(response.body) as any) };
  };
  return { clock, storage, barrier, secrets, events, send, root: root.secret };
}

interface SendOptions extends Partial<Omit<VaultRequest, 'body'>> {
  readonly token?: string;
  readonly body?: unknown;
}
