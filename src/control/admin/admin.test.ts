import { describe, expect, test } from 'vitest';
import { ManualClock } from '../../../test/fakes/clock.ts';
import { noWeaknesses, type Protection, type Weaknesses } from '../../api/protections.ts';
import type { Decision } from '../../api/record.ts';
import { MerlonError } from '../../core/errors.ts';
import { silentLogger } from '../../core/log.ts';
import { createGuard } from './guard.ts';
import { type AdminRequest, type AdminResponse, createAdminHandler } from './handler.ts';
import { adminOperations } from './operations.ts';
import type { AdminPorts } from './ports.ts';

const token = 'the-admin-token';
const port = 7443;
const hunter = 'hunter2-hunter2';

interface Call {
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  readonly host?: string;
  readonly port?: number | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

interface Admin {
  call(call: Call): Promise<AdminResponse>;
  /** The operations that were reached, by name. */
  readonly reached: string[];
  readonly decisions: Decision[];
  readonly logged: string[];
}

function createAdmin(weaknesses: Weaknesses = noWeaknesses, broken?: Error): Admin {
  const [reached, decisions, logged]: [string[], Decision[], string[]] = [[], [], []];
  const reach = <T>(name: string, result: T): Promise<T> => {
    reached.push(name);
    return broken === undefined ? Promise.resolve(result) : Promise.reject(broken);
  };
  const ports: AdminPorts = {
    status: () => reach('status', { snapshot: 'v1', roles: [], services: [], expiries: [], warnings: [] }),
    endpoints: () => reach('endpoints', { endpoints: [], overflow: 0 }),
    findRecord: (id) => reach('findRecord', id === 'missing' ? undefined : ({ id } as Decision)),
    queryRecords: () => reach('queryRecords', []),
    users: {
      list: () => reach('users.list', []),
      add: () => reach('users.add', { password: 'generated' }),
      remove: (name) => reach('users.remove', name !== 'missing'),
      setPassword: (name) => reach('users.setPassword', name === 'missing' ? undefined : {}),
      setRoles: (name) => reach('users.setRoles', name !== 'missing'),
    },
    apiKeys: {
      list: () => reach('apiKeys.list', []),
      create: () => reach('apiKeys.create', { id: 'abcdefghijkl', key: 'mk', expiresAtMs: 0 }),
      rotate: () => reach('apiKeys.rotate', { id: 'abcdefghijkl', key: 'mk', expiresAtMs: 0 }),
      revoke: () => reach('apiKeys.revoke', undefined),
    },
    secrets: {
      put: () => reach('secrets.put', { version: 1 }),
      get: (path) => reach('secrets.get', path === 'missing' ? undefined : { version: 1, fields: { a: 'b' } }),
      list: () => reach('secrets.list', []),
      delete: (path) => reach('secrets.delete', path !== 'missing'),
    },
    probeCredentials: () => reach('probeCredentials', {}),
    ledgerKey: () => {
      reached.push('ledgerKey');
      if (broken !== undefined) throw broken;
      return 'key';
    },
    checkpoint: () => reach('checkpoint', 'checkpoint'),
    reload: () => reach('reload', { version: 'v2' }),
    record: (decision) => void decisions.push(decision),
  };
  const log = {
    ...silentLogger,
    error: (fields: object, message: string) => void logged.push(JSON.stringify({ fields, message })),
  };
  const handle = createAdminHandler({
    ports,
    guard: createGuard(token, port, weaknesses),
    clock: new ManualClock(),
    log,
  });
  return {
    reached,
    decisions,
    logged,
    call: (call) => handle(requestOf(call)),
  };
}

function requestOf({ method = 'GET', path = '/admin/status', query = '', body, ...call }: Call): AdminRequest {
  const headers: Record<string, string> = { authorization: `Bearer ${token}`, ...call.headers };
  const text = typeof body === 'string' ? body : body === undefined ? undefined : JSON.stringify(body);
  return {
    method,
    path,
    query,
    host: call.host ?? '127.0.0.1',
    port: 'port' in call ? call.port : port,
    remoteAddress: '127.0.0.1',
    header: (name) => (headers[name] === '' ? undefined : headers[name]),
    body: async () => (text === undefined ? undefined : Buffer.from(text)),
  };
}

const json = ({ body }: AdminResponse): Record<string, unknown> => JSON.parse(body) as Record<string, unknown>;

/** A body that each operation takes. */
const bodies: Readonly<Record<string, unknown>> = {
  'POST /admin/users': { name: 'zoe', roles: ['customer'], password: hunter },
  'PUT /admin/passwords/*': { password: hunter },
  'PUT /admin/roles/*': { roles: ['customer'] },
  'POST /admin/api-keys': { client: 'ci', ttlSeconds: 60 },
  'PUT /admin/api-keys/*': { overlapSeconds: 60 },
  'PUT /admin/secrets/*': { fields: { password: hunter } },
  'POST /admin/probe-credentials': { kind: 'svid', service: 'orders' },
};

const rows = adminOperations.map(([method, pattern]) => ({
  name: `${method} ${pattern}`,
  call: { method, path: pattern.replace('*', 'orders'), body: bodies[`${method} ${pattern}`] } satisfies Call,
}));

interface Attack {
  readonly what: string;
  readonly change: Call;
  readonly status: number;
  readonly code: string;
  readonly protection: Protection;
}

const foreign = (headers: Record<string, string>): Pick<Attack, 'change' | 'status' | 'code' | 'protection'> => ({
  change: { headers },
  status: 403,
  code: 'admin.origin',
  protection: 'admin.origin',
});
const unknown = (authorization: string): Pick<Attack, 'change' | 'status' | 'code' | 'protection'> => ({
  change: { headers: { authorization } },
  status: 401,
  code: 'admin.unauthenticated',
  protection: 'admin.authentication',
});
const rebound = (change: Call): Pick<Attack, 'change' | 'status' | 'code' | 'protection'> => ({
  change,
  status: 421,
  code: 'admin.host',
  protection: 'admin.host',
});

const attacks: readonly Attack[] = [
  { what: 'no token', ...unknown('') },
  { what: 'another token', ...unknown('Bearer another') },
  { what: 'the token in another scheme', ...unknown(`Basic ${token}`) },
  { what: 'the token with a letter more', ...unknown(`Bearer ${token}x`) },
  { what: 'a page of another site', ...foreign({ origin: 'https://evil.example' }) },
  { what: 'a page of another port', ...foreign({ origin: `https://127.0.0.1:${port + 1}` }) },
  { what: 'a page over plain HTTP', ...foreign({ origin: `http://127.0.0.1:${port}` }) },
  { what: 'a page of no origin', ...foreign({ origin: 'null' }) },
  { what: 'what a browser calls cross-site', ...foreign({ 'sec-fetch-site': 'cross-site' }) },
  { what: 'what a browser calls same-site', ...foreign({ 'sec-fetch-site': 'same-site' }) },
  { what: 'a name that was rebound to loopback', ...rebound({ host: 'evil.example' }) },
  { what: 'another port of ours', ...rebound({ port: 8443 }) },
  { what: 'no port', ...rebound({ port: undefined }) },
];

describe('every operation', () => {
  test('answers an operator', async () => {
    for (const { name, call } of rows) {
      const admin = createAdmin();
      const answer = await admin.call(call);
      expect([name, answer.status, admin.reached.length]).toEqual([name, 200, 1]);
      expect(answer.headers).toEqual({ 'content-type': 'application/json', 'cache-control': 'no-store' });
      expect(admin.decisions).toMatchObject([{ verdict: 'allow', plane: 'admin', principal: { kind: 'operator' } }]);
    }
  });

  test.each(attacks)('refuses $what, and reaches nothing', async ({ change, status, code }) => {
    for (const { name, call } of rows) {
      const admin = createAdmin();
      const answer = await admin.call({ ...call, ...change });
      expect([name, answer.status, json(answer).code, admin.reached]).toEqual([name, status, code, []]);
      expect(admin.decisions).toMatchObject([
        { id: json(answer).decision, verdict: 'deny', status, reason: { code }, principal: { kind: 'anonymous' } },
      ]);
      expect(JSON.stringify([answer, admin.decisions])).not.toContain(token);
    }
  });

  test.each(attacks)('lets $what through where that protection alone is off', async ({ change, protection }) => {
    for (const { name, call } of rows) {
      const admin = createAdmin(new Set([protection]));
      const answer = await admin.call({ ...call, ...change });
      expect([name, answer.status, admin.reached.length]).toEqual([name, 200, 1]);
    }
  });

  test('of the same page and of no page is let through', async () => {
    const admin = createAdmin();
    const own = [
      { origin: `https://127.0.0.1:${port}`, 'sec-fetch-site': 'same-origin' },
      { origin: `https://localhost:${port}` },
      { 'sec-fetch-site': 'none' },
    ];
    for (const headers of own) expect((await admin.call({ headers })).status).toBe(200);
    expect((await admin.call({ host: 'localhost' })).status).toBe(200);
  });

  test('that fails tells neither why nor where; the log has the reason', async () => {
    for (const { name, call } of rows) {
      const admin = createAdmin(noWeaknesses, new Error('EACCES /var/lib/merlon/control/store.sqlite'));
      const answer = await admin.call(call);
      expect([name, answer.status, json(answer).code]).toEqual([name, 500, 'admin.internal']);
      expect(answer.body).not.toMatch(/EACCES|sqlite|\.ts|at /);
      expect(admin.logged.join('')).toContain('EACCES');
      expect(admin.logged.join('')).toContain(json(answer).decision as string);
    }
  });

  test('that is refused by its capability says what the capability says, and no detail', async () => {
    const refusal = new MerlonError({ code: 'oidc.user-exists', message: 'there is a user `zoe`', detail: hunter });
    for (const { call } of rows) {
      const answer = await createAdmin(noWeaknesses, refusal).call(call);
      expect([answer.status, json(answer).code]).toEqual([409, 'oidc.user-exists']);
      expect(answer.body).not.toContain(hunter);
    }
  });
});

describe('what is asked', () => {
  test.each([
    ['POST', '/admin/users', 'not json', 'the body is not JSON'],
    ['POST', '/admin/users', undefined, 'the body'],
    ['POST', '/admin/users', [hunter], 'the body'],
    ['POST', '/admin/users', { name: `${hunter}/..` }, 'name'],
    ['POST', '/admin/users', { name: 'zoe', email: hunter }, 'email'],
    ['POST', '/admin/users', { name: 'zoe', password: hunter, admin: true }, 'admin'],
    ['POST', '/admin/users', { name: 'zoe', roles: [hunter, '/'] }, 'roles.1'],
    ['PUT', '/admin/passwords/zoe', { password: 'hunter2' }, 'password'],
    ['PUT', '/admin/passwords/zoe', { password: [hunter] }, 'password'],
    ['PUT', '/admin/roles/zoe', { roles: hunter }, 'roles'],
    ['PUT', '/admin/secrets/a', { fields: { a: { b: hunter } } }, 'fields.a'],
    ['PUT', '/admin/secrets/a', { fields: { '../a': hunter } }, 'fields'],
    ['POST', '/admin/probe-credentials', { kind: hunter }, 'kind'],
    ['POST', '/admin/probe-credentials', { kind: 'svid', service: 'a', ttl: hunter }, 'ttl'],
  ])('%s %s with a body that is wrong (%o) names the field and shows no value', async (method, path, body, field) => {
    const admin = createAdmin();
    const answer = await admin.call({ method, path, body });
    expect([answer.status, json(answer).code, admin.reached]).toEqual([400, 'admin.bad-request', []]);
    expect(json(answer).detail).toContain(field);
    expect(answer.body).not.toContain('hunter2');
  });

  test.each([
    ['limit=0', 'limit'],
    ['limit=100000', 'limit'],
    ['verdict=maybe', 'verdict'],
    ['since=yesterday', 'since'],
  ])('records by `%s` are refused by field', async (query, field) => {
    const answer = await createAdmin().call({ path: '/admin/records', query });
    expect([answer.status, json(answer).detail]).toEqual([400, expect.stringContaining(field)]);
  });

  test.each(['a/../b/', '/a', 'a//b', 'a b', 'a\0', 'a%2fb', `${'a/'.repeat(16)}a`])(
    'the secret path `%s` is refused',
    async (path) => {
      for (const method of ['GET', 'DELETE', 'PUT']) {
        const admin = createAdmin();
        const answer = await admin.call({ method, path: `/admin/secrets/${path}`, body: { fields: {} } });
        expect([answer.status, admin.reached]).toEqual([400, []]);
      }
    },
  );

  test.each([
    ['GET', '/admin/records/missing'],
    ['DELETE', '/admin/users/missing'],
    ['PUT', '/admin/passwords/missing'],
    ['PUT', '/admin/roles/missing'],
    ['GET', '/admin/secrets/missing'],
    ['DELETE', '/admin/secrets/missing'],
  ])('%s %s of what is not there is 404', async (method, path) => {
    const answer = await createAdmin().call({ method, path, body: path.includes('roles') ? { roles: [] } : {} });
    expect([answer.status, json(answer).code]).toEqual([404, 'admin.not-found']);
  });

  test.each([
    ['GET', '/', 404],
    ['GET', '/admin', 404],
    ['GET', '/admin/status/', 404],
    ['GET', '/admin/records/', 404],
    ['GET', '/admin/__proto__', 404],
    ['DELETE', '/admin/status', 405],
    ['TRACE', '/admin/reload', 405],
    ['POST', '/admin/secrets/a', 405],
  ])('%s %s is %d', async (method, path, status) => {
    const admin = createAdmin();
    const answer = await admin.call({ method, path });
    expect([answer.status, admin.reached]).toEqual([status, []]);
    expect(answer.headers['content-type']).toBe('application/problem+json');
  });
});
