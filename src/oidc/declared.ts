import type { DeclaredClient, DeclaredIdentities, DeclaredUser, NewSecrets } from '../api/oidc.ts';
import type { EmitEvent } from '../api/record.ts';
import type { Clock } from '../core/clock.ts';
import type { Store } from '../storage/index.ts';
import { type Accounts, foldUserName, type UserSettings } from './accounts.ts';
import {
  type ClientRecord,
  listClients,
  mintClientSecret,
  removeClient,
  tryReadClient,
  writeClient,
} from './clients.ts';
import { oidcError } from './errors.ts';

export interface SyncDeclaredOptions {
  readonly accounts: Accounts;
  readonly store: Store;
  readonly clock: Clock;
  readonly emit: EmitEvent;
}

/** What reconciling did. */
export interface SyncResult extends NewSecrets {
  /** Users who are gone or who lost a role: their tokens ought to be revoked. */
  readonly demoted: readonly string[];
}

/**
 * Makes the stored users and clients what the manifest declares: missing ones are made, differing ones changed,
 * and those that were declared once and are no more are removed. Users that were added by hand stay as they are.
 * Throws `oidc.role-unknown`, `oidc.password-hash`, before anything is written.
 */
export async function syncDeclared(declared: DeclaredIdentities, options: SyncDeclaredOptions): Promise<SyncResult> {
  checkRoles(declared);
  const passwords = new Map<string, string>();
  const demoted = await syncUsers(declared, options.accounts, passwords);
  const clientSecrets = await syncClients(declared, options);
  return { passwords, clientSecrets, demoted };
}

function checkRoles({ roles, users, clients }: DeclaredIdentities): void {
  for (const [name, { roles: held }] of [...Object.entries(users), ...Object.entries(clients)]) {
    const unknown = held.find((role) => !Object.hasOwn(roles, role));
    if (unknown !== undefined)
      throw oidcError(
        'oidc.role-unknown',
        `\`${name}\` has the role \`${unknown}\`, which is not declared`,
        'declare it under `roles`',
      );
  }
}

async function syncUsers(
  { users }: DeclaredIdentities,
  accounts: Accounts,
  passwords: Map<string, string>,
): Promise<string[]> {
  const wanted = new Map(Object.entries(users).map(([name, user]) => [foldUserName(name), user]));
  const demoted: string[] = [];
  for (const user of await accounts.list()) {
    if (!user.declared || wanted.has(user.name)) continue;
    await accounts.remove(user.name);
    demoted.push(user.name);
  }
  for (const [name, user] of wanted) {
    const existing = await accounts.find(name);
    if (existing === undefined) {
      const password = await accounts.add(name, settingsOf(user));
      if (password !== undefined) passwords.set(name, password);
    } else {
      await accounts.update(name, settingsOf(user));
      if (existing.roles.some((role) => !user.roles.includes(role))) demoted.push(name);
    }
  }
  return demoted;
}

function settingsOf({ roles, name, email, passwordHash }: DeclaredUser): UserSettings {
  return {
    roles,
    declared: true,
    fullName: name,
    email,
    ...(passwordHash !== undefined && { passwordHash }),
  };
}

async function syncClients(
  { clients }: DeclaredIdentities,
  { store, clock, emit }: SyncDeclaredOptions,
): Promise<Map<string, string>> {
  const actor = { kind: 'operator', id: 'manifest' } as const;
  const secrets = new Map<string, string>();
  for (const { id } of await listClients(store)) {
    if (Object.hasOwn(clients, id)) continue;
    await removeClient(store, id);
    emit({ actor, action: 'client.remove', target: id, outcome: 'success' });
  }
  for (const [id, client] of Object.entries(clients)) {
    const existing = (await tryReadClient(store, id))?.value;
    const minted =
      client.type === 'confidential' && existing?.secretHash === undefined ? mintClientSecret() : undefined;
    const record = clientRecord(
      id,
      client,
      existing?.createdAtMs ?? clock.now(),
      minted?.secretHash ?? existing?.secretHash,
    );
    if (JSON.stringify(record) === JSON.stringify(existing)) continue;
    await writeClient(store, record);
    if (minted !== undefined) secrets.set(id, minted.secret);
    emit({ actor, action: existing === undefined ? 'client.create' : 'client.update', target: id, outcome: 'success' });
  }
  return secrets;
}

function clientRecord(
  id: string,
  client: DeclaredClient,
  createdAtMs: number,
  secretHash: string | undefined,
): ClientRecord {
  const { type, redirectUris, postLogoutRedirectUris, grants, scopes, roles } = client;
  return {
    id,
    type,
    redirectUris,
    ...(postLogoutRedirectUris && { postLogoutRedirectUris }),
    grants,
    scopes,
    roles,
    createdAtMs,
    ...(type === 'confidential' && secretHash !== undefined && { secretHash }),
  };
}
