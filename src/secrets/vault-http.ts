// The shapes of Vault's HTTP API: what comes in, what goes out, and how errors look.

import { MerlonError } from '../core/errors.ts';
import { secretsConfig } from './config.ts';
import { SecretsError, type SecretsErrorCode } from './errors.ts';

/** A request, read from the wire. */
export interface VaultRequest {
  readonly method: string;
  /** As sent, still percent-encoded, without the query: `/v1/secret/data/orders/db`. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Uint8Array;
  /** The SPIFFE ID of the peer, verified in the TLS handshake. */
  readonly peerSpiffeId?: string;
  /** Or the DER certificates with which the peer completed the handshake, not verified yet. */
  readonly peerChain?: readonly Uint8Array[];
}

/** A response, to be written to the wire. */
export interface VaultResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' };

/** A response without a body. */
export const noContent: VaultResponse = { status: 204, headers: { 'cache-control': 'no-store' }, body: '' };

/** A response whose body is `value` as it stands. */
export function bareResponse(status: number, value: unknown): VaultResponse {
  return { status, headers, body: `${JSON.stringify(value)}\n` };
}

/** What a response carries. */
export interface Payload {
  readonly data?: unknown;
  readonly auth?: unknown;
  readonly status?: number;
}

const noLease = { lease_id: '', renewable: false, lease_duration: 0, wrap_info: null, warnings: null };

/** A response in the envelope that every client expects. */
export function envelopeResponse(
  requestId: string,
  { data = null, auth = null, status = 200 }: Payload,
): VaultResponse {
  return bareResponse(status, { request_id: requestId, ...noLease, data, auth });
}

/** As `envelopeResponse`, with the members of `data` beside it too: so the system backend answers, and some clients look there. */
export function systemResponse(requestId: string, data: Readonly<Record<string, unknown>>): VaultResponse {
  return bareResponse(200, { ...data, request_id: requestId, ...noLease, data, auth: null });
}

const statuses: Readonly<Record<SecretsErrorCode, number>> = {
  'secrets.sealed': 503,
  'secrets.not-initialised': 503,
  'secrets.already-initialised': 400,
  'secrets.wrong-key': 500,
  'secrets.key-missing': 500,
  'secrets.key-malformed': 500,
  'secrets.tampered': 500,
  'secrets.bad-request': 400,
  'secrets.bad-path': 400,
  'secrets.too-large': 413,
  'secrets.cas-required': 400,
  'secrets.cas-mismatch': 400,
  'secrets.not-found': 404,
  'secrets.unsupported': 404,
  'secrets.token-missing': 403,
  'secrets.permission-denied': 403,
  'secrets.not-renewable': 400,
  'secrets.login-refused': 403,
  'secrets.audit-failed': 500,
  'secrets.missing': 400,
};

/** The response that tells `error`: its public sentence, where it is one of ours. */
export function errorResponse(error: unknown): VaultResponse {
  if (error instanceof SecretsError) return bareResponse(statuses[error.code], { errors: [error.message] });
  if (error instanceof MerlonError && error.code.startsWith('storage.')) {
    return bareResponse(error.code === 'storage.conflict' ? 409 : 503, { errors: [error.message] });
  }
  return bareResponse(500, { errors: ['internal error'] });
}

/** The path behind `/v1/`, decoded once. Throws `secrets.bad-path` where it could be read in two ways. */
export function decodePath(path: string): string {
  if (!path.startsWith('/v1/')) throw new SecretsError('secrets.unsupported', 'no handler for route');
  const segments = path.slice('/v1/'.length).split('/').map(decodeSegment);
  const inner = segments.slice(0, -1);
  if (inner.includes('') || segments.some((part) => part === '.' || part === '..')) throw badPath();
  return segments.join('/');
}

function decodeSegment(segment: string): string {
  try {
    const decoded = decodeURIComponent(segment);
    if (/[\u0000-\u001f\u007f/\\]/.test(decoded)) throw badPath();
    return decoded;
  } catch (cause) {
    throw cause instanceof SecretsError ? cause : badPath();
  }
}

function badPath(): SecretsError {
  return new SecretsError('secrets.bad-path', 'the path is not valid');
}

const maxNesting = 32;

/** The JSON object in `body`; an empty body is an empty object. Throws `secrets.bad-request`, `secrets.too-large`. */
export function parseBody(body: Uint8Array): Readonly<Record<string, unknown>> {
  if (body.byteLength > secretsConfig.maxBodyBytes) {
    throw new SecretsError('secrets.too-large', `a request may have ${secretsConfig.maxBodyBytes} bytes`);
  }
  if (body.byteLength === 0) return {};
  const value = tryParseJson(new TextDecoder().decode(body));
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  // What clients send for no body at all.
  if (value === null) return {};
  throw new SecretsError('secrets.bad-request', 'failed to parse JSON input');
}

function tryParseJson(text: string): unknown {
  if (nesting(text) > maxNesting) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// How deep brackets nest outside of strings, so that no parser or serialiser behind this runs out of stack.
function nesting(text: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (quoted && code === 0x5c) at += 1;
    else if (code === 0x22) quoted = !quoted;
    else if (quoted) continue;
    else if (code === 0x7b || code === 0x5b) deepest = Math.max(deepest, ++depth);
    else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  return deepest;
}

/** The client token of a request: `X-Vault-Token`, or `Authorization: Bearer`. */
export function tokenOf({ headers: given }: VaultRequest): string | undefined {
  const own = given['x-vault-token'];
  if (own !== undefined && own !== '') return own;
  const [, bearer] = /^Bearer +([A-Za-z0-9._~+/=-]{1,4096})$/i.exec(given.authorization ?? '') ?? [];
  return bearer;
}

/** Epoch milliseconds as RFC 3339, as Vault writes times; empty for none. */
export function formatTime(timeMs: number | undefined): string {
  return timeMs === undefined ? '' : new Date(timeMs).toISOString();
}

/** Seconds in a duration as Vault's clients send it: a number, `"90"`, `"15m"`, `"1h30m"`; undefined where it is none. */
export function tryParseSeconds(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  if (typeof value !== 'string' || value.length > 32) return undefined;
  if (/^\d{1,10}$/.test(value)) return Number(value);
  const parts = [...value.matchAll(/(\d{1,10})([smhd])/g)];
  if (parts.length === 0 || parts.map(([text]) => text).join('') !== value) return undefined;
  const units: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * (units[unit ?? ''] ?? 0), 0);
}
