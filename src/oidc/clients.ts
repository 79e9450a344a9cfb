import { hash } from 'node:crypto';
import type { DeclaredClient } from '../api/oidc.ts';
import type { EmitEvent } from '../api/record.ts';
import { equalConstantTime } from '../core/bytes.ts';
import { randomToken } from '../core/ids.ts';
import type { Store } from '../storage/index.ts';
import { oidcError } from './errors.ts';
import { decodeRecord, encodeRecord, type Stored, tryReadRecord, walkEntries } from './records.ts';

/** An OAuth client as it is stored. */
export interface ClientRecord extends DeclaredClient {
  readonly id: string;
  readonly createdAtMs: number;
  /** SHA-256 of the secret, base64url; confidential clients alone. The secret has 256 random bits, so it needs no slow hash. */
  readonly secretHash?: string;
}

const prefix = 'oidc/client/';
const idPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

/** The client `id`, or undefined. */
export async function tryReadClient(store: Store, id: string): Promise<Stored<ClientRecord> | undefined> {
  return idPattern.test(id) ? tryReadRecord<ClientRecord>(store, prefix + id) : undefined;
}

/** Every client. */
export async function listClients(store: Store): Promise<readonly ClientRecord[]> {
  const clients: ClientRecord[] = [];
  for await (const entry of walkEntries(store, prefix)) clients.push(decodeRecord<ClientRecord>(entry));
  return clients;
}

/** Writes `client` whether it is there or not. */
export async function writeClient(store: Store, client: ClientRecord): Promise<void> {
  await store.write([{ put: prefix + client.id, value: encodeRecord(client) }]);
}

export async function removeClient(store: Store, id: string): Promise<void> {
  await store.write([{ delete: prefix + id }]);
}

/** A new secret and the hash that is kept of it. */
export function mintClientSecret(): { readonly secret: string; readonly secretHash: string } {
  const secret = `mcs_${randomToken()}`;
  return { secret, secretHash: hashClientSecret(secret) };
}

/** What is kept of a client's secret. */
export function hashClientSecret(secret: string): string {
  return hash('sha256', secret, 'base64url');
}

/** Whether `secret` is the one behind `secretHash`. */
export function isClientSecret(secret: string, secretHash: string): boolean {
  return equalConstantTime(Buffer.from(hashClientSecret(secret)), Buffer.from(secretHash));
}

/** Gives a confidential client a new secret, told once; the old one stops at once. Throws `oidc.client-unknown`. */
export async function rotateClientSecret(
  id: string,
  { store, emit }: { readonly store: Store; readonly emit: EmitEvent },
): Promise<string> {
  const client = (await tryReadClient(store, id))?.value;
  if (client === undefined || client.type !== 'confidential')
    throw oidcError(
      'oidc.client-unknown',
      `there is no confidential client \`${id}\``,
      'clients are declared in the manifest',
    );
  const { secret, secretHash } = mintClientSecret();
  await writeClient(store, { ...client, secretHash });
  emit({ actor: { kind: 'operator', id: 'operator' }, action: 'client.secret', target: id, outcome: 'success' });
  return secret;
}
