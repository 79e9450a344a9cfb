import type { Schema, SchemaObject } from '../../api/openapi.ts';

/** The schemas directly within `schema` that apply to the same value. */
export function inPlaceParts(schema: SchemaObject): readonly Schema[] {
  const parts: Schema[] = [...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  for (const part of [schema.not, schema.if, schema.then, schema.else]) if (part !== undefined) parts.push(part);
  if (schema.dependentSchemas !== undefined) parts.push(...Object.values(schema.dependentSchemas));
  return parts;
}

/** The schemas directly within `schema` that apply to parts of the value. */
export function innerParts(schema: SchemaObject): readonly Schema[] {
  const parts: Schema[] = [
    ...(schema.prefixItems ?? []),
    ...Object.values(schema.properties ?? {}),
    ...Object.values(schema.patternProperties ?? {}),
  ];
  const single = [
    schema.items,
    schema.contains,
    schema.unevaluatedItems,
    schema.additionalProperties,
    schema.unevaluatedProperties,
    schema.propertyNames,
  ];
  for (const part of single) if (part !== undefined) parts.push(part);
  return parts;
}

/** Keys of named schemas that `schema` refers to, directly or within. */
export function refsOf(schema: Schema, onlyInPlace = false): Set<string> {
  const refs = new Set<string>();
  const visit = (part: Schema): void => {
    if (typeof part === 'boolean') return;
    if (part.$ref !== undefined) refs.add(part.$ref);
    for (const inner of inPlaceParts(part)) visit(inner);
    if (onlyInPlace) return;
    for (const target of Object.values(part.discriminator?.mapping ?? {})) refs.add(target);
    for (const inner of innerParts(part)) visit(inner);
  };
  visit(schema);
  return refs;
}

/** Keys of everything that can be reached from `roots`. */
export function reachable(schemas: ReadonlyMap<string, Schema>, roots: Iterable<Schema>): Set<string> {
  const found = new Set<string>();
  for (const root of roots) for (const key of refsOf(root)) found.add(key);
  for (const key of found) {
    const schema = schemas.get(key);
    if (schema !== undefined) for (const next of refsOf(schema)) found.add(next);
  }
  return found;
}

/** A named schema that applies itself to the same value, so that no validation of it ends; undefined where there is none. */
export function findInPlaceCycle(schemas: ReadonlyMap<string, Schema>): string | undefined {
  const done = new Set<string>();
  const open = new Set<string>();
  const visit = (key: string): string | undefined => {
    if (open.has(key)) return key;
    const schema = schemas.get(key);
    if (done.has(key) || schema === undefined) return undefined;
    open.add(key);
    for (const next of refsOf(schema, true)) {
      const cycle = visit(next);
      if (cycle !== undefined) return cycle;
    }
    open.delete(key);
    done.add(key);
    return undefined;
  };
  for (const key of schemas.keys()) {
    const cycle = visit(key);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
