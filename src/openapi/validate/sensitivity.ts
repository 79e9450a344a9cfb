import type { OpenApiDocument, Schema } from '../../api/openapi.ts';
import { isObject, own } from '../json.ts';
import { inPlaceParts } from '../load/reach.ts';

const maxSchemas = 500;

/**
 * Whether a value at `tokens` within `schema` must not be shown: some schema that describes it, or what it is part of,
 * is marked `x-merlon-sensitive`, `writeOnly` or `format: password`. Asked only once a request is refused.
 */
export function isSensitive(schemas: OpenApiDocument['schemas'], schema: Schema, tokens: readonly string[]): boolean {
  let here = withParts(schemas, [schema]);
  if (here.some(isMarked)) return true;
  for (const token of tokens) {
    here = withParts(
      schemas,
      here.flatMap((each) => childrenAt(each, token)),
    );
    if (here.some(isMarked)) return true;
  }
  return false;
}

/** Whether a schema says by itself that its values must not be shown. */
export function isMarked(schema: Schema): boolean {
  return (
    isObject(schema) &&
    (schema['x-merlon-sensitive'] === true || schema.writeOnly === true || schema.format === 'password')
  );
}

/** The schemas and everything that describes the same value; `most`: after how many the search ends. */
export function withParts(schemas: OpenApiDocument['schemas'], roots: readonly Schema[], most = maxSchemas): Schema[] {
  const found = new Set<Schema>(roots);
  for (const schema of found) {
    if (typeof schema === 'boolean' || found.size > most) continue;
    const targets = [schema.$ref, ...Object.values(schema.discriminator?.mapping ?? {})];
    for (const key of targets) {
      const target = key === undefined ? undefined : own(schemas, key);
      if (target !== undefined) found.add(target);
    }
    for (const part of inPlaceParts(schema)) found.add(part);
  }
  return [...found];
}

/** What `schema` says of its member or element `token`. */
export function childrenAt(schema: Schema, token: string): Schema[] {
  if (typeof schema === 'boolean') return [];
  const property = own(schema.properties ?? {}, token);
  const parts = [
    property,
    schema.items,
    ...(schema.prefixItems ?? []),
    ...Object.values(schema.patternProperties ?? {}),
  ];
  if (property === undefined) parts.push(schema.additionalProperties, schema.unevaluatedProperties);
  return parts.filter((part) => part !== undefined);
}
