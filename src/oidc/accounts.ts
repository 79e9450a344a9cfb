import type { EmitEvent } from '../api/record.ts';
import type { Clock } from '../core/clock.ts';
import { hasCode } from '../core/errors.ts';
import type { Store } from '../storage/index.ts';
import { createDecoys } from './decoys.ts';
import { oidcError } from './errors.ts';
import { createPasswordHasher, generatePassword, parsePasswordHash } from './passwords.ts';
import { decodeRecord, encodeRecord, type Stored, tryReadRecord, walkEntries } from './records.ts';

/** An end user of the embedded provider. The user's name is the `sub` of the tokens. */
export interface User {
  readonly name: string;
  readonly fullName?: string | undefined;
  readonly email?: string | undefined;
  readonly roles: readonly string[];
  readonly disabled: boolean;
  /** Whether the manifest declares the user; those are not edited by hand. */
  readonly declared: boolean;
  readonly createdAtMs: number;
  readonly passwordChangedAtMs?: number;
}

interface UserRecord extends User {
  readonly passwordHash?: string;
}

/** What is set when a user is made or changed. */
export interface UserSettings {
  readonly fullName?: string | undefined;
  readonly email?: string | undefined;
  readonly roles?: readonly string[];
  readonly disabled?: boolean;
  readonly declared?: boolean;
  /** In PHC string format. */
  readonly passwordHash?: string;
}

/** The users of the embedded provider. */
export interface Accounts {
  /** Makes a user and gives back the password, which is generated unless one is given. Throws `oidc.user-exists`, `oidc.user-name`, `oidc.password-weak`. */
  add(name: string, settings?: UserSettings & { readonly password?: string }): Promise<string | undefined>;
  /** Changes what `settings` names and nothing else. Throws `oidc.user-unknown`. */
  update(name: string, settings: UserSettings): Promise<User>;
  /** Throws `oidc.user-unknown`. */
  remove(name: string): Promise<void>;
  list(): Promise<readonly User[]>;
  find(name: string): Promise<User | undefined>;
  /** Sets the password, a generated one unless one is given, and gives it back. Throws `oidc.user-unknown`, `oidc.password-weak`. */
  setPassword(name: string, password?: string): Promise<string>;
  /** The user, if name and password are right and the user is not disabled. It takes the same time in every case. Throws `oidc.busy`. */
  verify(name: string, password: string): Promise<User | undefined>;
}

export interface AccountsOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly emit: EmitEvent;
  /** Who is said to have changed accounts: the operator. */
  readonly operator?: string;
}

const prefix = 'oidc/user/';
const namePattern = /^[a-z0-9][a-z0-9._@+-]{0,63}$/;

/** A user's name as it is stored: names ignore case. */
export function foldUserName(name: string): string {
  return name.trim().toLowerCase();
}

/** Whether `name` could be a user's. */
export function isUserName(name: string): boolean {
  return namePattern.test(name);
}

/** The accounts in `store`. */
export function createAccounts(options: AccountsOptions): Accounts {
  const { store, clock } = options;
  const hasher = createPasswordHasher();
  const decoys = createDecoys(async () => (await listUsers(store)).flatMap(({ passwordHash }) => passwordHash ?? []));
  const report = createReport(options, decoys.forget);
  const read = (name: string) => tryReadUser(store, name);
  const edit = createEdit(store, read);
  return {
    async add(name, { password, ...settings } = {}) {
      const secret = settings.passwordHash === undefined ? (password ?? generatePassword()) : undefined;
      const bare = createUser(name, clock);
      const passwordHash = secret === undefined ? {} : { passwordHash: await hasher.hash(secret, bare.name) };
      await writeNew(store, applySettings(bare, { ...settings, ...passwordHash }, clock));
      report('user.create', bare.name);
      return secret;
    },
    async update(name, settings) {
      const { user, changed } = await edit(name, (record) => applySettings(record, settings, clock));
      if (changed) report('user.update', user.name);
      return publicUser(user);
    },
    async remove(name) {
      const { value, version } = await required(read, name);
      await store.write([{ delete: prefix + value.name, if: version }]);
      report('user.remove', value.name);
    },
    list: async () => (await listUsers(store)).map(publicUser),
    find: async (name) => {
      const found = await read(name);
      return found && publicUser(found.value);
    },
    async setPassword(name, password = generatePassword()) {
      await required(read, name);
      const passwordHash = await hasher.hash(password, foldUserName(name));
      const { user } = await edit(name, (record) => ({ ...record, passwordHash, passwordChangedAtMs: clock.now() }));
      report('user.password', user.name);
      return password;
    },
    async verify(name, password) {
      const user = (await read(name))?.value;
      const decoy = await decoys.pick(foldUserName(name));
      const right = await hasher.verify(password, user?.passwordHash, decoy);
      return right && user !== undefined && !user.disabled ? publicUser(user) : undefined;
    },
  };
}

type Read = (name: string) => Promise<Stored<UserRecord> | undefined>;

async function tryReadUser(store: Store, name: string): Promise<Stored<UserRecord> | undefined> {
  const user = foldUserName(name);
  return isUserName(user) ? tryReadRecord<UserRecord>(store, prefix + user) : undefined;
}

async function required(read: Read, name: string): Promise<Stored<UserRecord>> {
  const user = await read(name);
  if (user === undefined)
    throw oidcError('oidc.user-unknown', `there is no user \`${name}\``, '`merlon user list` shows them');
  return user;
}

/** A user who cannot do anything yet. Throws `oidc.user-name`. */
function createUser(text: string, clock: Clock): UserRecord {
  const name = foldUserName(text);
  if (!isUserName(name))
    throw oidcError('oidc.user-name', `\`${text}\` is not a user name`, 'use letters, digits and `. _ @ + -`');
  return { name, roles: [], disabled: false, declared: false, createdAtMs: clock.now() };
}

function applySettings(record: UserRecord, settings: UserSettings, clock: Clock): UserRecord {
  if (settings.passwordHash !== undefined) parsePasswordHash(settings.passwordHash);
  const changed = settings.passwordHash !== undefined && settings.passwordHash !== record.passwordHash;
  return { ...record, ...settings, ...(changed && { passwordChangedAtMs: clock.now() }) };
}

async function writeNew(store: Store, record: UserRecord): Promise<void> {
  try {
    await store.write([{ put: prefix + record.name, value: encodeRecord(record), if: 'absent' }]);
  } catch (error) {
    if (hasCode(error, 'storage.conflict'))
      throw oidcError('oidc.user-exists', `there is a user \`${record.name}\` already`);
    throw error;
  }
}

const maxEditAttempts = 5;

type Edit = (
  name: string,
  change: (record: UserRecord) => UserRecord,
) => Promise<{ readonly user: UserRecord; readonly changed: boolean }>;

/** Reads, changes and writes a user, again where another writer came in between. What stays the same is not written. */
function createEdit(store: Store, read: Read): Edit {
  return async (name, change) => {
    for (let attempt = 1; ; attempt++) {
      const { value, version } = await required(read, name);
      const user = change(value);
      if (JSON.stringify(user) === JSON.stringify(value)) return { user, changed: false };
      try {
        await store.write([{ put: prefix + value.name, value: encodeRecord(user), if: version }]);
        return { user, changed: true };
      } catch (error) {
        if (!hasCode(error, 'storage.conflict') || attempt === maxEditAttempts) throw error;
      }
    }
  };
}

function publicUser({ passwordHash: _, ...user }: UserRecord): User {
  return user;
}

async function listUsers(store: Store): Promise<readonly UserRecord[]> {
  const users: UserRecord[] = [];
  for await (const entry of walkEntries(store, prefix)) users.push(decodeRecord<UserRecord>(entry));
  return users;
}

type Report = (action: string, target: string) => void;

function createReport({ emit, operator = 'operator' }: AccountsOptions, changed: () => void): Report {
  return (action, target) => {
    changed();
    emit({ actor: { kind: 'operator', id: operator }, action, target, outcome: 'success' });
  };
}
