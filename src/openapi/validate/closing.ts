// Turns a normalised schema into the one that is enforced: objects closed, fields of the other direction forbidden,
// discriminators resolved into a choice. A named schema exists in up to three forms:
//   closed  where it describes a whole value: fields that nothing declares are refused
//   open    where it is one of several that describe the same value (`allOf`, `oneOf` ...): whoever combines them closes
//   exact   within `not`, `if` and `contains`, which ask a question: a stricter schema there would change the answer
import type { Discriminator, OpenApiDocument, Schema, SchemaObject } from '../../api/openapi.ts';
import { own } from '../json.ts';

export type Form = 'closed' | 'open' | 'exact';
export type Direction = 'request' | 'response';

/** A schema as the validator takes it. */
export type EnforcedSchema = boolean | { readonly [keyword: string]: unknown };

/** What the closing of schemas depends on. */
export interface ClosingContext {
  readonly schemas: OpenApiDocument['schemas'];
  readonly direction: Direction;
  /** Whether unknown fields are refused at all. */
  readonly closes: boolean;
  /** The URI by which the validator knows a named schema in a form; called for each one that is needed. */
  readonly uriOf: (key: string, form: Form) => string;
}

/** The keyword that refuses a field whatever its value; its own value says why. */
export const forbiddenKeyword = 'x-merlon-forbidden';
/** `uniqueItems` in linear time. */
export const uniqueKeyword = 'x-merlon-unique';

const noNames: ReadonlySet<string> = new Set();

/** `schema` as it is enforced. `key`: its own, where it is a named one. */
export function enforce(context: ClosingContext, schema: Schema, form: Form, key?: string): EnforcedSchema {
  return rewrite(context, schema, form, noNames, key);
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

function rewrite(
  context: ClosingContext,
  schema: Schema,
  form: Form,
  hiddenAbove: ReadonlySet<string>,
  key?: string,
): EnforcedSchema {
  if (typeof schema === 'boolean') return schema;
  const out: Record<string, unknown> = {};
  for (const keyword of copied) if (schema[keyword] !== undefined) out[keyword] = schema[keyword];
  if (schema.uniqueItems === true) out[uniqueKeyword] = true;
  const hidden = form === 'exact' ? noNames : new Set([...hiddenAbove, ...hiddenNames(context, schema)]);
  const required = schema.required?.filter((name) => !hidden.has(name));
  if (required !== undefined && required.length > 0) out.required = required;
  rewriteInner(context, schema, form, out);
  rewriteInPlace(context, schema, form, hidden, out);
  if (form !== 'exact') dispatch(context, schema, form, key, out);
  if (form === 'closed' && context.closes) close(context, schema, out);
  return out;
}

/** Schemas of parts of the value. */
function rewriteInner(context: ClosingContext, schema: SchemaObject, form: Form, out: Record<string, unknown>): void {
  const inner: Form = form === 'exact' ? 'exact' : 'closed';
  const part = (value: Schema): EnforcedSchema => rewrite(context, value, inner, noNames);
  const map = (values: Readonly<Record<string, Schema>>, each: (value: Schema) => EnforcedSchema) =>
    Object.fromEntries(Object.entries(values).map(([name, value]) => [name, each(value)]));
  const field = (value: Schema): EnforcedSchema =>
    form !== 'exact' && isHidden(context, value) ? { [forbiddenKeyword]: true } : part(value);
  if (schema.properties !== undefined) out.properties = map(schema.properties, field);
  if (schema.patternProperties !== undefined) out.patternProperties = map(schema.patternProperties, field);
  for (const keyword of [
    'additionalProperties',
    'unevaluatedProperties',
    'items',
    'unevaluatedItems',
    'propertyNames',
  ] as const) {
    const value = schema[keyword];
    if (value !== undefined) out[keyword] = part(value);
  }
  if (schema.prefixItems !== undefined) out.prefixItems = schema.prefixItems.map(part);
  if (schema.contains !== undefined) out.contains = rewrite(context, schema.contains, 'exact', noNames);
}

/** Schemas of the same value. */
function rewriteInPlace(
  context: ClosingContext,
  schema: SchemaObject,
  form: Form,
  hidden: ReadonlySet<string>,
  out: Record<string, unknown>,
): void {
  const beside: Form = form === 'exact' ? 'exact' : 'open';
  const part = (value: Schema): EnforcedSchema => rewrite(context, value, beside, hidden);
  const question = (value: Schema): EnforcedSchema => rewrite(context, value, 'exact', noNames);
  if (schema.$ref !== undefined) out.$ref = context.uriOf(schema.$ref, isBareReference(schema) ? form : beside);
  if (schema.allOf !== undefined) out.allOf = schema.allOf.map(part);
  const branch = (value: Schema): EnforcedSchema =>
    form !== 'exact' && isFreeForm(context, value) ? { type: 'object', additionalProperties: true } : part(value);
  if (schema.anyOf !== undefined) out.anyOf = schema.anyOf.map(branch);
  if (schema.oneOf !== undefined) out.oneOf = schema.oneOf.map(branch);
  if (schema.not !== undefined) out.not = question(schema.not);
  if (schema.if !== undefined) out.if = question(schema.if);
  for (const keyword of ['then', 'else'] as const) {
    const value = schema[keyword];
    if (value !== undefined) out[keyword] = part(value);
  }
  if (schema.dependentSchemas !== undefined) {
    out.dependentSchemas = Object.fromEntries(
      Object.entries(schema.dependentSchemas).map(([name, value]) => [name, part(value)]),
    );
  }
}

/** Only a reference: it stands for its target in every way. */
function isBareReference(schema: SchemaObject): boolean {
  return schema.$ref !== undefined && !touchesObjects(schema);
}

function touchesObjects(schema: SchemaObject): boolean {
  return (
    schema.properties !== undefined ||
    schema.patternProperties !== undefined ||
    schema.additionalProperties !== undefined ||
    schema.unevaluatedProperties !== undefined ||
    hasCombination(schema)
  );
}

function hasCombination(schema: SchemaObject): boolean {
  const { allOf, anyOf, oneOf, dependentSchemas } = schema;
  return [allOf, anyOf, oneOf, schema.if, schema.then, schema.else, dependentSchemas, schema.discriminator].some(
    (part) => part !== undefined,
  );
}

/** An alternative that says `type: object` and no more means any object, and saying so keeps the closing from emptying it. */
function isFreeForm(context: ClosingContext, schema: Schema): boolean {
  if (typeof schema === 'boolean') return false;
  const target = schema.$ref === undefined ? schema : own(context.schemas, schema.$ref);
  if (typeof target !== 'object' || target.type !== 'object') return false;
  return Object.keys(target).every((keyword) => keyword === 'type' || keyword === 'examples' || keyword === 'default');
}

function isHidden(context: ClosingContext, schema: Schema, depth = 0): boolean {
  if (typeof schema === 'boolean' || depth > 20) return false;
  if (context.direction === 'request' ? schema.readOnly === true : schema.writeOnly === true) return true;
  const target = schema.$ref === undefined ? undefined : own(context.schemas, schema.$ref);
  if (target !== undefined && isHidden(context, target, depth + 1)) return true;
  return (schema.allOf ?? []).some((part) => isHidden(context, part, depth + 1));
}

/** Fields of this value that belong to the other direction alone; they cannot be required in this one (OpenAPI 3.0.4, section 4.7.24). */
function hiddenNames(context: ClosingContext, schema: SchemaObject, seen: Set<Schema> = new Set()): string[] {
  if (seen.has(schema)) return [];
  seen.add(schema);
  const names = Object.entries(schema.properties ?? {}).flatMap(([name, value]) =>
    isHidden(context, value) ? [name] : [],
  );
  const target = schema.$ref === undefined ? undefined : own(context.schemas, schema.$ref);
  for (const part of [target, ...(schema.allOf ?? [])]) {
    if (typeof part === 'object') names.push(...hiddenNames(context, part, seen));
  }
  return names;
}

/**
 * Replaces "one of" by "the one that the property names": a value then gets the errors of its own schema, and cannot
 * pass as another. A base schema that others extend is dispatched where it describes the whole value.
 */
function dispatch(
  context: ClosingContext,
  schema: SchemaObject,
  form: Form,
  key: string | undefined,
  out: Record<string, unknown>,
): void {
  const { discriminator } = schema;
  const isUnion = schema.oneOf !== undefined || schema.anyOf !== undefined;
  if (discriminator === undefined || (!isUnion && form !== 'closed')) return;
  if (isUnion) {
    out.oneOf = undefined;
    out.anyOf = undefined;
  }
  const choice = choiceOf(context, discriminator, key);
  out.allOf = [
    ...((out.allOf as EnforcedSchema[] | undefined) ?? []),
    ...(isUnion ? [{ type: 'object' }] : []),
    ...choice,
  ];
  for (const keyword of ['oneOf', 'anyOf'] as const) if (out[keyword] === undefined) delete out[keyword];
}

function choiceOf(
  context: ClosingContext,
  { propertyName, mapping }: Discriminator,
  ownKey: string | undefined,
): EnforcedSchema[] {
  const valuesByKey = new Map<string, string[]>();
  for (const [value, key] of Object.entries(mapping)) valuesByKey.set(key, [...(valuesByKey.get(key) ?? []), value]);
  const known: EnforcedSchema = {
    required: [propertyName],
    properties: { [propertyName]: { enum: Object.keys(mapping) } },
  };
  const branches = [...valuesByKey].flatMap(([key, values]): EnforcedSchema[] => {
    if (key === ownKey) return [];
    const condition = { type: 'object', required: [propertyName], properties: { [propertyName]: { enum: values } } };
    return [
      Object.fromEntries([
        ['if', condition],
        ['then', { $ref: context.uriOf(key, 'open') }],
      ]),
    ];
  });
  return [known, ...branches];
}

function close(context: ClosingContext, schema: SchemaObject, out: Record<string, unknown>): void {
  if (schema.additionalProperties !== undefined || schema.unevaluatedProperties !== undefined) return;
  if (isBareReference(schema) || !declaresFields(context, schema, new Set())) return;
  // The plain keyword is the faster one, and enough where nothing else describes the value.
  const alone = schema.$ref === undefined && !hasCombination(schema);
  out[alone ? 'additionalProperties' : 'unevaluatedProperties'] = false;
}

/** Whether anything that describes this value names a field. An object of which nothing is said may hold anything. */
function declaresFields(context: ClosingContext, schema: Schema | undefined, seen: Set<Schema>): boolean {
  if (typeof schema !== 'object' || seen.has(schema)) return false;
  seen.add(schema);
  if (schema.properties !== undefined || schema.patternProperties !== undefined || schema.discriminator !== undefined)
    return true;
  const parts = [
    ...(schema.allOf ?? []),
    ...(schema.anyOf ?? []),
    ...(schema.oneOf ?? []),
    schema.then,
    schema.else,
    ...Object.values(schema.dependentSchemas ?? {}),
  ];
  if (schema.$ref !== undefined) parts.push(own(context.schemas, schema.$ref));
  return parts.some((part) => declaresFields(context, part, seen));
}
