import type { Command } from 'commander';
import type { SecretVersion } from '../api/admin.ts';
import { MerlonError } from '../core/errors.ts';
import { createAdminClient } from './admin-client.ts';
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

/** `secret/payments` as the API has it. Throws `input.secret-path`. */
function apiPath(path: string): string {
  if (!path.startsWith('secret/') || path.length < 8)
    throw new MerlonError({
      code: 'input.secret-path',
      message: `\`${path}\` is not the path of a secret`,
      hint: 'write it as `secret/payments`',
    });
  return `/admin/secrets/${path.slice('secret/'.length)}`;
}

async function put(path: string, field: string, options: CommonOptions): Promise<void> {
  const client = createAdminClient(layoutOf(options));
  const value = await readSecret();
  const before = await client.call<SecretVersion>('GET', apiPath(path)).catch(ignoreMissing);
  const { version } = await client.call<{ version: number }>('PUT', apiPath(path), {
    fields: { ...before?.fields, [field]: value },
  });
  process.stderr.write(`${path} is now version ${version}\n`);
}

async function get(path: string, field: string | undefined, options: CommonOptions): Promise<void> {
  const { version, fields } = await createAdminClient(layoutOf(options)).call<SecretVersion>('GET', apiPath(path));
  if (field === undefined) {
    process.stderr.write(`version ${version}\n`);
    return void process.stdout.write(`${Object.keys(fields).join('\n')}\n`);
  }
  if (!Object.hasOwn(fields, field))
    throw new MerlonError({
      code: 'admin.not-found',
      message: `\`${path}\` has no field \`${field}\``,
      hint: `it has ${Object.keys(fields).join(', ')}`,
    });
  process.stdout.write(`${fields[field]}\n`);
}

async function list(options: CommonOptions): Promise<void> {
  const paths = await createAdminClient(layoutOf(options)).call<string[]>('GET', '/admin/secrets');
  process.stdout.write(paths.map((path) => `secret/${path}\n`).join(''));
}

async function remove(path: string, options: CommonOptions): Promise<void> {
  await createAdminClient(layoutOf(options)).call('DELETE', apiPath(path));
  process.stderr.write(`deleted ${path}\n`);
}

function ignoreMissing(error: unknown): undefined {
  if (error instanceof MerlonError && error.code === 'admin.not-found') return undefined;
  throw error;
}
