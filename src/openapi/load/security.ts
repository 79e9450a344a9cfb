import type { CredentialParameter, SecurityAlternative } from '../../api/openapi.ts';
import { isObject, type JsonObject, own } from '../json.ts';
import { at, type Loading, type Place, problem } from './loading.ts';
import { dereference } from './reference.ts';

/** What an operation demands, and where its credentials stand in a request. */
export interface Security {
  readonly security: readonly SecurityAlternative[];
  readonly credentials: readonly CredentialParameter[];
}

/** Reads a list of security requirements against `schemes`, the document's `securitySchemes`. */
export function readSecurity(
  load: Loading,
  value: unknown,
  place: Place,
  schemes: JsonObject,
  schemesPlace: Place,
): Security {
  if (value === undefined) return { security: [], credentials: [] };
  if (!Array.isArray(value))
    return problem(load, 'openapi.security', place, '`security` must be a list') ?? { security: [], credentials: [] };
  const credentials = new Map<string, CredentialParameter>();
  const security = value.map((item, index) => {
    const here = at(place, index);
    if (!isObject(item))
      return (
        problem(load, 'openapi.security', here, 'a security requirement must be an object') ?? {
          schemes: [],
          scopes: [],
        }
      );
    for (const name of Object.keys(item)) noteScheme(load, name, at(here, name), schemes, schemesPlace, credentials);
    return { schemes: Object.keys(item), scopes: scopesOf(load, item, here) };
  });
  return { security, credentials: [...credentials.values()] };
}

function scopesOf(load: Loading, requirement: JsonObject, place: Place): string[] {
  const scopes = new Set<string>();
  for (const [name, list] of Object.entries(requirement)) {
    if (!Array.isArray(list)) problem(load, 'openapi.security', at(place, name), 'scopes must be a list');
    else for (const scope of list) scopes.add(String(scope));
  }
  return [...scopes];
}

function noteScheme(
  load: Loading,
  name: string,
  place: Place,
  schemes: JsonObject,
  schemesPlace: Place,
  credentials: Map<string, CredentialParameter>,
): void {
  const declared = own(schemes, name);
  if (declared === undefined) {
    problem(
      load,
      'openapi.security',
      place,
      `the security scheme \`${name.slice(0, 60)}\` is not declared`,
      'declare it under `components.securitySchemes`',
    );
    return;
  }
  const scheme = dereference(load, declared, at(schemesPlace, name))?.value;
  if (scheme?.type !== 'apiKey' || typeof scheme.name !== 'string') return;
  const location = (['query', 'header', 'cookie'] as const).find((known) => known === scheme.in);
  if (location !== undefined) credentials.set(`${location} ${scheme.name}`, { in: location, name: scheme.name });
}
