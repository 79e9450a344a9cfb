import type { JsonValue, Schema, SchemaType } from '../../api/openapi.ts';
import { isObject } from '../json.ts';
import { at, type Loading, type Place, problem, type SchemaDraft } from './loading.ts';

/** Normalises a schema that stands within another. */
export type Nested = (value: unknown, place: Place) => Schema;

type Reader = (load: Loading, value: unknown, place: Place, nested: Nested) => unknown;

/** Says what is wrong with a keyword's value; gives undefined, so that the keyword is left out. */
function expected(what: string): (load: Loading, place: Place) => undefined {
  return (load, place) => problem(load, 'openapi.schema', place, `\`${place.key}\` must be ${what}`);
}

function checked(what: string, holds: (value: unknown) => boolean): Reader {
  const complain = expected(what);
  return (load, value, place) => (holds(value) ? value : complain(load, place));
}

const number = checked('a number', (value) => typeof value === 'number');
const count = checked('a whole number from 0', (value) => Number.isSafeInteger(value) && (value as number) >= 0);
const positive = checked('a number above 0', (value) => typeof value === 'number' && value > 0);
const flag = checked('true or false', (value) => typeof value === 'boolean');
const text = checked('text', (value) => typeof value === 'string');
const names = checked(
  'a list of names',
  (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
);
const values = checked('a list of values, not empty', (value) => Array.isArray(value) && value.length > 0);
const anything: Reader = (_load, value) => value;

const schema: Reader = (_load, value, place, nested) => nested(value, place);

const schemas: Reader = (load, value, place, nested) =>
  Array.isArray(value) && value.length > 0
    ? value.map((item, index) => nested(item, at(place, index)))
    : expected('a list of schemas, not empty')(load, place);

const schemaMap: Reader = (load, value, place, nested) => {
  if (!isObject(value)) return expected('a map of schemas')(load, place);
  if (Object.hasOwn(value, '__proto__'))
    return problem(load, 'openapi.schema', place, '`__proto__` cannot be the name of a field');
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, nested(item, at(place, name))]));
};

const namesMap: Reader = (load, value, place) =>
  isObject(value) &&
  Object.values(value).every((list) => Array.isArray(list) && list.every((name) => typeof name === 'string'))
    ? value
    : expected('a map of lists of names')(load, place);

const types: ReadonlySet<unknown> = new Set<SchemaType>([
  'null',
  'boolean',
  'integer',
  'number',
  'string',
  'array',
  'object',
]);

const type: Reader = (load, value, place) => {
  const list = Array.isArray(value) ? value : [value];
  if (list.length > 0 && list.every((name) => types.has(name))) return value;
  return problem(
    load,
    'openapi.schema',
    place,
    `\`${list.map(String).join(', ').slice(0, 60)}\` is not a type`,
    `the types are ${[...types].join(', ')}`,
  );
};

const example: Reader = (_load, value) => {
  const first: unknown = Array.isArray(value) ? value[0] : undefined;
  return first === undefined || JSON.stringify(first).length > 1024 ? undefined : [first as JsonValue];
};

/** How the keywords of JSON Schema 2020-12 that bear on validity are read. Those not listed describe only, and are dropped. */
export const keywordReaders: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ['type', type],
  ['format', text],
  ['enum', values],
  ['const', anything],
  ['default', anything],
  ['examples', example],
  ['minimum', number],
  ['maximum', number],
  ['exclusiveMinimum', number],
  ['exclusiveMaximum', number],
  ['multipleOf', positive],
  ['minLength', count],
  ['maxLength', count],
  ['pattern', text],
  ['minItems', count],
  ['maxItems', count],
  ['uniqueItems', flag],
  ['minContains', count],
  ['maxContains', count],
  ['minProperties', count],
  ['maxProperties', count],
  ['required', names],
  ['dependentRequired', namesMap],
  ['items', schema],
  ['contains', schema],
  ['unevaluatedItems', schema],
  ['additionalProperties', schema],
  ['unevaluatedProperties', schema],
  ['propertyNames', schema],
  ['not', schema],
  ['if', schema],
  ['then', schema],
  ['else', schema],
  ['prefixItems', schemas],
  ['allOf', schemas],
  ['anyOf', schemas],
  ['oneOf', schemas],
  ['properties', schemaMap],
  ['patternProperties', schemaMap],
  ['dependentSchemas', schemaMap],
  ['readOnly', flag],
  ['writeOnly', flag],
  ['x-merlon-sensitive', flag],
]);

/** Keywords whose meaning the bundled form cannot carry. Refused rather than ignored: each changes what is valid. */
export const unsupportedKeywords: ReadonlyMap<string, string> = new Map([
  ['$id', 'refer to schemas by file and JSON pointer instead'],
  ['$anchor', 'refer to schemas by JSON pointer instead'],
  ['$dynamicRef', 'use `$ref`'],
  ['$dynamicAnchor', 'use `$ref`'],
  ['$recursiveRef', 'use `$ref`'],
  ['$recursiveAnchor', 'use `$ref`'],
  ['dependencies', 'use `dependentRequired` or `dependentSchemas`'],
  ['additionalItems', 'use `items` beside `prefixItems`'],
]);

/** What OpenAPI 3.0 says in its own way, said as JSON Schema 2020-12 does (OpenAPI 3.0.4, section 4.7.24). */
export function modernise(source: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const schema: Record<string, unknown> = { ...source };
  moderniseBound(schema, 'exclusiveMinimum', 'minimum');
  moderniseBound(schema, 'exclusiveMaximum', 'maximum');
  if ('example' in schema) schema.examples = [schema.example];
  // 3.0 knows `examples` in media types only.
  else delete schema.examples;
  if (schema.nullable === true) {
    if (typeof schema.type === 'string') schema.type = [schema.type, 'null'];
    if (Array.isArray(schema.enum) && !schema.enum.includes(null)) schema.enum = [...schema.enum, null];
  }
  return schema;
}

function moderniseBound(schema: Record<string, unknown>, exclusive: string, inclusive: string): void {
  if (typeof schema[exclusive] !== 'boolean') return;
  if (schema[exclusive] && typeof schema[inclusive] === 'number') {
    schema[exclusive] = schema[inclusive];
    delete schema[inclusive];
  } else delete schema[exclusive];
}

/** A nullable schema of 3.0 that names no type: itself, or null. */
export function orNull(schema: SchemaDraft): SchemaDraft {
  return { anyOf: [schema, { type: 'null' }] };
}
