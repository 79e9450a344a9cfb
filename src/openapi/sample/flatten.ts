import type { OpenApiDocument, Schema, SchemaObject, SchemaType } from '../../api/openapi.ts';
import { own } from '../json.ts';
import { typesOf } from '../validate/coerce.ts';

/** A schema without references and combinations: everything that must hold of one value. */
export type FlatSchema = Omit<SchemaObject, '$ref' | 'allOf' | 'anyOf' | 'oneOf' | 'type'> & {
  readonly types: ReadonlySet<SchemaType>;
};

const maxDepth = 30;

/** Merges what `schema` combines; of alternatives the one numbered `choice` is taken. Undefined: nothing can satisfy it. */
export function flatten(schemas: OpenApiDocument['schemas'], schema: Schema, choice = 0): FlatSchema | undefined {
  if (schema === false) return undefined;
  if (schema === true) return { types: typesOf(schemas, true) };
  const parts = collect(schemas, schema, choice, 0);
  // Each part by itself, not the whole: of alternatives only the chosen one counts.
  const types = parts.map((part) => typesOf(schemas, part)).reduce(commonTypes, typesOf(schemas, true));
  return { ...parts.reduce(merge, {}), types };
}

function commonTypes(a: ReadonlySet<SchemaType>, b: ReadonlySet<SchemaType>): ReadonlySet<SchemaType> {
  return new Set(
    [...a]
      .filter((type) => b.has(type))
      .concat(
        a.has('number') && b.has('integer') ? ['integer'] : [],
        a.has('integer') && b.has('number') ? ['integer'] : [],
      ),
  );
}

function collect(
  schemas: OpenApiDocument['schemas'],
  schema: Schema | undefined,
  choice: number,
  depth: number,
): SchemaObject[] {
  if (typeof schema !== 'object' || depth > maxDepth) return [];
  const { $ref, allOf, anyOf, oneOf, ...rest } = schema;
  const parts: (Schema | undefined)[] = [...(allOf ?? [])];
  if ($ref !== undefined) parts.push(own(schemas, $ref));
  const chosen = schema.discriminator === undefined ? undefined : discriminated(schemas, schema, choice);
  if (chosen !== undefined)
    return [
      rest,
      chosen.tag,
      ...[...parts, chosen.target].flatMap((part) => collect(schemas, part, choice, depth + 1)),
    ];
  for (const options of [anyOf, oneOf]) if (options !== undefined) parts.push(options[choice % options.length]);
  return [rest, ...parts.flatMap((part) => collect(schemas, part, choice, depth + 1))];
}

/** The alternative that the discriminator names by its value numbered `choice`. */
function discriminated(
  schemas: OpenApiDocument['schemas'],
  schema: SchemaObject,
  choice: number,
): { tag: SchemaObject; target: Schema | undefined } | undefined {
  const { propertyName, mapping = {} } = schema.discriminator ?? {};
  const values = Object.entries(mapping);
  const [value, key] = values[choice % Math.max(1, values.length)] ?? [];
  if (propertyName === undefined || value === undefined || key === undefined) return undefined;
  const tag: SchemaObject = { required: [propertyName], properties: { [propertyName]: { const: value } } };
  const target = own(schemas, key);
  // A base that is dispatched to a child which extends it would lead round in a circle.
  const isUnion = schema.oneOf !== undefined || schema.anyOf !== undefined;
  return { tag, target: isUnion ? target : withoutDispatch(target, schemas, schema) };
}

function withoutDispatch(
  target: Schema | undefined,
  schemas: OpenApiDocument['schemas'],
  base: SchemaObject,
): Schema | undefined {
  if (typeof target !== 'object' || target === base) return undefined;
  const allOf = (target.allOf ?? []).filter(
    (part) => typeof part === 'boolean' || part.$ref === undefined || own(schemas, part.$ref) !== base,
  );
  return { ...target, allOf };
}

function merge(a: SchemaObject, b: SchemaObject): SchemaObject {
  const required = [...new Set([...(a.required ?? []), ...(b.required ?? [])])];
  const values = b.const === undefined ? b.enum : [b.const];
  const earlier = a.const === undefined ? a.enum : [a.const];
  const both =
    values !== undefined && earlier !== undefined
      ? earlier.filter((value) => values.includes(value))
      : (values ?? earlier);
  return {
    ...a,
    ...b,
    ...(required.length === 0 ? {} : { required }),
    ...(a.properties === undefined && b.properties === undefined
      ? {}
      : { properties: mergeProperties(a.properties ?? {}, b.properties ?? {}) }),
    ...(both === undefined ? {} : { enum: both }),
    ...extremes(a, b),
  };
}

function mergeProperties(
  a: Readonly<Record<string, Schema>>,
  b: Readonly<Record<string, Schema>>,
): Readonly<Record<string, Schema>> {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...names].map((name) => [name, bothOf(own(a, name), own(b, name))]));
}

function bothOf(a: Schema | undefined, b: Schema | undefined): Schema {
  if (a === undefined || b === undefined) return a ?? b ?? true;
  return { allOf: [a, b] };
}

const lower = ['minimum', 'exclusiveMinimum', 'minLength', 'minItems', 'minProperties'] as const;
const upper = ['maximum', 'exclusiveMaximum', 'maxLength', 'maxItems', 'maxProperties'] as const;

function extremes(a: SchemaObject, b: SchemaObject): Partial<SchemaObject> {
  const out: Record<string, number> = {};
  for (const [keywords, pick] of [[lower, Math.max] as const, [upper, Math.min] as const]) {
    for (const keyword of keywords) {
      const values = [a[keyword], b[keyword]].filter((value) => value !== undefined);
      if (values.length > 0) out[keyword] = pick(...values);
    }
  }
  return out;
}
