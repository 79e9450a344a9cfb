import { isObject, type JsonObject, member } from './json.ts';

/**
 * The value at `path`: the claim of that very name (names may be URLs); else a JSON pointer (RFC 6901) where it starts
 * with a slash; else what its dots lead to.
 */
export function readClaim(claims: JsonObject, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  const steps = path.startsWith('/') ? path.slice(1).split('/').map(unescapeStep) : path.split('.');
  let value: unknown = claims;
  for (const step of steps) {
    if (!isObject(value)) return undefined;
    value = member(value, step);
  }
  return value;
}

const unescapeStep = (step: string): string => step.replaceAll('~1', '/').replaceAll('~0', '~');

/** The first text among `paths`. */
export function readFirstText(claims: JsonObject, paths: readonly string[]): string | undefined {
  for (const path of paths) {
    const value = readClaim(claims, path);
    if (typeof value === 'string' && value !== '') return value;
  }
  return undefined;
}

/**
 * The names at all of `paths`, each once. A text is split at spaces (RFC 6749, section 3.3), an array gives its
 * texts, and an object its member names, as some vendors have it.
 */
export function readNames(claims: JsonObject, paths: readonly string[]): readonly string[] {
  const names = new Set<string>();
  for (const path of paths) {
    for (const name of namesIn(readClaim(claims, path))) if (name !== '') names.add(name);
  }
  return [...names];
}

function namesIn(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.split(' ');
  if (Array.isArray(value)) return value.filter((item) => typeof item === 'string');
  return isObject(value) ? Object.keys(value) : [];
}

/** The texts of a claim that is one text or an array of them, such as `aud`; an array with anything else in it has none. */
export function readTexts(claims: JsonObject, path: string): readonly string[] {
  const value = readClaim(claims, path);
  if (typeof value === 'string') return [value];
  return Array.isArray(value) && value.every((item) => typeof item === 'string') ? value : [];
}

/**
 * A NumericDate (RFC 7519, section 2) in epoch milliseconds; undefined where there is none, NaN where it is no such
 * date, so that every comparison with it fails.
 */
export function readDateMs(claims: JsonObject, name: string): number | undefined {
  const value = member(claims, name);
  if (value === undefined) return undefined;
  return typeof value === 'number' && value >= 0 && value <= maxSeconds ? value * 1000 : Number.NaN;
}

const maxSeconds = 253_402_300_799; // the end of the year 9999
