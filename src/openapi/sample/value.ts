import type { JsonValue, OpenApiDocument, Schema } from '../../api/openapi.ts';
import { own } from '../json.ts';
import { sampleOfPattern } from '../pattern/pattern.ts';
import { type FlatSchema, flatten } from './flatten.ts';

const maxDepth = 12;
const maxItems = 50;

const formatSamples: ReadonlyMap<string, string> = new Map([
  ['date', '2026-01-01'],
  ['time', '12:00:00Z'],
  ['date-time', '2026-01-01T12:00:00Z'],
  ['duration', 'P1D'],
  ['uuid', '00000000-0000-4000-8000-000000000000'],
  ['email', 'a@example.com'],
  ['idn-email', 'a@example.com'],
  ['hostname', 'example.com'],
  ['idn-hostname', 'example.com'],
  ['ipv4', '192.0.2.1'],
  ['ipv6', '2001:db8::1'],
  ['uri', 'https://example.com/'],
  ['iri', 'https://example.com/'],
  ['uri-reference', '/'],
  ['iri-reference', '/'],
  ['json-pointer', '/a'],
  ['regex', 'a'],
  ['byte', 'YWFh'],
  ['char', 'a'],
]);

/** Which of several possible values is made. */
interface Wish {
  /** Number of the alternative taken wherever there are several. */
  readonly choice: number;
  /** Number of the value among those that must differ. */
  readonly index: number;
}

/**
 * A small value that `schema` accepts: required fields only, shortest texts, smallest lists. Always the same. Undefined
 * where none is found; `not`, `if` and `contains` are not solved for, so the caller checks what comes out.
 */
export function sampleValue(schemas: OpenApiDocument['schemas'], schema: Schema, choice = 0): JsonValue | undefined {
  return build(schemas, schema, { choice, index: 0 }, 0);
}

function build(schemas: OpenApiDocument['schemas'], schema: Schema, wish: Wish, depth: number): JsonValue | undefined {
  const flat = depth > maxDepth ? undefined : flatten(schemas, schema, wish.choice);
  if (flat === undefined) return undefined;
  if (flat.enum !== undefined) return flat.enum[wish.index % flat.enum.length];
  const example = flat.examples?.[0];
  // Only an example of a single value, and only a first one: it may hold fields that a request must not.
  if (
    example !== undefined &&
    wish.index === 0 &&
    wish.choice === 0 &&
    (typeof example !== 'object' || example === null)
  )
    return example;
  return buildOfType(schemas, flat, wish, depth);
}

function buildOfType(
  schemas: OpenApiDocument['schemas'],
  flat: FlatSchema,
  wish: Wish,
  depth: number,
): JsonValue | undefined {
  const { types } = flat;
  if (types.size === 7 && flat.properties !== undefined) return buildObject(schemas, flat, wish, depth);
  if (types.has('string') && types.size === 7) return buildText(flat, wish);
  if (types.has('object')) return buildObject(schemas, flat, wish, depth);
  if (types.has('array')) return buildArray(schemas, flat, wish, depth);
  if (types.has('string')) return buildText(flat, wish);
  if (types.has('integer')) return buildNumber(flat, wish, 1);
  if (types.has('number')) return buildNumber(flat, wish, undefined);
  if (types.has('boolean')) return wish.index % 2 === 0;
  return types.has('null') ? null : undefined;
}

function buildObject(
  schemas: OpenApiDocument['schemas'],
  flat: FlatSchema,
  wish: Wish,
  depth: number,
): JsonValue | undefined {
  const properties = flat.properties ?? {};
  const entries = new Map<string, JsonValue>();
  const add = (name: string): boolean => {
    const schema = own(properties, name) ?? flat.additionalProperties ?? true;
    if (isReadOnly(schemas, schema)) return true;
    const value = build(schemas, schema, wish, depth + 1);
    if (value !== undefined) entries.set(name, value);
    return value !== undefined;
  };
  for (const name of flat.required ?? []) if (!add(name)) return undefined;
  for (const name of Object.keys(properties)) if (entries.size < (flat.minProperties ?? 0)) add(name);
  for (let extra = 1; entries.size < (flat.minProperties ?? 0) && extra <= maxItems; extra++) add(`field${extra}`);
  return Object.fromEntries(entries);
}

function isReadOnly(schemas: OpenApiDocument['schemas'], schema: Schema): boolean {
  return flatten(schemas, schema)?.readOnly === true;
}

function buildArray(
  schemas: OpenApiDocument['schemas'],
  flat: FlatSchema,
  wish: Wish,
  depth: number,
): JsonValue | undefined {
  const count = Math.min(flat.minItems ?? 0, maxItems);
  const items: JsonValue[] = [];
  for (let index = 0; index < count; index++) {
    const item = build(
      schemas,
      flat.prefixItems?.[index] ?? flat.items ?? true,
      { ...wish, index: wish.index + index },
      depth + 1,
    );
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}

function buildText(flat: FlatSchema, { index }: Wish): string {
  const sample = flat.format === undefined ? undefined : formatSamples.get(flat.format);
  if (sample !== undefined) return sample;
  if (flat.pattern !== undefined) return sampleOfPattern(flat.pattern, flat.minLength);
  const distinct = index === 0 ? 'a' : `a${index}`;
  const text = distinct.padStart(flat.minLength ?? 0, 'a');
  return flat.maxLength === undefined ? text : text.slice(-flat.maxLength || text.length);
}

function buildNumber(flat: FlatSchema, { index }: Wish, whole: number | undefined): number | undefined {
  const step = flat.multipleOf ?? whole ?? 0.5;
  const low = Math.max(
    flat.minimum ?? Number.NEGATIVE_INFINITY,
    (flat.exclusiveMinimum ?? Number.NEGATIVE_INFINITY) + (whole ?? step),
  );
  const high = Math.min(
    flat.maximum ?? Number.POSITIVE_INFINITY,
    (flat.exclusiveMaximum ?? Number.POSITIVE_INFINITY) - (whole ?? step),
  );
  const wanted = Math.min(Math.max(1, low), high);
  const value = Math.ceil(wanted / step) * step;
  return (value > high ? Math.floor(high / step) * step : value) + index * step;
}
