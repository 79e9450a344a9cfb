import type { TryVerifyOwnToken } from './access-tokens.ts';
import type { Context } from './provider-types.ts';

export interface RevocationOptions {
  readonly verify: TryVerifyOwnToken;
  /** Makes one of our access tokens count no more. */
  readonly disown: (jti: string) => Promise<void>;
}

/**
 * Takes access tokens at the revocation endpoint too (RFC 7009). The library authenticates the client and then
 * refuses them, because it cannot call a JWT back; the gateway can refuse one, so its id is put on the list. Any
 * other JWT is not ours, and by section 2.2 a token that is not valid is not an error.
 */
export async function revokeOwnToken(context: Context, { verify, disown }: RevocationOptions): Promise<boolean> {
  const { client, params, route } = context.oidc ?? {};
  const isRefused = (context.body as { error?: string } | undefined)?.error === 'unsupported_token_type';
  if (route !== 'revocation' || !isRefused || client === undefined) return false;
  const claims = await verify(params?.token ?? '');
  if (claims?.jti !== undefined && claims.client_id === client.clientId) await disown(claims.jti);
  return true;
}
