import type { Command } from 'commander';
import type { SecretVersion } from '../api/admin.ts';
import { systemClock } from '../core/clock.ts';
import { MerlonError } from '../core/errors.ts';
import { loadManifest } from '../manifest/index.ts';
import type { OperatorSecrets } from '../secrets/index.ts';
import { withOfflineSecrets } from '../server/offline-secrets.ts';
import { isAnswering } from '../server/state.ts';
import { type AdminClient, createAdminClient } from './admin-client.ts';
import { type CommonOptions, layoutOf, withState } from './options.ts';
import { readSecret } from './secret-input.ts';

export function describe(command: Command): void {
  command.addHelpText(
    'after',
    '\nExamples:\n  printf %s "$KEY" | merlon secrets put secret/payments apiKey\n  merlon secrets get secret/payments apiKey\n  merlon secrets list',
  );
  const sub = (name: string, summary: string): Command =>
    withState(command.command(name).description(summary).exitOverride());
  sub('put <path> <field>', 'set one field of a secret; the value comes from standard input').action(put);
  sub('get <path> [field]', 'show the names of its fields, or the value of one').action(get);
  sub('list', 'the paths of all secrets').action(list);
  sub('delete <path>', 'delete a secret').action(remove);
}

/** The path below the mount. Throws `input.secret-path`. */
function kvPath(path: string): string {
  if (path.startsWith('secret/') && path.length > 'secret/'.length) return path.slice('secret/'.length);
  throw new MerlonError({
    code: 'input.secret-path',
    message: `\`${path}\` is not the path of a secret`,
    hint: 'write it as `secret/payments`',
  });
}

/** Asks the control plane that runs on the state folder, or opens the folder itself where none does. */
async function withSecrets<T>(options: CommonOptions, task: (secrets: OperatorSecrets) => Promise<T>): Promise<T> {
  const layout = layoutOf(options);
  if (await isAnswering(layout.controlSocket)) return task(remoteSecrets(createAdminClient(layout)));
  const { trustDomain } = loadManifest(options.manifest).manifest;
  return withOfflineSecrets({ layout, trustDomain, clock: systemClock }, task);
}

function remoteSecrets(client: AdminClient): OperatorSecrets {
  return {
    get: (path) => client.call<SecretVersion>('GET', `/admin/secrets/${path}`).catch(ignoreMissing),
    put: (path, fields) => client.call('PUT', `/admin/secrets/${path}`, { fields }),
    list: () => client.call('GET', '/admin/secrets'),
    delete: async (path) => (await client.call('DELETE', `/admin/secrets/${path}`).catch(ignoreMissing)) !== undefined,
  };
}

async function put(path: string, field: string, options: CommonOptions): Promise<void> {
  const at = kvPath(path);
  const value = await readSecret();
  const { version } = await withSecrets(options, async (secrets) => {
    const before = await secrets.get(at);
    return secrets.put(at, { ...before?.fields, [field]: value });
  });
  process.stderr.write(`${path} is now version ${version}\n`);
}

async function get(path: string, field: string | undefined, options: CommonOptions): Promise<void> {
  const secret =
    (await withSecrets(options, (secrets) => secrets.get(kvPath(path)))) ?? missing(`there is no secret \`${path}\``);
  if (field === undefined) {
    process.stderr.write(`version ${secret.version}\n`);
    return void process.stdout.write(`${Object.keys(secret.fields).join('\n')}\n`);
  }
  if (!Object.hasOwn(secret.fields, field))
    missing(`\`${path}\` has no field \`${field}\``, `it has ${Object.keys(secret.fields).join(', ')}`);
  process.stdout.write(`${secret.fields[field]}\n`);
}

async function list(options: CommonOptions): Promise<void> {
  const paths = await withSecrets(options, (secrets) => secrets.list(''));
  process.stdout.write(paths.map((path) => `secret/${path}\n`).join(''));
}

async function remove(path: string, options: CommonOptions): Promise<void> {
  const deleted = await withSecrets(options, (secrets) => secrets.delete(kvPath(path)));
  if (!deleted) missing(`there is no secret \`${path}\``);
  process.stderr.write(`deleted ${path}\n`);
}

function missing(message: string, hint?: string): never {
  throw new MerlonError({ code: 'admin.not-found', message, ...(hint === undefined ? {} : { hint }) });
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof MerlonError && error.code === 'admin.not-found') return undefined;
  throw error;
}
