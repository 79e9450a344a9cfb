import type { OpenApiDocument, Schema, SchemaObject } from '../../api/openapi.ts';
import { own } from '../json.ts';

/** Stands for the items of a list, beside the names of an object's fields. */
export const itemsName = '\0items';

/** What several schemas say of one field (or of the items) of the same value. */
export interface Overlap {
  readonly name: string;
  /** Those that always hold. */
  readonly always: readonly Schema[];
  /** Those that hold where their alternative does. */
  readonly sometimes: readonly Schema[];
}

interface Found {
  readonly always: Map<string, Set<Schema>>;
  readonly sometimes: Map<string, Set<Schema>>;
}

/**
 * Fields that more than one of the schemas combined in `schema` describes. Closing each description by itself would
 * refuse what only another declares, so such a field is closed once, where all descriptions meet.
 * Alternatives of one `oneOf` do not meet.
 */
export function findOverlaps(schemas: OpenApiDocument['schemas'], schema: SchemaObject): readonly Overlap[] {
  const found: Found = { always: new Map(), sometimes: new Map() };
  collect(schemas, schema, false, found, new Set());
  const overlaps: Overlap[] = [];
  for (const [name, always] of found.always) {
    const sometimes = found.sometimes.get(name) ?? new Set();
    if (always.size > 1 || sometimes.size > 0) overlaps.push({ name, always: [...always], sometimes: [...sometimes] });
  }
  return overlaps.filter(
    ({ always, sometimes }) => [...always, ...sometimes].filter((each) => mayHaveFields(schemas, each, 0)).length > 1,
  );
}

function collect(
  schemas: OpenApiDocument['schemas'],
  schema: Schema | undefined,
  isAlternative: boolean,
  found: Found,
  seen: Set<Schema>,
): void {
  if (typeof schema !== 'object' || seen.has(schema)) return;
  seen.add(schema);
  const target = isAlternative ? found.sometimes : found.always;
  for (const [name, value] of Object.entries(schema.properties ?? {})) add(target, name, value);
  if (schema.items !== undefined) add(target, itemsName, schema.items);
  for (const part of schema.allOf ?? []) collect(schemas, part, isAlternative, found, seen);
  if (schema.$ref !== undefined) collect(schemas, own(schemas, schema.$ref), isAlternative, found, seen);
  const alternatives = [
    ...(schema.anyOf ?? []),
    ...(schema.oneOf ?? []),
    schema.then,
    schema.else,
    ...Object.values(schema.dependentSchemas ?? {}),
  ];
  for (const key of Object.values(schema.discriminator?.mapping ?? {})) alternatives.push(own(schemas, key));
  for (const part of alternatives) collect(schemas, part, true, found, seen);
}

function add(map: Map<string, Set<Schema>>, name: string, value: Schema): void {
  const known = map.get(name);
  if (known === undefined) map.set(name, new Set([value]));
  else known.add(value);
}

/** Whether closing `schema` could refuse anything, here or further in. */
function mayHaveFields(schemas: OpenApiDocument['schemas'], schema: Schema | undefined, depth: number): boolean {
  if (typeof schema !== 'object') return false;
  if (
    depth > 20 ||
    schema.properties !== undefined ||
    schema.patternProperties !== undefined ||
    schema.discriminator !== undefined
  )
    return true;
  const parts = [...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? []), schema.items];
  if (schema.$ref !== undefined) parts.push(own(schemas, schema.$ref));
  return parts.some((part) => mayHaveFields(schemas, part, depth + 1));
}
