import { beforeEach, describe, expect, test } from 'vitest';
import { openTestSecrets } from '../../test/fakes/secrets.ts';
import type { Protection } from '../api/protections.ts';
import { hashToken } from './tokens.ts';

type TestSecrets = Awaited<ReturnType<typeof openTestSecrets>>;
let vault: TestSecrets;
let send: TestSecrets['send'];
let token: string;
const orders = 'spiffe://shop.example/orders';

beforeEach(async () => {
  vault = await openTestSecrets();
  send = vault.send;
  token = vault.root;
});

describe('secrets', () => {
  test('are written and read with their metadata', async () => {
    const written = await send('POST', 'secret/data/orders/db', { token, body: { data: { password: 'p1' } } });
    expect(written).toMatchObject({ status: 200, json: { data: { version: 1, deletion_time: '', destroyed: false } } });
    expect(await send('GET', 'secret/data/orders/db', { token })).toMatchObject({
      status: 200,
      headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
      json: {
        lease_id: '',
        data: {
          data: { password: 'p1' },
          metadata: { version: 1, created_time: '2026-01-01T00:00:00.000Z', custom_metadata: null },
        },
      },
    });
  });

  test('that do not exist, or are deleted, are 404 as clients expect', async () => {
    expect(await send('GET', 'secret/data/none', { token })).toMatchObject({ status: 404, json: { errors: [] } });
    await send('PUT', 'secret/data/a', { token, body: { data: { x: 1 } } });
    expect((await send('DELETE', 'secret/data/a', { token })).status).toBe(204);
    const gone = await send('GET', 'secret/data/a', { token });
    expect(gone).toMatchObject({ status: 404, json: { data: { data: null, metadata: { version: 1 } } } });
    expect((await send('POST', 'secret/undelete/a', { token, body: { versions: [1] } })).status).toBe(204);
    expect((await send('GET', 'secret/data/a?version=1', { token })).json.data.data).toEqual({ x: 1 });
    await send('PUT', 'secret/destroy/a', { token, body: { versions: ['1'] } });
    expect((await send('GET', 'secret/data/a', { token })).json.data.metadata.destroyed).toBe(true);
  });

  test('follow the version that a writer names, and are patched', async () => {
    await send('PUT', 'secret/data/a', { token, body: { data: { x: 1 }, options: { cas: 0 } } });
    const late = await send('PUT', 'secret/data/a', { token, body: { data: { x: 2 }, options: { cas: 0 } } });
    expect(late).toMatchObject({
      status: 400,
      json: { errors: ['check-and-set parameter did not match the current version'] },
    });
    await send('PATCH', 'secret/data/a', { token, body: { data: { y: 2 } } });
    expect((await send('GET', 'secret/data/a', { token })).json.data.data).toEqual({ x: 1, y: 2 });
  });

  test('have metadata, and are listed by folder', async () => {
    await send('PUT', 'secret/metadata/f/a', { token, body: { max_versions: 3, custom_metadata: { owner: 'me' } } });
    await send('PUT', 'secret/data/f/a', { token, body: { data: { x: 1 } } });
    await send('PUT', 'secret/data/f/g/b', { token, body: { data: { x: 1 } } });
    expect((await send('GET', 'secret/metadata/f/a', { token })).json.data).toMatchObject({
      current_version: 1,
      max_versions: 3,
      cas_required: false,
      custom_metadata: { owner: 'me' },
      versions: { 1: { destroyed: false } },
    });
    expect((await send('LIST', 'secret/metadata/f', { token })).json.data).toEqual({ keys: ['a', 'g/'] });
    expect((await send('GET', 'secret/metadata/?list=true', { token })).json.data).toEqual({ keys: ['f/'] });
    expect((await send('LIST', 'secret/metadata', { token })).json.data).toEqual({ keys: ['f/'] });
    expect((await send('LIST', 'secret/metadata/none', { token })).status).toBe(404);
    expect((await send('DELETE', 'secret/metadata/f/a', { token })).status).toBe(204);
    expect((await send('GET', 'secret/metadata/f/a', { token })).status).toBe(404);
  });
});

describe('refused', () => {
  const deep = { toJSON: () => Array.from({ length: 40 }).reduce((inner) => [inner], 1) };
  test.each([
    ['a body that is no JSON object', 'POST', 'secret/data/a', [1], 400],
    ['a body without data', 'POST', 'secret/data/a', {}, 400],
    ['data that is no object', 'POST', 'secret/data/a', { data: 'x' }, 400],
    ['nesting without end', 'POST', 'secret/data/a', { data: { deep } }, 400],
    ['no versions', 'POST', 'secret/delete/a', { versions: [] }, 400],
    ['a life for versions, which is not kept', 'POST', 'secret/metadata/a', { delete_version_after: '1h' }, 400],
    ['a path out of the mount', 'GET', 'secret/data/../../sys', undefined, 400],
    ['an encoded path out of the mount', 'GET', 'secret/data/%2e%2e/b', undefined, 400],
    ['an encoded slash', 'GET', 'secret/data/a%2Fb', undefined, 400],
    ['a broken encoding', 'GET', 'secret/data/%zz', undefined, 400],
    ['a double slash', 'GET', 'secret/data//a', undefined, 400],
    ['a route that does not exist', 'GET', 'transit/keys/a', undefined, 404],
    ['another mount', 'GET', 'other/data/a', undefined, 404],
    ['a version that is no number', 'GET', 'secret/data/a?version=x', undefined, 400],
  ])('%s', async (_, method, path, body, status) => {
    const response = await send(method, path, { token, ...(body !== undefined && { body }) });
    expect(response).toMatchObject({ status, json: { errors: expect.any(Array) } });
  });

  test('a body that is too large', async () => {
    const body = { data: { x: 'x'.repeat(1_100_000) } };
    expect((await send('POST', 'secret/data/a', { token, body })).status).toBe(413);
  });

  test('response wrapping and namespaces, because the caller relies on them', async () => {
    for (const name of ['x-vault-wrap-ttl', 'x-vault-namespace']) {
      const headers = { 'x-vault-token': token, [name]: '60' };
      expect((await send('GET', 'secret/data/a', { headers })).status).toBe(400);
    }
    const headers = { 'x-vault-token': token, 'x-vault-request': 'true', 'x-vault-namespace': '' };
    expect((await send('GET', 'sys/internal/ui/mounts/secret/a', { headers })).status).toBe(200);
  });
});

describe('tokens', () => {
  test('are taken from both headers, and none or a wrong one gets nothing', async () => {
    await send('PUT', 'secret/data/a', { token, body: { data: { x: 1 } } });
    expect((await send('GET', 'secret/data/a', { headers: { authorization: `Bearer ${token}` } })).status).toBe(200);
    for (const headers of [{}, { 'x-vault-token': '' }, { authorization: `Basic ${token}` }]) {
      expect((await send('GET', 'secret/data/a', { headers })).json).toEqual({ errors: ['missing client token'] });
    }
    for (const wrong of ['x', `${token}x`, token.toUpperCase(), token.slice(0, -1)]) {
      expect(await send('GET', 'secret/data/a', { token: wrong })).toMatchObject({
        status: 403,
        json: { errors: ['permission denied'] },
      });
    }
  });

  test('look themselves up, are renewed up to their bound, and revoked', async () => {
    const body = { policies: ['default'], ttl: '10m', explicit_max_ttl: '15m', meta: { a: 'b' } };
    const { auth } = (await send('POST', 'auth/token/create', { token, body })).json;
    expect(auth).toMatchObject({ lease_duration: 600, renewable: true, policies: ['default'], metadata: { a: 'b' } });
    const child = auth.client_token as string;
    expect((await send('GET', 'auth/token/lookup-self', { token: child })).json.data).toMatchObject({
      accessor: auth.accessor,
      ttl: 600,
      meta: { a: 'b' },
      id: child,
    });
    vault.clock.advance(300_000);
    const renewed = await send('POST', 'auth/token/renew-self', { token: child, body: { increment: '1h' } });
    expect(renewed.json.auth.lease_duration).toBe(600);
    expect((await send('POST', 'auth/token/revoke-self', { token: child, body: {} })).status).toBe(204);
    expect((await send('GET', 'auth/token/lookup-self', { token: child })).status).toBe(403);
  });

  test('end with their time, also where the storage’s expiry was changed', async () => {
    const { auth } = (await send('POST', 'auth/token/create', { token, body: { policies: ['default'], ttl: '60s' } }))
      .json;
    const entries = await vault.storage.list('secrets/token/by-hash/');
    for (const { key, value } of entries) await vault.storage.write([{ put: key, value }]);
    vault.clock.advance(59_000);
    expect((await send('GET', 'auth/token/lookup-self', { token: auth.client_token })).status).toBe(200);
    vault.clock.advance(1_000);
    expect((await send('GET', 'auth/token/lookup-self', { token: auth.client_token })).status).toBe(403);
  });

  test('of few uses are used no more often, however many try at once', async () => {
    await send('PUT', 'secret/data/a', { token, body: { data: { x: 1 } } });
    const { auth } = (await send('POST', 'auth/token/create', { token, body: { num_uses: 3, ttl: 60 } })).json;
    const tries = await Promise.all(
      Array.from({ length: 12 }, () => send('GET', 'secret/data/a', { token: auth.client_token })),
    );
    expect(tries.filter(({ status }) => status === 200)).toHaveLength(3);
  });

  test('end with the token that made them, and never outlive it', async () => {
    const make = async (by: string, body: object) =>
      (await send('POST', 'auth/token/create', { token: by, body })).json.auth as {
        client_token: string;
        accessor: string;
        lease_duration: number;
      };
    const parent = await make(token, { ttl: '10m' });
    const child = await make(parent.client_token, { ttl: '20h' });
    expect(child.lease_duration).toBeLessThanOrEqual(600);
    const orphan = await make(parent.client_token, { no_parent: true });
    await send('POST', 'auth/token/revoke-accessor', { token, body: { accessor: parent.accessor } });
    for (const [held, status] of [
      [parent, 403],
      [child, 403],
      [orphan, 200],
    ] as const) {
      expect((await send('GET', 'auth/token/lookup-self', { token: held.client_token })).status).toBe(status);
    }
  });

  test('end with their grandparent, however many there are', async () => {
    const make = async (by: string) =>
      (await send('POST', 'auth/token/create', { token: by, body: { ttl: '1h' } })).json.auth.client_token as string;
    const parent = await make(token);
    const children = await Promise.all(Array.from({ length: 1_100 }, () => make(parent)));
    const grandchild = await make(children[1_050]!);
    await send('POST', 'auth/token/revoke-self', { token: parent, body: {} });
    for (const held of [children[0]!, children[1_099]!, grandchild]) {
      expect((await send('GET', 'auth/token/lookup-self', { token: held })).status).toBe(403);
    }
    expect(await vault.storage.list('secrets/token/by-hash/')).toHaveLength(1);
  });

  test('that are made while their maker is revoked do not outlive it', async () => {
    const make = (by: string) => send('POST', 'auth/token/create', { token: by, body: { ttl: '1h' } });
    const parent = (await make(token)).json.auth.client_token as string;
    const [made] = await Promise.all([
      make(parent),
      send('POST', 'auth/token/revoke-self', { token: parent, body: {} }),
    ]);
    if (made.status === 200) {
      const child = made.json.auth.client_token as string;
      expect((await send('GET', 'auth/token/lookup-self', { token: child })).status).toBe(403);
    }
    // The same, made certain: the parent's entry goes, and nothing else.
    const other = (await make(token)).json.auth.client_token as string;
    const child = (await make(other)).json.auth.client_token as string;
    await vault.storage.write([{ delete: `secrets/token/by-hash/${hashToken(other)}` }]);
    expect((await send('GET', 'auth/token/lookup-self', { token: child })).status).toBe(403);
  });

  test('cannot hand on what they do not have', async () => {
    const policies = () => [
      { name: 'maker', rules: [{ path: 'auth/token/create', capabilities: ['update' as const] }] },
    ];
    vault = await openTestSecrets({ policies });
    const made = await vault.send('POST', 'auth/token/create', { token: vault.root, body: { policies: ['maker'] } });
    const maker = made.json.auth.client_token as string;
    for (const body of [
      { policies: ['root'] },
      { policies: ['maker', 'other'] },
      { no_parent: true },
      { ttl: '1h', id: 'mine' },
    ]) {
      const refused = await vault.send('POST', 'auth/token/create', { token: maker, body });
      expect(refused.status, JSON.stringify(body)).toBeGreaterThanOrEqual(400);
    }
    expect((await vault.send('POST', 'auth/token/create', { token: maker, body: {} })).json.auth.policies).toEqual([
      'default',
      'maker',
    ]);
  });

  test('are stored as hashes only', async () => {
    const stored = await vault.barrier.store.list('');
    expect(stored.length).toBeGreaterThan(0);
    for (const { key, value } of stored) {
      expect(key).not.toContain(token);
      expect(Buffer.from(value).includes(token)).toBe(false);
    }
  });
});

describe('a workload', () => {
  const login = (changes = {}) => send('POST', 'auth/svid/login', { peerSpiffeId: orders, ...changes });

  test('logs in with its SVID, and may read exactly what its manifest names', async () => {
    for (const path of ['orders/db', 'orders/db/more', 'orders', 'payments/db']) {
      await send('PUT', `secret/data/${path}`, { token, body: { data: { of: path } } });
    }
    const { auth } = (await login()).json;
    expect(auth).toMatchObject({ renewable: false, lease_duration: 900, metadata: { service: 'orders' } });
    const own = auth.client_token as string;
    expect((await send('GET', 'secret/data/orders/db', { token: own })).json.data.data).toEqual({ of: 'orders/db' });
    const refused = [
      ['GET', 'secret/data/payments/db'],
      ['GET', 'secret/data/orders/db/more'],
      ['GET', 'secret/data/orders'],
      ['PUT', 'secret/data/orders/db'],
      ['PATCH', 'secret/data/orders/db'],
      ['DELETE', 'secret/data/orders/db'],
      ['GET', 'secret/metadata/orders/db'],
      ['LIST', 'secret/metadata/orders'],
      ['POST', 'secret/destroy/orders/db'],
      ['POST', 'auth/token/create'],
      ['POST', 'auth/token/revoke-accessor'],
    ] as const;
    for (const [method, path] of refused) {
      expect((await send(method, path, { token: own, body: { data: {}, versions: [1] } })).status, path).toBe(403);
    }
    vault.clock.advance(900_000);
    expect((await send('GET', 'secret/data/orders/db', { token: own })).status).toBe(403);
  });

  test('loses at once what a new manifest does not name any more', async () => {
    const paths = ['orders/db'];
    vault = await openTestSecrets({ findServiceRole: () => ({ service: 'orders', paths }) });
    await vault.send('PUT', 'secret/data/orders/db', { token: vault.root, body: { data: { x: 1 } } });
    const { auth } = (await vault.send('POST', 'auth/svid/login', { peerSpiffeId: orders })).json;
    expect((await vault.send('GET', 'secret/data/orders/db', { token: auth.client_token })).status).toBe(200);
    paths.length = 0;
    expect((await vault.send('GET', 'secret/data/orders/db', { token: auth.client_token })).status).toBe(403);
  });

  test('without an SVID, with an unknown one, or with one that does not verify, is refused', async () => {
    expect((await send('POST', 'auth/svid/login', {})).status).toBe(403);
    expect((await login({ peerSpiffeId: 'spiffe://shop.example/other' })).status).toBe(403);
    const chain = [new Uint8Array([1])];
    expect((await send('POST', 'auth/svid/login', { peerChain: chain })).status).toBe(403);
    const verifySvid = (given: readonly Uint8Array[]) => {
      if (given[0]?.[0] !== 1) throw new Error('not trusted');
      return orders;
    };
    vault = await openTestSecrets({ verifySvid });
    expect((await vault.send('POST', 'auth/svid/login', { peerChain: chain })).status).toBe(200);
    expect((await vault.send('POST', 'auth/svid/login', { peerChain: [new Uint8Array([2])] })).status).toBe(403);
  });
});

describe('the system', () => {
  test('tells its health and seal without a token, and serves nothing while sealed', async () => {
    expect((await send('GET', 'sys/health')).json).toMatchObject({ initialized: true, sealed: false, standby: false });
    expect((await send('GET', 'sys/seal-status')).json).toMatchObject({ sealed: false, t: 1, n: 1 });
    vault.barrier.seal();
    expect((await send('GET', 'sys/health')).status).toBe(503);
    expect(await send('HEAD', 'sys/health')).toMatchObject({ status: 503, body: '' });
    expect((await send('GET', 'secret/data/a', { token })).status).toBe(503);
    expect((await send('POST', 'auth/svid/login', { peerSpiffeId: orders })).status).toBe(503);
  });

  test('tells the mount of a path to whoever may use it', async () => {
    const mount = (await send('GET', 'sys/internal/ui/mounts/secret/orders/db', { token })).json;
    expect(mount.data).toMatchObject({ path: 'secret/', type: 'kv', options: { version: '2' } });
    const { auth } = (await send('POST', 'auth/svid/login', { peerSpiffeId: orders })).json;
    const ask = (path: string) => send('GET', `sys/internal/ui/mounts/${path}`, { token: auth.client_token });
    expect((await ask('secret/orders/db')).status).toBe(200);
    expect((await ask('secret/payments/db')).status).toBe(403);
    expect((await ask('other/a')).status).toBe(403);
    const body = { paths: ['secret/data/orders/db', 'secret/data/x'] };
    expect((await send('POST', 'sys/capabilities-self', { token: auth.client_token, body })).json).toMatchObject({
      'secret/data/orders/db': ['read'],
      'secret/data/x': ['deny'],
    });
  });
});

describe('the audit', () => {
  test('is told of each access and each refusal, and never of a value', async () => {
    await send('PUT', 'secret/data/a', { token, body: { data: { password: 'hunter2' } } });
    await send('GET', 'secret/data/a', { token });
    await send('GET', 'secret/data/a', { token: 'wrong' });
    const { auth } = (await send('POST', 'auth/svid/login', { peerSpiffeId: orders })).json;
    await send('GET', 'secret/data/a', { token: auth.client_token });
    expect(vault.events).toMatchObject([
      { action: 'secret.write', target: 'secret/data/a', outcome: 'success', actor: { kind: 'operator', id: 'alice' } },
      { action: 'secret.read', outcome: 'success' },
      {
        action: 'secret.read',
        outcome: 'failure',
        actor: { kind: 'anonymous' },
        detail: { code: 'secrets.permission-denied' },
      },
      { action: 'secrets.login', outcome: 'success', actor: { kind: 'workload', id: orders } },
      { action: 'secret.read', outcome: 'failure', actor: { kind: 'workload', id: orders } },
    ]);
    const told = JSON.stringify(vault.events);
    for (const secret of ['hunter2', token, auth.client_token]) expect(told).not.toContain(secret);
  });

  test('that fails stops everything: nothing is given out, nothing is changed', async () => {
    let failing = false;
    const emit = () => {
      if (failing) throw new Error('disk full');
    };
    vault = await openTestSecrets({ emit });
    const root = vault.root;
    await vault.send('PUT', 'secret/data/a', { token: root, body: { data: { x: 1 } } });
    failing = true;
    const read = await vault.send('GET', 'secret/data/a', { token: root });
    expect(read).toMatchObject({ status: 500, json: { errors: [expect.stringContaining('not be recorded')] } });
    expect((await vault.send('PUT', 'secret/data/a', { token: root, body: { data: { x: 2 } } })).status).toBe(500);
    expect((await vault.send('POST', 'auth/svid/login', { peerSpiffeId: orders })).status).toBe(500);
    failing = false;
    expect((await vault.send('GET', 'secret/data/a', { token: root })).json.data).toMatchObject({
      data: { x: 1 },
      metadata: { version: 1 },
    });
  });
});

describe('with a protection off, its attack gets through', () => {
  const attack = async (off: readonly Protection[], use: 'no token' | 'the token of another service') => {
    vault = await openTestSecrets({ weaknesses: new Set(off) });
    await vault.send('PUT', 'secret/data/payments/db', { token: vault.root, body: { data: { x: 1 } } });
    const { auth } = (await vault.send('POST', 'auth/svid/login', { peerSpiffeId: orders })).json;
    const stolen = use === 'no token' ? {} : { token: auth.client_token as string };
    return (await vault.send('GET', 'secret/data/payments/db', stolen)).status;
  };

  test('a read without a token', async () => {
    expect(await attack([], 'no token')).toBe(403);
    expect(await attack(['secrets.token'], 'no token')).toBe(200);
  });

  test('a read of another service’s secret', async () => {
    expect(await attack([], 'the token of another service')).toBe(403);
    expect(await attack(['secrets.acl'], 'the token of another service')).toBe(200);
  });
});
