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
  const { id, timeMs, plane, verdict, status, method, host, path, remoteAddress, principal, durationMs } = decision;
  const { route, service, operation, traceId, snapshot } = decision;
  return (
    `{"kind":"decision","id":${quote(id)},"timeMs":${timeMs},"plane":"${plane}","verdict":"${verdict}",` +
    `"status":${status},"method":${quoteCut(method)},"host":${hostJson(host)},"path":${quote(maskPath(path))},` +
    `"remoteAddress":${quoteCut(remoteAddress)},"steps":${stepsJson(decision.steps)},"durationMs":${durationMs}` +
    (principal === undefined ? '' : `,"principal":${principalJson(principal)}`) +
    (route === undefined ? '' : `,"route":${quoteCut(route)}`) +
    (service === undefined ? '' : `,"service":${quoteCut(service)}`) +
    (operation === undefined ? '' : `,"operation":${quoteCut(operation)}`) +
    (traceId === undefined ? '' : `,"traceId":${quoteCut(traceId)}`) +
    (snapshot === undefined ? '}' : `,"snapshot":${quoteCut(snapshot)}}`)
  );
}

let lastHost = '';
let lastHostJson = '""';

/** One host after another is nearly always the same. */
function hostJson(host: string): string {
  if (host !== lastHost) {
    lastHostJson = quote(maskSecrets(host));
    lastHost = host;
  }
  return lastHostJson;
}

// A verified token gives the same principal each time, and a route the same steps.
const principals = new WeakMap<Principal, string>();
const stepLists = new WeakMap<readonly Step[], string>();

function principalJson(principal: Principal): string {
  let json = principals.get(principal);
  if (json === undefined) principals.set(principal, (json = JSON.stringify(maskPrincipal(principal))));
  return json;
}

function stepsJson(steps: readonly Step[]): string {
  let json = stepLists.get(steps);
  if (json === undefined) stepLists.set(steps, (json = JSON.stringify(steps)));
  return json;
}
