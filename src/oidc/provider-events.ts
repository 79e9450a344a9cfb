import type { EmitEvent, Principal } from '../api/record.ts';
import type { Logger } from '../core/log.ts';
import type { Context, Provider } from './provider-types.ts';

export interface ProviderEventsOptions {
  readonly emit: EmitEvent;
  readonly logger: Logger;
  readonly addressOf: (context: Context) => string;
}

/** Tells the ledger what the library did. */
export function reportProviderEvents(provider: Provider, options: ProviderEventsOptions): void {
  const report = (action: string, outcome: 'success' | 'failure') => (context: Context, error?: Error) => {
    const { emit, addressOf } = options;
    emit({
      actor: actorOf(context),
      action,
      target: context.oidc?.client?.clientId ?? '',
      outcome,
      detail: {
        address: addressOf(context),
        ...grantOf(context),
        ...(error instanceof Error && { error: error.message }),
      },
    });
  };
  provider.on('grant.success', report('token.issue', 'success'));
  provider.on('grant.error', report('token.issue', 'failure'));
  provider.on('authorization.error', report('authorization', 'failure'));
  provider.on('revocation.error', report('token.revoke', 'failure'));
  provider.on('grant.revoked', report('grant.revoke', 'success'));
  provider.on('end_session.success', report('user.logout', 'success'));
  provider.on('server_error', (context, error) =>
    options.logger.error({ err: error, path: context.path }, 'the OpenID Provider failed on a request'),
  );
}

function actorOf({ oidc }: Context): Principal {
  const user = oidc?.account?.accountId ?? oidc?.session?.accountId;
  const client = oidc?.client?.clientId;
  if (user !== undefined) return { kind: 'user', id: user, ...(client !== undefined && { client }) };
  return client === undefined ? { kind: 'anonymous', id: 'anonymous' } : { kind: 'client', id: client };
}

function grantOf({ oidc }: Context): { grant?: string } {
  const grant = oidc?.params?.grant_type;
  return grant === undefined ? {} : { grant: grant.slice(0, 64) };
}
