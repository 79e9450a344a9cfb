// How large a body can get that its schema still accepts.
import type { MediaType, OpenApiDocument, Schema, SchemaObject } from '../../api/openapi.ts';
import { own } from '../json.ts';
import { isJson } from '../media/media-type.ts';
import { typesOf } from './coerce.ts';

/** A character takes at most two `\uXXXX` escapes. */
const bytesPerChar = 12;
/** Digits beyond what a double holds only waste space. */
const bytesPerNumber = 40;
const maxDepth = 20;

interface Sizing {
  readonly schemas: OpenApiDocument['schemas'];
  /** Bounds of named schemas; infinite while one is being found, since whatever leads back to itself has none. */
  readonly known: Map<string, number>;
}

/** An upper bound of the bytes of `media`, with as much again for white space; undefined: there is none. */
export function maxBytesOf(schemas: OpenApiDocument['schemas'], media: MediaType): number | undefined {
  if (media.schema === undefined || !isJson(media.range)) return undefined;
  const bound = boundOf({ schemas, known: new Map() }, media.schema, 0);
  return Number.isFinite(bound) ? 2 * bound + 1024 : undefined;
}

/** Bytes of the largest JSON text without white space; infinite where nothing bounds it. */
function boundOf(sizing: Sizing, schema: Schema, depth: number): number {
  if (typeof schema === 'boolean') return schema ? Number.POSITIVE_INFINITY : 0;
  if (depth > maxDepth) return Number.POSITIVE_INFINITY;
  // Each of these alone is a bound; the least holds.
  const bounds = [ownBound(sizing, schema, depth)];
  if (schema.$ref !== undefined) bounds.push(boundOfNamed(sizing, schema.$ref, depth));
  for (const part of schema.allOf ?? []) bounds.push(boundOf(sizing, part, depth + 1));
  for (const parts of [schema.anyOf, schema.oneOf]) {
    if (parts !== undefined) bounds.push(Math.max(...parts.map((part) => boundOf(sizing, part, depth + 1))));
  }
  // A part of a combination bounds its own fields only, and the others bring theirs.
  return hasObjectCombination(schema) ? sumOrLess(bounds, sizing, schema) : Math.min(...bounds);
}

function boundOfNamed(sizing: Sizing, key: string, depth: number): number {
  const known = sizing.known.get(key);
  if (known !== undefined) return known;
  sizing.known.set(key, Number.POSITIVE_INFINITY);
  const bound = boundOf(sizing, own(sizing.schemas, key) ?? true, depth + 1);
  sizing.known.set(key, bound);
  return bound;
}

function hasObjectCombination(schema: SchemaObject): boolean {
  return (
    schema.allOf !== undefined || schema.anyOf !== undefined || schema.oneOf !== undefined || schema.$ref !== undefined
  );
}

/** Fields of combined objects add up; whoever has no bound of its own as an object has declared no field. */
function sumOrLess(bounds: readonly number[], sizing: Sizing, schema: SchemaObject): number {
  if (!typesOf(sizing.schemas, schema).has('object')) return Math.min(...bounds);
  const isBare = Object.keys(schema).every((keyword) => keyword === '$ref');
  return isBare ? (bounds[1] ?? Number.POSITIVE_INFINITY) : Number.POSITIVE_INFINITY;
}

function ownBound(sizing: Sizing, schema: SchemaObject, depth: number): number {
  const values = schema.const === undefined ? schema.enum : [schema.const];
  if (values !== undefined) return Math.max(...values.map((value) => JSON.stringify(value).length * bytesPerChar));
  if (schema.type === undefined) return Number.POSITIVE_INFINITY;
  const types = typeof schema.type === 'string' ? [schema.type] : schema.type;
  return Math.max(...types.map((type) => boundOfType(sizing, schema, type, depth)));
}

function boundOfType(sizing: Sizing, schema: SchemaObject, type: string, depth: number): number {
  switch (type) {
    case 'null':
    case 'boolean':
      return 5;
    case 'integer':
    case 'number':
      return bytesPerNumber;
    case 'string':
      return (schema.maxLength ?? longestOfFormat(schema.format)) * bytesPerChar + 2;
    case 'array':
      return boundOfArray(sizing, schema, depth);
    default:
      return boundOfObject(sizing, schema, depth);
  }
}

const formatLengths: ReadonlyMap<string, number> = new Map([
  ['uuid', 36],
  ['date', 10],
  ['date-time', 50],
  ['time', 40],
  ['ipv4', 15],
  ['ipv6', 45],
  ['hostname', 253],
  ['email', 320],
]);

function longestOfFormat(format: string | undefined): number {
  return formatLengths.get(format ?? '') ?? Number.POSITIVE_INFINITY;
}

function boundOfArray(sizing: Sizing, schema: SchemaObject, depth: number): number {
  const { maxItems, items } = schema;
  if (maxItems === 0) return 2;
  if (maxItems === undefined || items === undefined || schema.prefixItems !== undefined)
    return Number.POSITIVE_INFINITY;
  return 2 + maxItems * (boundOf(sizing, items, depth + 1) + 1);
}

function boundOfObject(sizing: Sizing, schema: SchemaObject, depth: number): number {
  const { properties, patternProperties, additionalProperties, unevaluatedProperties } = schema;
  const isOpen = (additionalProperties ?? unevaluatedProperties ?? false) !== false;
  if (properties === undefined || patternProperties !== undefined || isOpen) return Number.POSITIVE_INFINITY;
  let bound = 2;
  for (const [name, value] of Object.entries(properties))
    bound += name.length * bytesPerChar + 4 + boundOf(sizing, value, depth + 1);
  return bound;
}
