import { join } from 'node:path';
import type { Command } from 'commander';
import { MerlonError } from '../core/errors.ts';
import { tryReadPrivateText, tryReadText } from '../core/files.ts';
import { loadManifest, type Manifest } from '../manifest/index.ts';
import { clientCredentials, obtainToken, type TokenSet } from '../oidc/index.ts';
import type { StateLayout } from '../server/state.ts';
import { type CommonOptions, layoutOf, withState } from './options.ts';
import { createFetch } from './private-fetch.ts';
import { readSecret } from './secret-input.ts';

interface TokenOptions extends CommonOptions {
  readonly user?: string;
  readonly client?: string;
  readonly scope?: string;
  readonly passwordStdin?: boolean;
}

export function describe(command: Command): void {
  withState(command)
    .option('-u, --user <name>', 'the user to log in')
    .option(
      '-c, --client <id>',
      'the OAuth client; with --user: the one to log in through (default: the first that can)',
    )
    .option('--scope <scopes>', 'scopes, space-separated (default: all that the user or client may have)')
    .option(
      '--password-stdin',
      "read the user's password from standard input (default: the generated one in the state folder)",
    )
    .addHelpText(
      'after',
      '\nExamples:\n  merlon token --user alice\n  merlon token --client reporting --scope "orders:read"\n  curl -H "Authorization: Bearer $(merlon token -u alice)" ...',
    )
    .action(run);
}

async function run(options: TokenOptions): Promise<void> {
  const layout = layoutOf(options);
  const { manifest } = loadManifest(options.manifest);
  const token =
    options.user === undefined
      ? await clientToken(options, manifest, layout)
      : await userToken(options.user, options, manifest, layout);
  process.stdout.write(`${token.accessToken}\n`);
}

const issuerOf = ({ gateway }: Manifest): string => `${gateway.publicUrl}/oidc`;

function fetchOf(layout: StateLayout): ReturnType<typeof createFetch> {
  return createFetch(tryReadText(layout.caFile));
}

async function userToken(
  user: string,
  { client, scope, passwordStdin }: TokenOptions,
  manifest: Manifest,
  layout: StateLayout,
): Promise<TokenSet> {
  const [clientId, config] =
    Object.entries(manifest.clients).find(([id, each]) =>
      client === undefined ? each.type === 'public' && each.grants.includes('authorization_code') : id === client,
    ) ?? [];
  if (clientId === undefined || config === undefined)
    throw new MerlonError({
      code: 'input.client',
      message:
        client === undefined
          ? 'the manifest declares no public client to log in through'
          : `there is no client \`${client}\``,
      hint: 'declare one under `clients`',
    });
  const password =
    passwordStdin === true
      ? await readSecret()
      : keptCredential(layout, `user-${user.toLowerCase()}`, 'give the password with --password-stdin');
  const roles = manifest.users[user]?.roles ?? [];
  const all =
    roles.length === 0
      ? config.scopes
      : config.scopes.filter((each) => roles.some((role) => manifest.roles[role]?.scopes.includes(each)));
  const [redirectUri] = config.redirectUris;
  return obtainToken({
    issuer: issuerOf(manifest),
    clientId,
    username: user,
    password,
    scopes: scope === undefined ? ['openid', ...all] : scope.split(' '),
    fetch: fetchOf(layout),
    ...(redirectUri === undefined ? {} : { redirectUri }),
    ...(config.type === 'confidential' ? { clientSecret: keptCredential(layout, `client-${clientId}`, '') } : {}),
  });
}

function clientToken({ client, scope }: TokenOptions, manifest: Manifest, layout: StateLayout): Promise<TokenSet> {
  const config = client === undefined ? undefined : manifest.clients[client];
  if (client === undefined || config === undefined)
    throw new MerlonError({
      code: 'input.client',
      message:
        client === undefined ? 'name a user with --user or a client with --client' : `there is no client \`${client}\``,
    });
  const clientSecret = keptCredential(layout, `client-${client}`, 'only confidential clients get tokens of their own');
  return clientCredentials({
    issuer: issuerOf(manifest),
    clientId: client,
    clientSecret,
    scopes: scope === undefined ? config.scopes : scope.split(' '),
    fetch: fetchOf(layout),
  });
}

function keptCredential(layout: StateLayout, name: string, hint: string): string {
  const kept = tryReadPrivateText(join(layout.credentials, name));
  if (kept !== undefined) return kept.trim();
  throw new MerlonError({
    code: 'input.credential',
    message: `\`${join(layout.credentials, name)}\` does not exist`,
    hint,
  });
}
