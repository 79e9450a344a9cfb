// Turns a normalised schema into the one that is enforced: objects closed, fields of the other direction forbidden,
// discriminators resolved into a choice. A named schema exists in up to four forms:
//   closed  where it describes a whole value: fields that nothing declares are refused
//   open    where it is one of several that describe the same value (`allOf`, `oneOf` ...): whoever combines them closes
//   loose   where several describe one part of it: closed nowhere, since one of its descriptions is not all of them
//   exact   within `not`, `if` and `contains`, which ask a question: a stricter schema there would change the answer
import type { Discriminator, Schema, SchemaObject } from '../../api/openapi.ts';
import { own } from '../json.ts';
import { type HidingContext, hiddenNames, isHidden } from './hidden.ts';
import { findOverlaps, itemsName, type Overlap } from './overlap.ts';
import { declaresFields, hasCombination, isBareReference, isFreeForm, meetsOthers } from './schema-shape.ts';

export type Form = 'closed' | 'open' | 'loose' | 'exact';

/** A schema as the validator takes it. */
export type EnforcedSchema = boolean | { readonly [keyword: string]: unknown };

/** What the closing of schemas depends on. */
export interface ClosingContext extends HidingContext {
  /** Whether unknown fields are refused at all. */
  readonly closes: boolean;
  /** The URI by which the validator knows a named schema in a form; called for each one that is needed. */
  readonly uriOf: (key: string, form: Form) => string;
  /** The same for everything that is said of one overlapping field, closed. */
  readonly uriOfOverlap: (overlap: Overlap) => string;
}

/** Where a schema stands among those that describe the same value. */
interface Position {
  readonly form: Form;
  /** Fields that are hidden in this direction. */
  readonly hidden: ReadonlySet<string>;
  /** Fields that are closed elsewhere, where all of their descriptions meet. */
  readonly loosened: ReadonlySet<string>;
}

/** The keyword that refuses a field whatever its value; its own value says why. */
export const forbiddenKeyword = 'x-merlon-forbidden';
/** `uniqueItems` in linear time. */
export const uniqueKeyword = 'x-merlon-unique';

const noNames: ReadonlySet<string> = new Set();

/** `schema` as it is enforced. `key`: its own, where it is a named one. */
export function enforce(context: ClosingContext, schema: Schema, form: Form, key?: string): EnforcedSchema {
  return rewrite(context, schema, alone(form), key);
}

/** All that is said of one field, as one closed schema. */
export function enforceOverlap(context: ClosingContext, { always, sometimes }: Overlap): EnforcedSchema {
  const combined: SchemaObject =
    sometimes.length === 0 ? { allOf: always } : { allOf: always, anyOf: [...sometimes, true] };
  return rewrite(context, combined, alone('closed'));
}

function alone(form: Form): Position {
  return { form, hidden: noNames, loosened: noNames };
}

const copied = [
  'type',
  'format',
  'enum',
  'const',
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'pattern',
  'minItems',
  'maxItems',
  'minContains',
  'maxContains',
  'minProperties',
  'maxProperties',
  'dependentRequired',
] as const satisfies readonly (keyof SchemaObject)[];

function rewrite(context: ClosingContext, schema: Schema, above: Position, key?: string): EnforcedSchema {
  if (typeof schema === 'boolean') return schema;
  const out: Record<string, unknown> = {};
  for (const keyword of copied) if (schema[keyword] !== undefined) out[keyword] = schema[keyword];
  if (schema.uniqueItems === true) out[uniqueKeyword] = true;
  const overlaps =
    above.form === 'closed' && context.closes && meetsOthers(schema) ? findOverlaps(context.schemas, schema) : [];
  const here = positionOf(context, schema, above, overlaps);
  const required = schema.required?.filter((name) => !here.hidden.has(name));
  if (required !== undefined && required.length > 0) out.required = required;
  rewriteInner(context, schema, here, out);
  rewriteInPlace(context, schema, here, out);
  if (here.form !== 'exact') dispatch(context, schema, here, key, out);
  for (const overlap of overlaps) alsoOf(out, overlapSchema(context, overlap));
  if (here.form === 'closed' && context.closes) close(context, schema, out);
  return out;
}

function positionOf(
  context: ClosingContext,
  schema: SchemaObject,
  above: Position,
  overlaps: readonly Overlap[],
): Position {
  if (above.form === 'exact') return above;
  const names = hiddenNames(context, schema);
  const hidden = names.length === 0 ? above.hidden : new Set([...above.hidden, ...names]);
  const loosened =
    overlaps.length === 0 ? above.loosened : new Set([...above.loosened, ...overlaps.map(({ name }) => name)]);
  return { form: above.form, hidden, loosened };
}

/** Adds a schema that must hold too. */
function alsoOf(out: Record<string, unknown>, ...more: readonly EnforcedSchema[]): void {
  out.allOf = [...((out.allOf as readonly EnforcedSchema[] | undefined) ?? []), ...more];
}

function overlapSchema(context: ClosingContext, overlap: Overlap): EnforcedSchema {
  const closed = { $ref: context.uriOfOverlap(overlap) };
  return overlap.name === itemsName ? { items: closed } : { properties: Object.fromEntries([[overlap.name, closed]]) };
}

/** Schemas of parts of the value. */
function rewriteInner(
  context: ClosingContext,
  schema: SchemaObject,
  { form, loosened }: Position,
  out: Record<string, unknown>,
): void {
  const inner: Form = form === 'exact' || form === 'loose' ? form : 'closed';
  const part = (value: Schema, name?: string): EnforcedSchema =>
    rewrite(context, value, alone(name !== undefined && loosened.has(name) ? 'loose' : inner));
  const field = (name: string, value: Schema): EnforcedSchema =>
    form !== 'exact' && isHidden(context, value) ? { [forbiddenKeyword]: true } : part(value, name);
  for (const keyword of ['properties', 'patternProperties'] as const) {
    const fields = schema[keyword];
    if (fields !== undefined)
      out[keyword] = mapFields(fields, (value, name) => field(keyword === 'properties' ? name : '', value));
  }
  for (const keyword of [
    'additionalProperties',
    'unevaluatedProperties',
    'unevaluatedItems',
    'propertyNames',
  ] as const) {
    const value = schema[keyword];
    if (value !== undefined) out[keyword] = part(value);
  }
  if (schema.items !== undefined) out.items = part(schema.items, itemsName);
  if (schema.prefixItems !== undefined) out.prefixItems = schema.prefixItems.map((value) => part(value));
  if (schema.contains !== undefined) out.contains = rewrite(context, schema.contains, alone('exact'));
}

function mapFields(
  fields: Readonly<Record<string, Schema>>,
  each: (value: Schema, name: string) => EnforcedSchema,
): Readonly<Record<string, EnforcedSchema>> {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, each(value, name)]));
}

/** Schemas of the same value. */
function rewriteInPlace(
  context: ClosingContext,
  schema: SchemaObject,
  here: Position,
  out: Record<string, unknown>,
): void {
  const { form } = here;
  const beside: Position = form === 'closed' ? { ...here, form: 'open' } : here;
  const part = (value: Schema): EnforcedSchema => rewrite(context, value, beside);
  const question = (value: Schema): EnforcedSchema => rewrite(context, value, alone('exact'));
  const branch = (value: Schema): EnforcedSchema =>
    beside.form === 'open' && isFreeForm(context.schemas, value)
      ? { type: 'object', additionalProperties: true }
      : part(value);
  if (schema.allOf !== undefined) out.allOf = schema.allOf.map(part);
  if (schema.$ref !== undefined) refer(context, schema, form, beside, out);
  if (schema.anyOf !== undefined) out.anyOf = schema.anyOf.map(branch);
  if (schema.oneOf !== undefined) out.oneOf = schema.oneOf.map(branch);
  if (schema.not !== undefined) out.not = question(schema.not);
  if (schema.if !== undefined) out.if = question(schema.if);
  for (const keyword of ['then', 'else'] as const) {
    const value = schema[keyword];
    if (value !== undefined) out[keyword] = part(value);
  }
  if (schema.dependentSchemas !== undefined) out.dependentSchemas = mapFields(schema.dependentSchemas, part);
}

function refer(
  context: ClosingContext,
  schema: SchemaObject,
  form: Form,
  beside: Position,
  out: Record<string, unknown>,
): void {
  const key = schema.$ref as string;
  if (isBareReference(schema) && beside.loosened.size === 0) out.$ref = context.uriOf(key, form);
  else alsoOf(out, besideNamed(context, key, beside));
}

/** A named schema among others: by reference where it is the same for everyone, else written out. */
function besideNamed(context: ClosingContext, key: string, beside: Position): EnforcedSchema {
  if (beside.loosened.size === 0) return { $ref: context.uriOf(key, beside.form) };
  return rewrite(context, own(context.schemas, key) ?? false, beside);
}

/**
 * Replaces "one of" by "the one that the property names": a value then gets the errors of its own schema, and cannot
 * pass as another. A base schema that others extend is dispatched where it describes the whole value.
 */
function dispatch(
  context: ClosingContext,
  schema: SchemaObject,
  here: Position,
  key: string | undefined,
  out: Record<string, unknown>,
): void {
  const { discriminator } = schema;
  const isUnion = schema.oneOf !== undefined || schema.anyOf !== undefined;
  if (discriminator === undefined || (!isUnion && here.form !== 'closed')) return;
  if (isUnion) {
    delete out.oneOf;
    delete out.anyOf;
    alsoOf(out, { type: 'object' });
  }
  const beside: Position = here.form === 'closed' ? { ...here, form: 'open' } : here;
  alsoOf(out, ...choiceOf(context, discriminator, key, beside));
}

function choiceOf(
  context: ClosingContext,
  { propertyName, mapping }: Discriminator,
  ownKey: string | undefined,
  beside: Position,
): EnforcedSchema[] {
  const valuesByKey = new Map<string, string[]>();
  for (const [value, key] of Object.entries(mapping)) valuesByKey.set(key, [...(valuesByKey.get(key) ?? []), value]);
  const named = (values: readonly string[]) => ({
    type: 'object',
    required: [propertyName],
    properties: Object.fromEntries([[propertyName, { enum: values }]]),
  });
  const { type: _any, ...known } = named(Object.keys(mapping));
  const branches = [...valuesByKey]
    .filter(([key]) => key !== ownKey)
    .map(
      ([key, values]): EnforcedSchema =>
        Object.fromEntries([
          ['if', named(values)],
          ['then', besideNamed(context, key, beside)],
        ]),
    );
  return [known, ...branches];
}

function close(context: ClosingContext, schema: SchemaObject, out: Record<string, unknown>): void {
  if (schema.additionalProperties !== undefined || schema.unevaluatedProperties !== undefined) return;
  if (isBareReference(schema) || !declaresFields(context.schemas, schema)) return;
  // The plain keyword is the faster one, and enough where nothing else describes the value.
  const alone = schema.$ref === undefined && !hasCombination(schema);
  out[alone ? 'additionalProperties' : 'unevaluatedProperties'] = false;
}
