import { sensitiveData } from '../api/data-classes.ts';
import { callerHeader, decisionHeader, rolesHeader, scopesHeader, subjectHeader } from '../api/identity-headers.ts';
import type { LimitFields } from '../limits/index.ts';
import type { Headers } from '../net/index.ts';
import type { Exchange } from './exchange.ts';

// What tells an attacker which software and version answers.
const revealing = [
  'server',
  'x-powered-by',
  'x-aspnet-version',
  'x-aspnetmvc-version',
  'x-generator',
  'x-runtime',
  'via',
];

// Ours alone to say.
const reserved = [decisionHeader, callerHeader, subjectHeader, rolesHeader, scopesHeader];

const dropped = new Set([...revealing, ...reserved]);
const isOursToSay = (name: string): boolean => dropped.has(name);

// What speaks to shared caches alone (RFC 9213 and its forerunners).
const forSharedCaches = ['cdn-cache-control', 'surrogate-control', 'x-accel-expires', 'expires', 'pragma'];
const droppedUnshared = new Set([...dropped, ...forSharedCaches]);
const isDroppedUnshared = (name: string): boolean => droppedUnshared.has(name);

const isCorsField = (name: string): boolean => name.startsWith('access-control-');

const security: readonly (readonly [name: string, value: string])[] = [
  ['x-content-type-options', 'nosniff'],
  ['referrer-policy', 'strict-origin-when-cross-origin'],
  ['x-frame-options', 'DENY'],
  ['cross-origin-opener-policy', 'same-origin'],
  ['permissions-policy', 'camera=(), geolocation=(), microphone=()'],
];

const strictTransport = 'max-age=31536000; includeSubDomains';

/** Edits the service's fields before the client sees them. */
export function editResponseHeaders(exchange: Exchange, headers: Headers): void {
  const { route, request, responseFields, limitFields } = exchange;
  const isSensitive = handlesSensitive(exchange);
  const isUnshared = isSensitive || exchange.caller.credential !== 'none';
  headers.prune(isUnshared ? isDroppedUnshared : isOursToSay);
  for (const name of route.hideHeaders) headers.delete(name);
  if (route.config.cors !== undefined) headers.prune(isCorsField);
  // They speak to browsers.
  if (route.config.securityHeaders && route.service.protocol !== 'grpc') {
    for (const [name, value] of security) if (!headers.has(name)) headers.add(name, value);
    if (request.scheme === 'https' && !headers.has('strict-transport-security'))
      headers.add('strict-transport-security', strictTransport);
  }
  if (isUnshared) keepOutOfCaches(headers, isSensitive);
  if (responseFields !== undefined) {
    for (let at = 0; at < responseFields.length; at += 2)
      setOrAppend(headers, responseFields[at] as string, responseFields[at + 1] as string);
  }
  if (limitFields !== undefined) {
    putLimits(headers, limitFields);
  }
  headers.add(decisionHeader, exchange.id);
}

/** Sensitive data is stored nowhere; what a credential opened is never shared (RFC 9111, section 3.5). */
function keepOutOfCaches(headers: Headers, isSensitive: boolean): void {
  if (isSensitive) headers.put('cache-control', 'no-store');
  else if (!headers.has('cache-control')) headers.add('cache-control', 'private, no-cache');
  else if (!isPrivate(headers.getAll('cache-control'))) headers.put('cache-control', 'private, no-cache');
}

let checkedPolicy = '';

/** Both fields are made of the limits' names, which a policy repeats from request to request, and of digits. */
function putLimits(headers: Headers, { 'ratelimit-policy': policy, ratelimit }: LimitFields): void {
  if (policy === checkedPolicy) headers.put('ratelimit-policy', policy);
  else headers.set('ratelimit-policy', policy);
  checkedPolicy = policy;
  headers.put('ratelimit', ratelimit);
}

/** The document's word on an operation counts for public routes too; that of a service only behind a credential. */
function handlesSensitive({ route, operation }: Exchange): boolean {
  if (route.service.sensitive && route.config.auth !== 'public') return true;
  return operation?.kind === 'match' && operation.operation.dataClasses.some((each) => sensitiveData.has(each));
}

/** Whether the service itself keeps its answer to the one who asked. */
function isPrivate(values: readonly string[]): boolean {
  const directives = values
    .join()
    .toLowerCase()
    .split(',')
    .map((directive) => directive.trim());
  if (directives.includes('no-store')) return true;
  return directives.includes('private') && !directives.some((each) => each === 'public' || each.startsWith('s-maxage'));
}

function setOrAppend(headers: Headers, name: string, value: string): void {
  if (name === 'vary' || name === 'link') headers.append(name, value);
  else headers.set(name, value);
}
