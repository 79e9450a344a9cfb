import type { Authenticated } from '../api/authn.ts';
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
import type { Principal } from '../api/record.ts';
import { type Headers, setForwarded } from '../net/index.ts';
import type { Exchange } from './exchange.ts';
import type { TraceContext } from './trace-context.ts';

/** Control bytes and what is not ISO 8859-1 could not stand in a field; a subject that holds them is percent-encoded. */
function fieldText(text: string): string {
  return /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/.test(text) ? text : encodeURIComponent(text);
}

/**
 * The fields that the service receives: the caller's own without those that claim an identity and without the
 * credential, then what the gateway vouches for.
 */
export function requestHeaders(exchange: Exchange, trace: TraceContext, weaknesses: Weaknesses): Headers {
  const { request, route } = exchange;
  const keepsIdentity = route.provider || weaknesses.has('http.identity-headers');
  const keepsCredential = route.provider || route.config.forwardAuthorization;
  // A copy, since every field in it has been checked; one by one they would be checked again.
  const headers = request.headers.clone();
  const { pairs } = request.headers;
  for (let at = 0; at < pairs.length; at += 2) {
    const name = pairs[at] as string;
    const claims = !keepsIdentity && isIdentityHeader(name);
    if (
      claims ||
      (!keepsCredential && (name === 'authorization' || name === 'x-api-key' || name === route.apiKeyHeader))
    )
      headers.delete(name);
  }
  setForwarded(headers, request.client);
  headers.set('traceparent', trace.traceparent);
  if (!trace.isContinued) headers.delete('tracestate');
  // Rules cannot read what is compressed.
  if (exchange.inspected !== undefined) headers.delete('accept-encoding');
  if (!route.provider) vouch(headers, exchange);
  return headers;
}

function vouch(headers: Headers, { caller, id }: Exchange): void {
  headers.set(decisionHeader, id);
  headers.set('x-request-id', id);
  if (caller.principal.kind === 'anonymous') return;
  let fields = identityFields.get(caller);
  if (fields === undefined) identityFields.set(caller, (fields = fieldsOf(caller.principal)));
  for (const [name, value] of fields) headers.set(name, value);
}

type Field = readonly [name: string, value: string];

// A token that was verified before gives the same caller again, and the same fields.
const identityFields = new WeakMap<Authenticated, readonly Field[]>();

function fieldsOf({ id, issuer, client, roles = [], scopes = [] }: Principal): readonly Field[] {
  const fields: Field[] = [[subjectHeader, fieldText(id)]];
  if (issuer !== undefined) fields.push([issuerHeader, fieldText(issuer)]);
  if (client !== undefined) fields.push([clientHeader, fieldText(client)]);
  if (roles.length > 0) fields.push([rolesHeader, roles.map(encodeURIComponent).join(',')]);
  if (scopes.length > 0) fields.push([scopesHeader, scopes.map(fieldText).join(' ')]);
  return fields;
}
