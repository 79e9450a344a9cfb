import type { OpenApiDocument, Schema, SchemaType } from '../../api/openapi.ts';
import { own } from '../json.ts';

/** What a text may stand for, by its schema. */
export type TextReader = (text: string) => unknown;

const integer = /^-?(?:0|[1-9]\d{0,19})$/;
const decimal = /^-?(?:0|[1-9]\d{0,39})(?:\.\d{1,40})?(?:[eE][+-]?\d{1,3})?$/;
const allTypes: readonly SchemaType[] = ['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'];

/**
 * The types that `schema` leaves to a value; all of them where it says nothing. An upper bound: it serves to read text,
 * the schema still has the last word.
 */
export function typesOf(
  schemas: OpenApiDocument['schemas'],
  schema: Schema | undefined,
  depth = 0,
): ReadonlySet<SchemaType> {
  if (typeof schema !== 'object' || depth > 30) return new Set(allTypes);
  let types = new Set<SchemaType>(allTypes);
  const narrow = (other: ReadonlySet<SchemaType>): void => {
    // `number` takes whole numbers too.
    types = new Set([...types].filter((type) => other.has(type) || (type === 'integer' && other.has('number'))));
  };
  if (schema.type !== undefined) narrow(new Set(typeof schema.type === 'string' ? [schema.type] : schema.type));
  const values = schema.const === undefined ? schema.enum : [schema.const];
  if (values !== undefined) narrow(new Set(values.flatMap(typesOfValue)));
  if (schema.$ref !== undefined) narrow(typesOf(schemas, own(schemas, schema.$ref), depth + 1));
  for (const part of schema.allOf ?? []) narrow(typesOf(schemas, part, depth + 1));
  for (const parts of [schema.anyOf, schema.oneOf]) {
    if (parts !== undefined) narrow(new Set(parts.flatMap((part) => [...typesOf(schemas, part, depth + 1)])));
  }
  return types;
}

function typesOfValue(value: unknown): SchemaType[] {
  if (value === null) return ['null'];
  if (Array.isArray(value)) return ['array'];
  if (typeof value === 'number') return Number.isInteger(value) ? ['integer', 'number'] : ['number'];
  return [typeof value as SchemaType];
}

/**
 * How a text of this schema is read: as the narrowest declared type of whose canonical form it is, else as it stands,
 * for the schema to refuse. No `+1`, `01`, `1e2` for an integer, `yes` or `TRUE`: a service may read them differently.
 */
export function textReader(schemas: OpenApiDocument['schemas'], schema: Schema): TextReader {
  const types = typesOf(schemas, schema);
  const isWide = typeof schema === 'object' && schema.format === 'uint64';
  const whole = types.has('integer');
  const number = types.has('number');
  const boolean = types.has('boolean');
  const ambiguous = types.has('string');
  // A free text stays a text: `{}` describes it as well as any other.
  if (ambiguous && types.size === allTypes.length) return (text) => text;
  if (!whole && !number && !boolean) return (text) => text;
  return (text) => {
    if (whole && integer.test(text)) return readInteger(text, isWide);
    if (number && decimal.test(text)) return Number(text);
    if (boolean && (text === 'true' || text === 'false')) return text === 'true';
    return text;
  };
}

const int64Max = 2n ** 63n - 1n;
const int64Min = -(2n ** 63n);
const uint64Max = 2n ** 64n - 1n;

/** A text that no 64-bit integer can hold stays a text, and so has the wrong type. */
function readInteger(text: string, isUnsigned: boolean): number | string {
  if (text === '-0') return text;
  if (text.length <= 15) return Number(text);
  const value = BigInt(text);
  const fits = isUnsigned ? value >= 0n && value <= uint64Max : value >= int64Min && value <= int64Max;
  return fits ? Number(value) : text;
}
