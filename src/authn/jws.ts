import { tryDecodeBase64Url } from '../core/bytes.ts';
import { type JsonObject, member, tryParseObject } from './json.ts';

/** A compact JWS (RFC 7515, section 7.1) that carries JSON claims, taken apart and not yet believed. */
export interface CompactJws {
  readonly algorithm: string;
  readonly keyId: string | undefined;
  /** The `typ` header, lower case, without `application/`; empty where there is none. */
  readonly type: string;
  /** Whether the header lists critical extensions. None is understood here. */
  readonly critical: boolean;
  readonly claims: JsonObject;
  /** The bytes that were signed. */
  readonly input: Buffer;
  readonly signature: Buffer;
}

/**
 * Takes a token apart; undefined where any part is not exactly what the grammar says. The header members `jku`, `x5u`,
 * `jwk` and `x5c` are not even read: a token does not choose the key that it is checked with.
 */
export function tryParseCompactJws(token: string): CompactJws | undefined {
  const parts = token.split('.', 4);
  const [headerPart, claimsPart, signaturePart] = parts;
  if (parts.length !== 3 || headerPart === undefined || claimsPart === undefined || signaturePart === undefined) return;
  const header = tryDecodeObject(headerPart);
  const claims = tryDecodeObject(claimsPart);
  const signature = tryDecodeBase64Url(signaturePart);
  if (header === undefined || claims === undefined || signature === undefined) return undefined;
  const [algorithm, keyId, type] = [member(header, 'alg'), member(header, 'kid'), member(header, 'typ')];
  if (typeof algorithm !== 'string' || !isOptionalText(keyId) || !isOptionalText(type)) return undefined;
  return {
    algorithm,
    keyId,
    type: (type ?? '').toLowerCase().replace(/^application\//, ''),
    critical: Object.hasOwn(header, 'crit'),
    claims,
    input: Buffer.from(token.slice(0, token.lastIndexOf('.')), 'latin1'),
    signature,
  };
}

function tryDecodeObject(part: string): JsonObject | undefined {
  const bytes = tryDecodeBase64Url(part);
  return bytes === undefined ? undefined : tryParseObject(bytes);
}

const isOptionalText = (value: unknown): value is string | undefined =>
  value === undefined || typeof value === 'string';
