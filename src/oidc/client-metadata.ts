import type { ClientRecord } from './clients.ts';
import type { AdapterPayload } from './provider-types.ts';

const loopback = new Set(['127.0.0.1', '[::1]', 'localhost']);

/**
 * A native application's redirect URIs are loopback addresses, whose port it chooses when it runs (RFC 8252, section
 * 7.3), or schemes of its own.
 */
function isNative({ redirectUris }: ClientRecord): boolean {
  return redirectUris.every((uri) => {
    const { protocol, hostname } = new URL(uri);
    return protocol === 'http:' ? loopback.has(hostname) : protocol !== 'https:';
  });
}

/** A client in the words of OpenID Connect Dynamic Registration, section 2. */
export function clientMetadata(client: ClientRecord): AdapterPayload {
  const confidential = client.type === 'confidential';
  const usesCode = client.grants.includes('authorization_code');
  return {
    client_id: client.id,
    application_type: usesCode && isNative(client) ? 'native' : 'web',
    grant_types: [...client.grants],
    response_types: usesCode ? ['code'] : [],
    redirect_uris: usesCode ? [...client.redirectUris] : [],
    post_logout_redirect_uris: [...(client.postLogoutRedirectUris ?? [])],
    token_endpoint_auth_method: confidential ? 'client_secret_basic' : 'none',
    id_token_signed_response_alg: 'ES256',
    // The digest: what the caller presents is digested before the two are compared.
    ...(confidential && { client_secret: client.secretHash }),
    merlon_scopes: [...client.scopes],
    merlon_roles: [...client.roles],
  };
}
