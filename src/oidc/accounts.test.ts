import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../test/fakes/clock.ts';
import { MemoryStore } from '../../test/fakes/store.ts';
import type { DeclaredClient, DeclaredIdentities } from '../api/oidc.ts';
import type { EmitEvent } from '../api/record.ts';
import { type Accounts, createAccounts } from './accounts.ts';
import { isClientSecret, listClients, rotateClientSecret, tryReadClient } from './clients.ts';
import { syncDeclared } from './declared.ts';
import { createPasswordHasher, generatePassword, parsePasswordHash } from './passwords.ts';

let clock: ManualClock;
let store: MemoryStore;
let accounts: Accounts;
let events: Parameters<EmitEvent>[0][];
const emit: EmitEvent = (event) => void events.push(event);
beforeEach(() => {
  clock = new ManualClock();
  store = new MemoryStore(clock);
  events = [];
  accounts = createAccounts({ store, clock, emit });
});

describe('passwords', () => {
  // All but the tag.
  const foreign = '$argon2id$v=19$m=64,t=2,p=1$c29tZXNhbHQ$';

  test('are Argon2id in PHC string format, salted each time', async () => {
    const hasher = createPasswordHasher();
    const [a, b] = [await hasher.hash('correct horse'), await hasher.hash('correct horse')];
    expect(a).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
    expect(a).not.toBe(b);
    expect(await hasher.verify('correct horse', a)).toBe(true);
    expect(await hasher.verify('correct horsf', a)).toBe(false);
    expect(await hasher.verify('correct horse', undefined)).toBe(false);
  });

  test.each([
    ['bcrypt', '$2b$12$abcdefghijklmnopqrstuuK3x0mT6vqgPz1mXj0JQ5Qm9fYvF8p6W'],
    ['argon2i', foreign.replace('argon2id', 'argon2i')],
    ['another version', foreign.replace('v=19', 'v=16')],
    ['no tag', foreign],
    ['padding', `${foreign}${'A'.repeat(42)}==`],
    ['a gigabyte of memory', `$argon2id$v=19$m=1048576,t=2,p=1$c29tZXNhbHQ$${'A'.repeat(43)}`],
    ['a thousand passes', `$argon2id$v=19$m=64,t=1000,p=1$c29tZXNhbHQ$${'A'.repeat(43)}`],
    ['more lanes than memory', `$argon2id$v=19$m=64,t=2,p=16$c29tZXNhbHQ$${'A'.repeat(43)}`],
    ['nothing', ''],
  ])('a hash of %s is refused', (_, hash) => {
    expect(() => parsePasswordHash(hash)).toThrow(expect.objectContaining({ code: 'oidc.password-hash' }));
  });

  test('that are generated can be typed and differ', () => {
    const made = new Set(Array.from({ length: 100 }, generatePassword));
    expect(made.size).toBe(100);
    for (const password of made) expect(password).toMatch(/^([a-hj-km-np-z2-9]{5}-){3}[a-hj-km-np-z2-9]{5}$/);
  });

  test('are compared whole', async () => {
    const hasher = createPasswordHasher();
    const longest = 'ab'.repeat(512);
    const hash = await hasher.hash(longest);
    expect(await hasher.verify(longest, hash)).toBe(true);
    expect(await hasher.verify(`${longest}c`, hash)).toBe(false);
  });

  test('beyond the queue are turned away, and those within it are not', async () => {
    const hasher = createPasswordHasher();
    const cheap = `$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$${'A'.repeat(43)}`;
    const results = await Promise.allSettled(Array.from({ length: 100 }, () => hasher.verify('x', cheap)));
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(34);
    expect(refused[0]?.reason).toMatchObject({ code: 'oidc.busy' });
    expect(await hasher.verify('x', cheap)).toBe(false);
  });
});

describe('accounts', () => {
  test('a generated password comes back once and works', async () => {
    const password = (await accounts.add('Alice', { roles: ['customer'] })) ?? '';
    expect(await accounts.verify('alice', password)).toMatchObject({ name: 'alice', roles: ['customer'] });
    expect(JSON.stringify([await accounts.list(), await accounts.find('alice'), events])).not.toMatch(
      new RegExp(`${password}|argon2`),
    );
  });

  test.each(['', ' ', 'a b', '../x', 'ümlaut', '-a', 'a'.repeat(65), 'a/b', 'a\u0000'])(
    '`%s` is no user name',
    async (name) => {
      await expect(accounts.add(name)).rejects.toMatchObject({ code: 'oidc.user-name' });
      expect(await accounts.find(name)).toBeUndefined();
      expect(await accounts.verify(name, 'whatever-it-is')).toBeUndefined();
    },
  );

  test('a name is taken once, in any case', async () => {
    await accounts.add('alice', { password: 'long enough' });
    await expect(accounts.add('ALICE')).rejects.toMatchObject({ code: 'oidc.user-exists' });
  });

  test('a short or endless password is refused', async () => {
    await expect(accounts.add('alice', { password: 'short' })).rejects.toMatchObject({ code: 'oidc.password-weak' });
    await expect(accounts.add('alice', { password: 'x'.repeat(1025) })).rejects.toMatchObject({
      code: 'oidc.password-weak',
    });
    expect(await accounts.list()).toEqual([]);
  });

  test.each([
    'password',
    'Password1',
    'changeme123',
    'ADMINISTRATOR',
    '1234567890',
    'wonderland',
    'Wonderland42',
    'aaaaaaaaaa',
  ])('`%s` is guessed first', async (password) => {
    await expect(accounts.add('wonderland', { password })).rejects.toMatchObject({ code: 'oidc.password-weak' });
  });

  test('a disabled or removed user cannot log in', async () => {
    const password = (await accounts.add('alice')) ?? '';
    await accounts.update('alice', { disabled: true });
    expect(await accounts.verify('alice', password)).toBeUndefined();
    await accounts.update('alice', { disabled: false });
    expect(await accounts.verify('alice', password)).toBeDefined();
    await accounts.remove('alice');
    expect(await accounts.verify('alice', password)).toBeUndefined();
    await expect(accounts.remove('alice')).rejects.toMatchObject({ code: 'oidc.user-unknown' });
    await expect(accounts.setPassword('alice')).rejects.toMatchObject({ code: 'oidc.user-unknown' });
  });

  test('a new password replaces the old one', async () => {
    const old = (await accounts.add('alice')) ?? '';
    const next = await accounts.setPassword('alice');
    expect(await accounts.verify('alice', old)).toBeUndefined();
    expect(await accounts.verify('alice', next)).toBeDefined();
    expect(events.map(({ action }) => action)).toEqual(['user.create', 'user.password']);
  });

  test('edits at once all count', async () => {
    await accounts.add('alice', { password: 'long enough' });
    await Promise.all([
      accounts.update('alice', { roles: ['a'] }),
      accounts.update('alice', { email: 'a@x.example' }),
      accounts.update('alice', { disabled: true }),
    ]);
    expect(await accounts.find('alice')).toMatchObject({ roles: ['a'], email: 'a@x.example', disabled: true });
  });
});

describe('declared identities', () => {
  const web: DeclaredClient = {
    type: 'public',
    redirectUris: ['https://a.example/'],
    grants: ['authorization_code'],
    scopes: [],
    roles: [],
  };
  const base: DeclaredIdentities = {
    roles: { customer: { scopes: [] } },
    users: { alice: { roles: ['customer'] } },
    clients: { web },
  };
  const sync = (declared: DeclaredIdentities = base) => syncDeclared(declared, { accounts, store, clock, emit });

  test('are made once, and their secrets told once', async () => {
    const first = await sync();
    expect([...first.passwords.keys()]).toEqual(['alice']);
    expect(await accounts.verify('alice', first.passwords.get('alice') ?? '')).toMatchObject({ declared: true });
    events.length = 0;
    const second = await sync();
    expect(second).toMatchObject({ passwords: new Map(), clientSecrets: new Map(), demoted: [] });
    expect(events).toEqual([]);
  });

  test('a declared hash is taken as it is', async () => {
    const passwordHash = await createPasswordHasher().hash('from elsewhere');
    const declared = { ...base, users: { alice: { roles: [], passwordHash } } };
    expect((await sync(declared)).passwords.size).toBe(0);
    expect(await accounts.verify('alice', 'from elsewhere')).toBeDefined();
    events.length = 0;
    await sync(declared);
    expect(events).toEqual([]);
  });

  test('what is no longer declared goes; what was added by hand stays', async () => {
    await sync();
    await accounts.add('carol', { password: 'long enough' });
    const { demoted } = await sync({ ...base, users: {}, clients: {} });
    expect(demoted).toEqual(['alice']);
    expect((await accounts.list()).map(({ name }) => name)).toEqual(['carol']);
    expect(await listClients(store)).toEqual([]);
  });

  test('who loses a role is named, who gains one is not', async () => {
    await sync();
    const roles = { customer: { scopes: [] }, boss: { scopes: [] } };
    expect((await sync({ ...base, roles, users: { alice: { roles: ['customer', 'boss'] } } })).demoted).toEqual([]);
    expect(
      (await sync({ ...base, roles, users: { alice: { roles: ['boss'], email: 'a@x.example' } } })).demoted,
    ).toEqual(['alice']);
    await sync({ ...base, roles, users: { alice: { roles: ['boss'] } } });
    expect((await accounts.find('alice'))?.email).toBeUndefined();
  });

  test('a role that is not declared stops everything before it begins', async () => {
    await expect(
      sync({ ...base, users: { alice: { roles: ['customer'] }, bob: { roles: ['king'] } } }),
    ).rejects.toMatchObject({ code: 'oidc.role-unknown' });
    expect(await accounts.list()).toEqual([]);
  });

  test('a secret is kept as a digest, and goes when a client becomes public', async () => {
    const confidential: DeclaredClient = { ...web, type: 'confidential', grants: ['client_credentials'] };
    const secret = (await sync({ ...base, clients: { web: confidential } })).clientSecrets.get('web') ?? '';
    expect(secret).toMatch(/^mcs_.{43}$/);
    expect(JSON.stringify(await listClients(store))).not.toContain(secret);
    expect((await sync({ ...base, clients: { web: { ...confidential, scopes: ['x'] } } })).clientSecrets.size).toBe(0);
    await sync();
    expect((await tryReadClient(store, 'web'))?.value.secretHash).toBeUndefined();
  });

  test('a new secret takes the place of the old one, for confidential clients alone', async () => {
    const confidential: DeclaredClient = { ...web, type: 'confidential', grants: ['client_credentials'] };
    const old = (await sync({ ...base, clients: { web, robot: confidential } })).clientSecrets.get('robot') ?? '';
    const next = await rotateClientSecret('robot', { store, emit });
    const secretHash = (await tryReadClient(store, 'robot'))?.value.secretHash ?? '';
    expect([isClientSecret(old, secretHash), isClientSecret(next, secretHash)]).toEqual([false, true]);
    for (const id of ['web', 'nobody', '../user/alice'])
      await expect(rotateClientSecret(id, { store, emit })).rejects.toMatchObject({ code: 'oidc.client-unknown' });
  });
});
