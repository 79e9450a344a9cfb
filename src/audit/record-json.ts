import type { Decision, LedgerRecord, Principal, Step } from '../api/record.ts';
import { cutText, maskPath, maskPrincipal, maskRecord, maskSecrets } from './mask.ts';

// Nothing in it that JSON would escape.
const plain = /^[ !#-[\]-~]*$/;

const quote = (text: string): string => (plain.test(text) ? `"${text}"` : JSON.stringify(text));
const quoteCut = (text: string): string => quote(cutText(text));

/**
 * `record` as JSON, masked: what the spool keeps and the channel carries, made once for both. Nearly every record is of a request
 * that passed, and most of what such a one says was said before: its principal, its steps and its host are not masked and
 * written anew. The result means the same as `JSON.stringify(maskRecord(record))`.
 */
export function recordJson(record: LedgerRecord): string {
  return record.kind === 'decision' && isCommon(record) ? decisionJson(record) : JSON.stringify(maskRecord(record));
}

const isCommon = ({ reason, waf, clientCertificate, variant, grpcStatus }: Decision): boolean =>
  reason === undefined &&
  waf === undefined &&
  clientCertificate === undefined &&
  variant === undefined &&
  grpcStatus === undefined;

/** The members that `decisionJson` writes, or that `isCommon` rules out. A member of `Decision` that is missing here does not compile. */
type Written =
  | ('kind' | 'id' | 'timeMs' | 'plane' | 'verdict' | 'status' | 'method' | 'host' | 'path' | 'remoteAddress' | 'route')
  | (
      | 'service'
      | 'grpcStatus'
      | 'operation'
      | 'principal'
      | 'steps'
      | 'reason'
      | 'waf'
      | 'clientCertificate'
      | 'variant'
      | 'grpcStatus'
      | 'traceId'
      | 'durationMs'
      | 'snapshot'
    );

function decisionJson(decision: keyof Decision extends Written ? Decision : never): string {
  const { id, timeMs, plane, verdict, status, path, principal, durationMs, traceId } = decision;
  return (
    `{"kind":"decision","id":${quote(id)},"timeMs":${timeMs},"plane":"${plane}","verdict":"${verdict}",` +
    `"status":${status},"path":${quote(maskPath(path))},"durationMs":${durationMs}${repeatedJson(decision)}` +
    (principal === undefined ? '' : `,"principal":${principalJson(principal)}`) +
    (traceId === undefined ? '}' : `,"traceId":${quoteCut(traceId)}}`)
  );
}

/** What the records of one route mostly have in common, and how it was last written. */
interface Repeated {
  readonly of: Decision;
  readonly json: string;
}

// A route gives all that pass it the same steps, and a verified token gives the same principal each time.
const repeated = new WeakMap<readonly Step[], Repeated>();
const principals = new WeakMap<Principal, string>();

function repeatedJson(decision: Decision): string {
  const former = repeated.get(decision.steps);
  if (former !== undefined && isRepeated(former.of, decision)) return former.json;
  const { method, host, remoteAddress, route, service, operation, snapshot } = decision;
  const json = flatten(
    `,"method":${quoteCut(method)},"host":${quote(maskSecrets(host))},"remoteAddress":${quoteCut(remoteAddress)}` +
      `,"steps":${JSON.stringify(decision.steps)}` +
      (route === undefined ? '' : `,"route":${quoteCut(route)}`) +
      (service === undefined ? '' : `,"service":${quoteCut(service)}`) +
      (operation === undefined ? '' : `,"operation":${quoteCut(operation)}`) +
      (snapshot === undefined ? '' : `,"snapshot":${quoteCut(snapshot)}`),
  );
  repeated.set(decision.steps, { of: decision, json });
  return json;
}

const isRepeated = (one: Decision, other: Decision): boolean =>
  one.method === other.method &&
  one.host === other.host &&
  one.remoteAddress === other.remoteAddress &&
  one.route === other.route &&
  one.service === other.service &&
  one.operation === other.operation &&
  one.snapshot === other.snapshot;

/** The same text in one piece: what is put together by `+` is walked piece by piece each time it is written. */
const flatten = (text: string): string => Buffer.from(text).toString();

function principalJson(principal: Principal): string {
  let json = principals.get(principal);
  if (json === undefined) principals.set(principal, (json = flatten(JSON.stringify(maskPrincipal(principal)))));
  return json;
}
