import {
  apiKeyId,
  apiKeyRotation,
  newApiKey,
  newPassword,
  newRoles,
  newUser,
  probeRequest,
  recordQuery,
  secretFields,
  secretPath,
} from '../../api/admin.ts';
import type { AdminPorts } from './ports.ts';
import { notFound, parse } from './request.ts';

/** What an operation gets of a request. */
export interface AdminCall {
  /** What the pattern's `*` stands for. */
  readonly rest: string;
  readonly query: URLSearchParams;
  /** The parsed JSON body, undefined where there is none. */
  readonly body: unknown;
}

type Run = (ports: AdminPorts, call: AdminCall) => Promise<unknown>;

/** One operation. A path that ends in `*` takes the rest as its argument. */
export type AdminOperation = readonly [method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, run: Run];

/** Every operation of the admin API. What has no row does not exist; every row needs an authenticated operator. */
export const adminOperations: readonly AdminOperation[] = [
  ['GET', '/admin/status', (ports) => ports.status()],
  ['POST', '/admin/reload', (ports) => ports.reload()],
  ['GET', '/admin/records', (ports, { query }) => ports.queryRecords(parse(recordQuery, Object.fromEntries(query)))],
  ['GET', '/admin/records/*', async (ports, { rest }) => (await ports.findRecord(rest)) ?? notFound('record', rest)],
  ['GET', '/admin/endpoints', (ports) => ports.endpoints()],
  ['GET', '/admin/ledger/key', async (ports) => ({ key: ports.ledgerKey() })],
  ['GET', '/admin/ledger/checkpoint', async (ports) => ({ checkpoint: await ports.checkpoint() })],
  ['GET', '/admin/users', (ports) => ports.users.list()],
  ['POST', '/admin/users', (ports, { body }) => ports.users.add(withoutUndefined(parse(newUser, body)))],
  [
    'DELETE',
    '/admin/users/*',
    async (ports, { rest }) => ((await ports.users.remove(rest)) ? { removed: rest } : notFound('user', rest)),
  ],
  [
    'PUT',
    '/admin/passwords/*',
    async (ports, { rest, body }) =>
      (await ports.users.setPassword(rest, parse(newPassword, body).password)) ?? notFound('user', rest),
  ],
  [
    'PUT',
    '/admin/roles/*',
    async (ports, { rest, body }) =>
      (await ports.users.setRoles(rest, parse(newRoles, body).roles)) ? { changed: rest } : notFound('user', rest),
  ],
  ['GET', '/admin/api-keys', (ports) => ports.apiKeys.list()],
  ['POST', '/admin/api-keys', (ports, { body }) => ports.apiKeys.create(parse(newApiKey, body))],
  [
    'PUT',
    '/admin/api-keys/*',
    (ports, { rest, body }) => ports.apiKeys.rotate(parse(apiKeyId, rest), parse(apiKeyRotation, body)),
  ],
  [
    'DELETE',
    '/admin/api-keys/*',
    async (ports, { rest }) => {
      await ports.apiKeys.revoke(parse(apiKeyId, rest));
      return { revoked: rest };
    },
  ],
  ['GET', '/admin/secrets', (ports) => ports.secrets.list('')],
  [
    'GET',
    '/admin/secrets/*',
    async (ports, { rest }) => (await ports.secrets.get(parse(secretPath, rest))) ?? notFound('secret', rest),
  ],
  [
    'PUT',
    '/admin/secrets/*',
    (ports, { rest, body }) => ports.secrets.put(parse(secretPath, rest), parse(secretFields, body).fields),
  ],
  [
    'DELETE',
    '/admin/secrets/*',
    async (ports, { rest }) =>
      (await ports.secrets.delete(parse(secretPath, rest))) ? { deleted: rest } : notFound('secret', rest),
  ],
  ['POST', '/admin/probe-credentials', (ports, { body }) => ports.probeCredentials(parse(probeRequest, body))],
];

function withoutUndefined<T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
