import type { Authenticated } from '../api/authn.ts';
import {
  certificateHeader,
  clientCertHeader,
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
import { addForwarded, Headers, isForwardedField } from '../net/index.ts';
import { shownCertificate } from './client-certificate.ts';
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
  const isWeak = weaknesses.has('http.identity-headers');
  const keepsIdentity = route.provider || isWeak;
  const keepsCredential = route.provider || route.config.forwardAuthorization;
  const headers = request.headers.without(
    (name) =>
      (!keepsCredential && (name === 'authorization' || name === 'x-api-key' || name === route.apiKeyHeader)) ||
      (!keepsIdentity && isIdentityHeader(name)) ||
      (!isWeak && isForwardedField(name)) ||
      name === 'traceparent' ||
      name === 'x-request-id' ||
      name === 'x_request_id' ||
      (name === 'tracestate' && !trace.isContinued),
  );
  addForwarded(headers, request.client);
  headers.add('traceparent', trace.traceparent);
  // Rules cannot read what is compressed.
  if (exchange.inspected !== undefined) headers.delete('accept-encoding');
  if (!route.provider) vouch(headers, exchange, keepsIdentity);
  return headers;
}

/** `mayHold`: whether the caller's own fields of these names may still be there. */
function vouch(headers: Headers, { caller, id, request }: Exchange, mayHold: boolean): void {
  if (mayHold) headers.delete(decisionHeader);
  headers.add(decisionHeader, id);
  headers.add('x-request-id', id);
  if (request.peerCertificate !== undefined) {
    const { facts, field } = shownCertificate(request.peerCertificate);
    headers.set(certificateHeader, facts.fingerprint);
    headers.set(clientCertHeader, field);
  }
  if (caller.principal.kind === 'anonymous') return;
  let fields = identityFields.get(caller);
  if (fields === undefined) identityFields.set(caller, (fields = checked(fieldsOf(caller.principal))));
  if (mayHold) for (let at = 0; at < fields.length; at += 2) headers.delete(fields[at] as string);
  headers.addAll(fields);
}

/** Names and values in turn. Throws where one could not stand on the wire; what passed once need not be looked at again. */
function checked(fields: readonly Field[]): readonly string[] {
  const headers = new Headers();
  for (const [name, value] of fields) headers.append(name, value);
  return headers.pairs;
}

type Field = readonly [name: string, value: string];

// A token that was verified before gives the same caller again, and the same fields.
const identityFields = new WeakMap<Authenticated, readonly string[]>();

function fieldsOf({ id, issuer, client, roles = [], scopes = [] }: Principal): readonly Field[] {
  const fields: Field[] = [[subjectHeader, fieldText(id)]];
  if (issuer !== undefined) fields.push([issuerHeader, fieldText(issuer)]);
  if (client !== undefined) fields.push([clientHeader, fieldText(client)]);
  if (roles.length > 0) fields.push([rolesHeader, roles.map(encodeURIComponent).join(',')]);
  if (scopes.length > 0) fields.push([scopesHeader, scopes.map(fieldText).join(' ')]);
  return fields;
}
