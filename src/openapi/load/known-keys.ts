import type { JsonObject } from '../json.ts';
import { at, type Loading, type Place, warning } from './loading.ts';

// The fixed fields of each object (OpenAPI 3.1.1, section 4.8). A key outside them is most often a typing error that
// silently weakens a check (`requird: true`), so it is reported.
const known = {
  document: 'openapi info jsonSchemaDialect servers paths webhooks components security tags externalDocs',
  pathItem: '$ref summary description get put post delete options head patch trace servers parameters',
  operation:
    'tags summary description externalDocs operationId parameters requestBody responses callbacks deprecated security servers',
  parameter:
    'name in description required deprecated allowEmptyValue style explode allowReserved schema example examples content',
  header: 'description required deprecated allowEmptyValue style explode allowReserved schema example examples content',
  requestBody: 'description content required',
  mediaType: 'schema example examples encoding',
  encoding: 'contentType headers style explode allowReserved',
  response: 'description headers content links',
} as const;

const sets: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.entries(known).map(([kind, keys]) => [kind, new Set(keys.split(' '))]),
);

/** Warns about keys that an object of `kind` does not have. Extensions (`x-…`) are everyone's own. */
export function warnUnknownKeys(load: Loading, kind: keyof typeof known, object: JsonObject, place: Place): void {
  const keys = sets.get(kind) as ReadonlySet<string>;
  for (const key of Object.keys(object)) {
    if (keys.has(key) || key.startsWith('x-')) continue;
    warning(
      load,
      'openapi.unknown-key',
      at(place, key),
      `\`${key.slice(0, 60)}\` means nothing here`,
      `the keys are ${[...keys].join(', ')}`,
    );
  }
}
