import type { Command } from 'commander';
import type { ApiKeySummary, NewApiKey } from '../api/admin.ts';
import { MerlonError } from '../core/errors.ts';
import { tryParseDuration } from '../core/quantity.ts';
import { createAdminClient } from './admin-client.ts';
import { type CommonOptions, layoutOf, withState } from './options.ts';
import { formatTable } from './table.ts';

interface CreateOptions extends CommonOptions {
  readonly role: string[];
  readonly scope: string[];
  readonly owner?: string;
  readonly label?: string;
  readonly limit?: string;
  readonly expires: string;
}

interface RotateOptions extends CommonOptions {
  readonly overlap: string;
  readonly expires?: string;
}

export function describe(command: Command): void {
  command.addHelpText(
    'after',
    '\nExamples:\n  merlon api-keys create ci --scope deploy --owner team-build --expires 90d\n  merlon api-keys create partner --scope orders:read --limit 100/min > partner.key\n  merlon api-keys rotate 4f9k2m1x8q7z --overlap 24h\n  merlon api-keys revoke 4f9k2m1x8q7z',
  );
  const sub = (name: string, summary: string): Command =>
    withState(command.command(name).description(summary).exitOverride());
  const several = (value: string, before: string[]): string[] => [...before, value];
  sub('list', 'every key that has not ended, without its secret').action(list);
  sub('create <client>', 'create a key that acts for a client; it is shown once')
    .option('--role <role>', 'a role (repeatable)', several, [] as string[])
    .option('--scope <scope>', 'a scope (repeatable)', several, [] as string[])
    .option('--owner <owner>', 'who answers for it')
    .option('--label <text>', 'what it is for')
    .option('--limit <rate>', 'requests with this key, as `100/min`')
    .option('--expires <time>', 'how long it lives, a year at most', '90d')
    .action(create);
  sub('rotate <id>', 'give a key another secret, shown once; the former one works on for a while')
    .option('--overlap <time>', 'how long the former secret works on', '24h')
    .option('--expires <time>', 'how long the new secret lives; as the first did unless told')
    .action(rotate);
  sub('revoke <id>', 'end a key at once').action(revoke);
}

async function list(options: CommonOptions): Promise<void> {
  const keys = await createAdminClient(layoutOf(options)).call<ApiKeySummary[]>('GET', '/admin/api-keys');
  const rows = keys.map(({ id, client, owner, roles, scopes, limit, expiresAtMs, formerExpiresAtMs, label }) => [
    id,
    client,
    owner ?? '',
    [...roles, ...scopes].join(' '),
    limit ?? '',
    timeOf(expiresAtMs),
    formerExpiresAtMs === undefined ? label : `rotated, former secret until ${timeOf(formerExpiresAtMs)}`,
  ]);
  process.stdout.write(formatTable(['key', 'client', 'owner', 'roles and scopes', 'limit', 'expires', ''], rows));
}

async function create(client: string, options: CreateOptions): Promise<void> {
  const { role, scope, owner, label, limit, expires } = options;
  const body = {
    client,
    roles: role,
    scopes: scope,
    ttlSeconds: secondsOf(expires),
    ...(owner === undefined ? {} : { owner }),
    ...(label === undefined ? {} : { label }),
    ...(limit === undefined ? {} : { limit }),
  };
  tell('created', await createAdminClient(layoutOf(options)).call<NewApiKey>('POST', '/admin/api-keys', body));
}

async function rotate(id: string, options: RotateOptions): Promise<void> {
  const { overlap, expires } = options;
  const body = {
    overlapSeconds: secondsOf(overlap),
    ...(expires === undefined ? {} : { ttlSeconds: secondsOf(expires) }),
  };
  tell('rotated', await createAdminClient(layoutOf(options)).call<NewApiKey>('PUT', pathOf(id), body));
}

async function revoke(id: string, options: CommonOptions): Promise<void> {
  await createAdminClient(layoutOf(options)).call('DELETE', pathOf(id));
  process.stderr.write(`revoked ${id}\n`);
}

const pathOf = (id: string): string => `/admin/api-keys/${encodeURIComponent(id)}`;
const timeOf = (ms: number): string => new Date(ms).toISOString().slice(0, 16).replace('T', ' ');

/** Throws `usage` where it is no duration of whole seconds. */
function secondsOf(text: string): number {
  const ms = tryParseDuration(text);
  if (ms === undefined || ms % 1000 !== 0)
    throw new MerlonError({
      code: 'usage',
      message: `\`${text}\` is not a duration`,
      hint: 'write it as `30s`, `24h` or `90d`',
    });
  return ms / 1000;
}

/** The sentence goes to standard error, so that standard output holds the key alone. */
function tell(done: string, { id, key, expiresAtMs }: NewApiKey): void {
  process.stderr.write(`${done} ${id}, until ${timeOf(expiresAtMs)}; the key is not shown again\n`);
  process.stdout.write(`${key}\n`);
}
