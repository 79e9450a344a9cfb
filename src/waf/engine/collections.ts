import { parseUrlEncoded } from '../body/urlencoded.ts';
import { createText } from '../match/text.ts';
import { percentDecode } from '../transformations/url.ts';
import { headerValues } from './header-values.ts';
import { headerOf } from './message.ts';
import type { Transaction } from './model.ts';
import { flag, isSingle, type Provider, recurring, scalar, target } from './providers.ts';
import { txValues } from './store.ts';
import { createValue, namesOf, under, type Value } from './value.ts';

/** How long what a provider gives stays true. */
type Lifetime = 'transaction' | 'phase' | 'moment';

export interface Collection {
  /** Where a transaction keeps its members, among those of the same lifetime. */
  readonly index: number;
  readonly lifetime: Lifetime;
  /** Has one member, whatever the request. */
  readonly single: boolean;
  readonly provide: Provider;
}

const none: readonly Value[] = [];

/** Python and Java read a quoted value as RFC 2109 has it: `\047` and `\'` are quotes. */
const unquoteCookie = (value: string): string =>
  value
    .replace(/^"|"\s*$/g, '')
    .replace(/\\(?:([0-3][0-7]{2})|(.))/gs, (_all, octal?: string, plain = '') =>
      octal === undefined ? plain : String.fromCharCode(Number.parseInt(octal, 8)),
    );

function cookies(transaction: Transaction): readonly Value[] {
  const received = headerOf(transaction.request.headers, 'cookie');
  if (received === '') return none;
  const header = received.replaceAll(', ', '; ');
  const values: Value[] = [];
  for (const pair of header.split(';')) {
    const trimmed = pair.trimStart();
    if (trimmed === '' || values.length >= transaction.limits.maxFields) continue;
    const equals = trimmed.indexOf('=');
    const name = equals < 0 ? trimmed : trimmed.slice(0, equals);
    const value = equals < 0 ? '' : trimmed.slice(equals + 1);
    values.push(createValue('REQUEST_COOKIES', name, value, transaction.isPinned('cookie', name)));
    if (value.startsWith('"') && value.includes('\\'))
      values.push(createValue('REQUEST_COOKIES', name, unquoteCookie(value)));
  }
  return values;
}

/** Path and query, without scheme and authority. */
export function relativeUri(uri: string): string {
  const match = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^/?#]*/.exec(uri);
  if (match === null) return uri;
  const rest = uri.slice(match[0].length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

/** The path, decoded once, as whoever serves it will read it. */
function pathOf(uri: string): string {
  const relative = relativeUri(uri);
  const end = relative.search(/[?#]/);
  return percentDecode(end < 0 ? relative : relative.slice(0, end));
}

function queryOf(uri: string): string {
  const mark = uri.indexOf('?');
  if (mark < 0) return '';
  const hash = uri.indexOf('#', mark);
  return uri.slice(mark + 1, hash < 0 ? undefined : hash);
}

const argsGet: Provider = (transaction) => {
  const query = queryOf(transaction.request.uri);
  if (query === '') return none;
  return parseUrlEncoded(query, transaction.limits.maxFields).fields.map((field) =>
    createValue('ARGS_GET', field.name, field.value, transaction.isPinned('query', field.name)),
  );
};

const argsPost: Provider = (transaction) =>
  transaction.body.fields.map((field) =>
    createValue('ARGS_POST', field.name, field.value, transaction.isPinned('body', field.pointer)),
  );

const args: Provider = (transaction) => [
  ...members(transaction, 'ARGS_GET').map((value) => under('ARGS', value)),
  ...members(transaction, 'ARGS_POST').map((value) => under('ARGS', value)),
];

const argsSize = (transaction: Transaction): number =>
  members(transaction, 'ARGS').reduce((sum, { key, text }) => sum + key.length + text.raw.length, 0);

const files = (transaction: Transaction) => transaction.body.parts.filter((part) => part.fileName !== undefined);

function partHeaders(transaction: Transaction): Value[] {
  return transaction.body.parts.flatMap((part) =>
    part.headers.map((line) => createValue('MULTIPART_PART_HEADERS', part.name, line)),
  );
}

const requestLine = ({ request }: Transaction): string => `${request.method} ${request.uri} ${request.protocol}`.trim();

function requestHeaders(transaction: Transaction): Value[] {
  return headerValues('REQUEST_HEADERS', transaction.request.headers, transaction.memory, (key) =>
    transaction.isPinned('header', key),
  );
}

const responseHeaders: Provider = ({ response, memory }) =>
  headerValues('RESPONSE_HEADERS', response?.headers ?? [], memory, () => false);

const sumOf = (values: readonly { readonly content: string }[]): number =>
  values.reduce((sum, { content }) => sum + content.length, 0);

function current(
  name: string,
  read: (transaction: Transaction) => readonly { readonly key: string; readonly raw: string }[],
): Provider {
  return (transaction) => read(transaction).map(({ key, raw }) => createValue(name, key, createText(raw)));
}

/** Why not all of a request's values are looked at: a body that cannot be read, or more parameters or cookies than the limit. */
function faultOf({ body, request, limits: { maxFields } }: Transaction): string | undefined {
  if (body.error !== undefined) return body.error;
  const isLong = request.uri.length > maxFields;
  if (isLong && parseUrlEncoded(queryOf(request.uri), maxFields).rest)
    return 'the request: there are too many parameters';
  const crumbs = headerOf(request.headers, 'cookie');
  return crumbs.length > maxFields && crumbs.split(/[;,]/, maxFields + 1).length > maxFields
    ? 'the request: there are too many cookies'
    : undefined;
}

const isBodyBad = (transaction: Transaction): boolean => faultOf(transaction) !== undefined;
const faultText = (transaction: Transaction): string => faultOf(transaction) ?? '';

/** A percent sign that begins no escape, in the query or a form. */
const hasBadEscape = ({ request, processor, bodyText }: Transaction): boolean =>
  badEscape.test(queryOf(request.uri)) || (processor === 'URLENCODED' && badEscape.test(bodyText));
const badEscape = /%(?![0-9A-Fa-f]{2})/;

const fault = (name: string): Provider => flag(name, ({ body }) => body.faults.has(name));

const hour = (transaction: Transaction): Date => new Date(transaction.startedAt);

type Draft = Pick<Collection, 'lifetime' | 'provide'>;

const forever = (provide: Provider): Draft => ({ lifetime: 'transaction', provide });
const forPhase = (provide: Provider): Draft => ({ lifetime: 'phase', provide });
const now = (provide: Provider): Draft => ({ lifetime: 'moment', provide });

const requestCollections: Readonly<Record<string, Draft>> = {
  REQUEST_METHOD: forever(recurring('REQUEST_METHOD', ({ request }) => request.method)),
  REQUEST_URI: forever(target('REQUEST_URI', ({ request }) => relativeUri(request.uri))),
  REQUEST_URI_RAW: forever(target('REQUEST_URI_RAW', ({ request }) => request.uri)),
  REQUEST_PROTOCOL: forever(recurring('REQUEST_PROTOCOL', ({ request }) => request.protocol)),
  REQUEST_LINE: forever(target('REQUEST_LINE', requestLine)),
  REQUEST_FILENAME: forever(recurring('REQUEST_FILENAME', ({ request }) => pathOf(request.uri))),
  REQUEST_BASENAME: forever(
    recurring('REQUEST_BASENAME', ({ request }) => /[^/\\]*$/.exec(pathOf(request.uri))?.[0] ?? ''),
  ),
  QUERY_STRING: forever(scalar('QUERY_STRING', ({ request }) => queryOf(request.uri))),
  PATH_INFO: forever(scalar('PATH_INFO', () => '')),
  REQUEST_HEADERS: forever(requestHeaders),
  REQUEST_HEADERS_NAMES: forever((transaction) =>
    namesOf('REQUEST_HEADERS_NAMES', members(transaction, 'REQUEST_HEADERS'), transaction.memory),
  ),
  REQUEST_COOKIES: forever(cookies),
  REQUEST_COOKIES_NAMES: forever((transaction) =>
    namesOf('REQUEST_COOKIES_NAMES', members(transaction, 'REQUEST_COOKIES'), transaction.memory),
  ),
  REMOTE_ADDR: forever(recurring('REMOTE_ADDR', ({ request }) => request.remoteAddress)),
  REMOTE_HOST: forever(recurring('REMOTE_HOST', ({ request }) => request.remoteAddress)),
  REMOTE_PORT: forever(scalar('REMOTE_PORT', ({ request }) => request.remotePort ?? 0)),
  REMOTE_USER: forever(scalar('REMOTE_USER', ({ request }) => request.user ?? '')),
  SERVER_ADDR: forever(scalar('SERVER_ADDR', ({ request }) => request.serverAddress ?? '')),
  SERVER_PORT: forever(scalar('SERVER_PORT', ({ request }) => request.serverPort ?? 0)),
  SERVER_NAME: forever(scalar('SERVER_NAME', ({ request }) => headerOf(request.headers, 'host').replace(/:\d+$/, ''))),
  AUTH_TYPE: forever(
    scalar('AUTH_TYPE', ({ request }) => headerOf(request.headers, 'authorization').split(' ', 1)[0] ?? ''),
  ),
  UNIQUE_ID: forever(scalar('UNIQUE_ID', ({ request }) => request.id)),
  ARGS_GET: forever(argsGet),
  ARGS_GET_NAMES: forever((transaction) =>
    namesOf('ARGS_GET_NAMES', members(transaction, 'ARGS_GET'), transaction.memory),
  ),
  ARGS_POST: forPhase(argsPost),
  ARGS_POST_NAMES: forPhase((transaction) =>
    namesOf('ARGS_POST_NAMES', members(transaction, 'ARGS_POST'), transaction.memory),
  ),
  ARGS: forPhase(args),
  ARGS_NAMES: forPhase((transaction) => namesOf('ARGS_NAMES', members(transaction, 'ARGS'), transaction.memory)),
  ARGS_COMBINED_SIZE: forPhase(scalar('ARGS_COMBINED_SIZE', argsSize)),
  REQUEST_BODY: forPhase((transaction) =>
    transaction.showsRequestBody ? [createValue('REQUEST_BODY', '', transaction.bodyText)] : [],
  ),
  REQUEST_BODY_LENGTH: forPhase(scalar('REQUEST_BODY_LENGTH', ({ bodyText }) => bodyText.length)),
  FULL_REQUEST: forPhase(scalar('FULL_REQUEST', (transaction) => fullRequest(transaction))),
  FULL_REQUEST_LENGTH: forPhase(scalar('FULL_REQUEST_LENGTH', (transaction) => fullRequest(transaction).length)),
};

function fullRequest(transaction: Transaction): string {
  const headers = transaction.request.headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  return `${requestLine(transaction)}\r\n${headers}\r\n${transaction.bodyText}`;
}

const bodyCollections: Readonly<Record<string, Draft>> = {
  REQBODY_PROCESSOR: now(recurring('REQBODY_PROCESSOR', ({ processor }) => processor)),
  REQBODY_ERROR: forPhase(flag('REQBODY_ERROR', isBodyBad)),
  URLENCODED_ERROR: forPhase(flag('URLENCODED_ERROR', hasBadEscape)),
  // Nothing here gives up on an expression.
  MSC_PCRE_ERROR: forever(flag('MSC_PCRE_ERROR', () => false)),
  MSC_PCRE_LIMITS_EXCEEDED: forever(flag('MSC_PCRE_LIMITS_EXCEEDED', () => false)),
  // Older names.
  MULTIPART_CRLF_LF_LINES: forPhase(fault('MULTIPART_LF_LINE')),
  MULTIPART_SEMICOLON_MISSING: forPhase(fault('MULTIPART_MISSING_SEMICOLON')),
  REQBODY_ERROR_MSG: forPhase(scalar('REQBODY_ERROR_MSG', faultText)),
  REQBODY_PROCESSOR_ERROR: forPhase(flag('REQBODY_PROCESSOR_ERROR', isBodyBad)),
  REQBODY_PROCESSOR_ERROR_MSG: forPhase(scalar('REQBODY_PROCESSOR_ERROR_MSG', faultText)),
  INBOUND_DATA_ERROR: forPhase(flag('INBOUND_DATA_ERROR', ({ isBodyTruncated }) => isBodyTruncated)),
  FILES: forPhase((transaction) => files(transaction).map((part) => createValue('FILES', part.name, part.fileName!))),
  FILES_NAMES: forPhase((transaction) =>
    files(transaction).map((part) => createValue('FILES_NAMES', part.name, part.name)),
  ),
  FILES_SIZES: forPhase((transaction) =>
    files(transaction).map((part) => createValue('FILES_SIZES', part.name, String(part.content.length))),
  ),
  FILES_COMBINED_SIZE: forPhase(scalar('FILES_COMBINED_SIZE', (transaction) => sumOf(files(transaction)))),
  FILES_TMP_CONTENT: forPhase((transaction) =>
    files(transaction).map((part) => createValue('FILES_TMP_CONTENT', part.name, part.content)),
  ),
  MULTIPART_FILENAME: forPhase((transaction) =>
    files(transaction).map((part) => createValue('MULTIPART_FILENAME', part.name, part.fileName!)),
  ),
  MULTIPART_NAME: forPhase(({ body }) => body.parts.map((part) => createValue('MULTIPART_NAME', part.name, part.name))),
  MULTIPART_PART_HEADERS: forPhase(partHeaders),
  ...Object.fromEntries(
    [
      'STRICT_ERROR',
      'BOUNDARY_QUOTED',
      'BOUNDARY_WHITESPACE',
      'DATA_BEFORE',
      'DATA_AFTER',
      'HEADER_FOLDING',
      'LF_LINE',
      'MISSING_SEMICOLON',
      'INVALID_QUOTING',
      'INVALID_PART',
      'INVALID_HEADER_FOLDING',
      'FILE_LIMIT_EXCEEDED',
      'UNMATCHED_BOUNDARY',
    ]
      .map((name) => `MULTIPART_${name}`)
      .map((name) => [name, forPhase(fault(name))]),
  ),
};

const responseCollections: Readonly<Record<string, Draft>> = {
  RESPONSE_STATUS: forPhase(scalar('RESPONSE_STATUS', ({ response }) => response?.status ?? 0)),
  STATUS: forPhase(scalar('STATUS', ({ response }) => response?.status ?? 0)),
  STATUS_LINE: forPhase(
    scalar('STATUS_LINE', ({ response }) => `${response?.protocol ?? ''} ${response?.status ?? 0}`),
  ),
  RESPONSE_PROTOCOL: forPhase(scalar('RESPONSE_PROTOCOL', ({ response }) => response?.protocol ?? '')),
  RESPONSE_HEADERS: forPhase(responseHeaders),
  RESPONSE_HEADERS_NAMES: forPhase((transaction) =>
    namesOf('RESPONSE_HEADERS_NAMES', members(transaction, 'RESPONSE_HEADERS'), transaction.memory),
  ),
  RESPONSE_CONTENT_TYPE: forPhase(
    scalar('RESPONSE_CONTENT_TYPE', ({ response }) => headerOf(response?.headers ?? [], 'content-type')),
  ),
  RESPONSE_CONTENT_LENGTH: forPhase(
    scalar('RESPONSE_CONTENT_LENGTH', ({ responseBodyText }) => responseBodyText.length),
  ),
  RESPONSE_BODY: forPhase(scalar('RESPONSE_BODY', ({ responseBodyText }) => responseBodyText)),
  OUTBOUND_DATA_ERROR: forPhase(scalar('OUTBOUND_DATA_ERROR', () => 0)),
};

const momentCollections: Readonly<Record<string, Draft>> = {
  TX: now((transaction) => [...txValues(transaction).values()]),
  MATCHED_VAR: now(
    current('MATCHED_VAR', ({ matched }) => matched.slice(-1).map(({ content }) => ({ key: '', raw: content }))),
  ),
  MATCHED_VAR_NAME: now(
    current('MATCHED_VAR_NAME', ({ matched }) => matched.slice(-1).map(({ name }) => ({ key: '', raw: name }))),
  ),
  MATCHED_VARS: now(
    current('MATCHED_VARS', ({ matched }) => matched.map(({ name, content }) => ({ key: name, raw: content }))),
  ),
  MATCHED_VARS_NAMES: now(
    current('MATCHED_VARS_NAMES', ({ matched }) => matched.map(({ name }) => ({ key: name, raw: name }))),
  ),
  HIGHEST_SEVERITY: now(scalar('HIGHEST_SEVERITY', ({ highestSeverity }) => highestSeverity)),
  DURATION: now(scalar('DURATION', ({ clock, startedAt }) => clock.now() - startedAt)),
  RULE: now(ruleFacts),
  TIME: forever(scalar('TIME', (transaction) => hour(transaction).toISOString().slice(11, 19))),
  TIME_EPOCH: forever(scalar('TIME_EPOCH', ({ startedAt }) => Math.floor(startedAt / 1000))),
  TIME_DAY: forever(scalar('TIME_DAY', (transaction) => hour(transaction).getUTCDate())),
  TIME_HOUR: forever(scalar('TIME_HOUR', (transaction) => hour(transaction).getUTCHours())),
  TIME_MIN: forever(scalar('TIME_MIN', (transaction) => hour(transaction).getUTCMinutes())),
  TIME_MON: forever(scalar('TIME_MON', (transaction) => hour(transaction).getUTCMonth())),
  TIME_SEC: forever(scalar('TIME_SEC', (transaction) => hour(transaction).getUTCSeconds())),
  TIME_WDAY: forever(scalar('TIME_WDAY', (transaction) => hour(transaction).getUTCDay())),
  TIME_YEAR: forever(scalar('TIME_YEAR', (transaction) => hour(transaction).getUTCFullYear())),
  ...Object.fromEntries(
    ['IP', 'GLOBAL', 'SESSION', 'USER', 'RESOURCE'].map((name) => [
      name,
      now((transaction) => [...(transaction.stores?.get(name)?.values() ?? [])]),
    ]),
  ),
};

function ruleFacts({ current }: Transaction): readonly Value[] {
  if (current === undefined) return [];
  return [
    createValue('RULE', 'id', String(current.id)),
    createValue('RULE', 'severity', String(current.severity ?? '')),
    createValue('RULE', 'msg', current.message.constant ?? ''),
  ];
}

function collectionOf({ lifetime, provide }: Draft, counts: Map<Lifetime, number>): Collection {
  const index = counts.get(lifetime) ?? 0;
  counts.set(lifetime, index + 1);
  return { index, lifetime, provide, single: isSingle(provide) };
}

function indexCollections(drafts: Readonly<Record<string, Draft>>): ReadonlyMap<string, Collection> {
  const counts = new Map<Lifetime, number>();
  return new Map(Object.entries(drafts).map(([name, draft]) => [name, collectionOf(draft, counts)]));
}

/** By upper-case name. `XML` is not here: each of its paths is a target of its own. */
export const collections: ReadonlyMap<string, Collection> = indexCollections({
  ...requestCollections,
  ...bodyCollections,
  ...responseCollections,
  ...momentCollections,
});

/** The members of a collection, computed once for as long as they stay true. */
export function membersOf(transaction: Transaction, collection: Collection): readonly Value[] {
  if (collection.lifetime === 'moment') return collection.provide(transaction);
  const lists = collection.lifetime === 'transaction' ? transaction.lists : transaction.phaseLists;
  return (lists[collection.index] ??= collection.provide(transaction));
}

/** The same by name. */
export function members(transaction: Transaction, name: string): readonly Value[] {
  const collection = collections.get(name);
  return collection === undefined ? [] : membersOf(transaction, collection);
}
