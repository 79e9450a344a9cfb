import {
  clientHeader,
  decisionHeader,
  isIdentityHeader,
  issuerHeader,
  rolesHeader,
  scopesHeader,
  subjectHeader,
} from '../api/identity-headers.ts';
import type { Weaknesses } from '../api/protections.ts';
import { Headers, setForwarded } from '../net/index.ts';
import type { Exchange } from './exchange.ts';

/** Control bytes and what is not ISO 8859-1 could not stand in a field; a subject that holds them is percent-encoded. */
function fieldText(text: string): string {
  return /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/.test(text) ? text : encodeURIComponent(text);
}

/**
 * The fields that the service receives: the caller's own without those that claim an identity and without the
 * credential, then what the gateway vouches for.
 */
export function requestHeaders(exchange: Exchange, traceparent: string, weaknesses: Weaknesses): Headers {
  const { request, route } = exchange;
  const keepsIdentity = route.provider || weaknesses.has('http.identity-headers');
  const keepsCredential = route.provider || route.config.forwardAuthorization;
  const headers = new Headers();
  for (const [name, value] of request.headers) {
    if (!keepsIdentity && isIdentityHeader(name)) continue;
    if (!keepsCredential && (name === 'authorization' || name === 'x-api-key')) continue;
    headers.append(name, value);
  }
  setForwarded(headers, request.client);
  headers.set('traceparent', traceparent);
  if (!route.provider) vouch(headers, exchange);
  return headers;
}

function vouch(headers: Headers, { caller, id }: Exchange): void {
  headers.set(decisionHeader, id);
  const { principal } = caller;
  if (principal.kind === 'anonymous') return;
  headers.set(subjectHeader, fieldText(principal.id));
  if (principal.issuer !== undefined) headers.set(issuerHeader, fieldText(principal.issuer));
  if (principal.client !== undefined) headers.set(clientHeader, fieldText(principal.client));
  if (principal.roles?.length) headers.set(rolesHeader, principal.roles.map(encodeURIComponent).join(','));
  if (principal.scopes?.length) headers.set(scopesHeader, principal.scopes.map(fieldText).join(' '));
}
