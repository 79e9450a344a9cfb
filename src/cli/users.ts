import type { Command } from 'commander';
import type { UserSummary } from '../api/admin.ts';
import { createAdminClient } from './admin-client.ts';
import { type CommonOptions, layoutOf, withState } from './options.ts';
import { readSecret } from './secret-input.ts';
import { formatTable } from './table.ts';

interface UserOptions extends CommonOptions {
  readonly role: string[];
  readonly email?: string;
  readonly passwordStdin?: boolean;
}

export function describe(command: Command): void {
  command.addHelpText(
    'after',
    '\nExamples:\n  merlon users list\n  merlon users add carol --role customer\n  pass show carol | merlon users add carol --role customer --password-stdin\n  merlon users password carol',
  );
  const sub = (name: string, summary: string): Command =>
    withState(command.command(name).description(summary).exitOverride());
  sub('list', 'every user').action(list);
  sub('add <name>', 'add a user; the password is generated and shown once unless it is given')
    .option(
      '--role <role>',
      'a role (repeatable)',
      (role: string, before: string[]) => [...before, role],
      [] as string[],
    )
    .option('--email <address>', 'the `email` claim')
    .option('--password-stdin', 'read the password from standard input')
    .action(add);
  sub('password <name>', 'set a new password, and end the sessions and tokens of the user')
    .option('--password-stdin', 'read the password from standard input')
    .action(setPassword);
  sub('roles <name> [roles...]', 'replace the roles of a user').action(setRoles);
  sub('remove <name>', 'remove a user, and end the sessions and tokens').action(remove);
}

const userPath = (prefix: string, name: string): string => `/admin/${prefix}/${encodeURIComponent(name)}`;

async function list(options: CommonOptions): Promise<void> {
  const users = await createAdminClient(layoutOf(options)).call<UserSummary[]>('GET', '/admin/users');
  const rows = users.map(({ name, roles, email, declared, disabled }) => [
    name,
    roles.join(' '),
    email ?? '',
    declared ? 'manifest' : 'added',
    disabled ? 'disabled' : '',
  ]);
  process.stdout.write(formatTable(['user', 'roles', 'e-mail', 'from', ''], rows));
}

async function add(name: string, options: UserOptions): Promise<void> {
  const password = options.passwordStdin === true ? await readSecret() : undefined;
  const body = {
    name,
    roles: options.role,
    ...(options.email === undefined ? {} : { email: options.email }),
    ...(password === undefined ? {} : { password }),
  };
  const answer = await createAdminClient(layoutOf(options)).call<{ password?: string }>('POST', '/admin/users', body);
  tell(`added ${name}`, answer.password);
}

async function setPassword(name: string, options: UserOptions): Promise<void> {
  const password = options.passwordStdin === true ? await readSecret() : undefined;
  const answer = await createAdminClient(layoutOf(options)).call<{ password?: string }>(
    'PUT',
    userPath('passwords', name),
    password === undefined ? {} : { password },
  );
  tell(`changed the password of ${name}`, answer.password);
}

async function setRoles(name: string, roles: string[], options: CommonOptions): Promise<void> {
  await createAdminClient(layoutOf(options)).call('PUT', userPath('roles', name), { roles });
  tell(`${name} now has ${roles.length === 0 ? 'no roles' : `the roles ${roles.join(', ')}`}`);
}

async function remove(name: string, options: CommonOptions): Promise<void> {
  await createAdminClient(layoutOf(options)).call('DELETE', userPath('users', name));
  tell(`removed ${name}`);
}

/** The sentence goes to standard error, so that standard output holds the generated password alone. */
function tell(sentence: string, password?: string): void {
  process.stderr.write(`${sentence}\n`);
  if (password !== undefined) process.stdout.write(`${password}\n`);
}
