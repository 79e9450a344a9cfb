// Which values the schema leaves no room for an attack: a firewall need not look at them, since `checkParameters` and
// `checkBody` have already refused whatever else they could have been.
import type { OpenApiDocument, Operation, PinKind, Schema, SchemaObject, SchemaPin } from '../../api/openapi.ts';
import { escapeToken, own } from '../json.ts';
import { isJson } from '../media/media-type.ts';
import { pinsAlphabet } from '../pattern/pattern.ts';

const maxDepth = 12;
const maxPins = 2000;
const maxVisits = 20_000;

/** The pins of `operation`. */
export function pinsOf(
  document: OpenApiDocument,
  operation: Operation,
  checks: { readonly parameters: boolean; readonly body: boolean },
): readonly SchemaPin[] {
  const pins: SchemaPin[] = [];
  for (const parameter of checks.parameters ? operation.parameters : []) {
    if (parameter.mediaType !== undefined || parameter.allowEmptyValue === true) continue;
    const kind = kindOf(document.schemas, parameter.schema) ?? kindOfItems(document.schemas, parameter.schema);
    if (kind !== undefined) pins.push({ in: parameter.in, name: parameter.name, kind });
  }
  if (checks.body) pins.push(...bodyPins(document, operation));
  return pins.slice(0, maxPins);
}

function bodyPins(document: OpenApiDocument, operation: Operation): SchemaPin[] {
  // A place is pinned where it is in every media type that the body may have.
  const content = operation.body?.content ?? [];
  if (content.length === 0 || !content.every(({ range }) => isJson(range))) return [];
  const each = content.map(({ schema }) =>
    pinsWithin({ schemas: document.schemas, left: maxVisits }, schema ?? true, '', 0),
  );
  return [...common(each)].map(([name, kind]) => ({ in: 'body', name, kind }));
}

interface Search {
  readonly schemas: OpenApiDocument['schemas'];
  /** Schemas that may still be looked at: a schema that leads back to itself in ten ways has no end. */
  left: number;
}

type PinMap = ReadonlyMap<string, PinKind>;

function common([first = new Map(), ...rest]: readonly PinMap[]): PinMap {
  return new Map([...first].filter(([name]) => rest.every((other) => other.has(name))));
}

/** Pinned places at and below `pointer`. */
function pinsWithin(search: Search, schema: Schema, pointer: string, depth: number): PinMap {
  if (typeof schema === 'boolean' || depth > maxDepth || --search.left < 0) return new Map();
  const { schemas } = search;
  const kind = kindOf(schemas, schema);
  if (kind !== undefined) return new Map([[pointer, kind]]);
  const pins = new Map<string, PinKind>();
  const add = (more: PinMap): void => {
    for (const [name, value] of more) pins.set(name, value);
  };
  for (const [name, value] of Object.entries(schema.properties ?? {}))
    add(pinsWithin(search, value, `${pointer}/${escapeToken(name)}`, depth + 1));
  if (schema.items !== undefined && schema.prefixItems === undefined)
    add(pinsWithin(search, schema.items, `${pointer}/*`, depth + 1));
  for (const part of conjuncts(schemas, schema)) add(pinsWithin(search, part, pointer, depth + 1));
  for (const parts of [schema.oneOf, schema.anyOf]) {
    if (parts !== undefined) add(common(parts.map((part) => pinsWithin(search, part, pointer, depth + 1))));
  }
  return pins;
}

/** What else must hold of the same value. */
function conjuncts(schemas: OpenApiDocument['schemas'], schema: SchemaObject): readonly Schema[] {
  // A chosen alternative is no conjunct: its fields are pinned only where it is the one.
  const target = schema.$ref === undefined ? undefined : own(schemas, schema.$ref);
  return target === undefined ? (schema.allOf ?? []) : [target, ...(schema.allOf ?? [])];
}

const pinnedFormats: ReadonlyMap<string, PinKind> = new Map([
  ['uuid', 'uuid'],
  ['date', 'date'],
  ['date-time', 'date-time'],
]);

/** How `schema` pins a single value; undefined where it does not. */
function kindOf(schemas: OpenApiDocument['schemas'], schema: Schema, depth = 0): PinKind | undefined {
  if (typeof schema === 'boolean' || depth > maxDepth) return undefined;
  if (isHarmlessEnum(schema)) return 'enum';
  const types = typeof schema.type === 'string' ? [schema.type] : (schema.type ?? []);
  const named = types.filter((type) => type !== 'null');
  if (named.length > 0 && named.every((type) => type === 'integer')) return 'integer';
  if (named.length > 0 && named.every((type) => type === 'integer' || type === 'number')) return 'number';
  if (named.length > 0 && named.every((type) => type === 'boolean')) return 'boolean';
  if (named.length > 0 && named.every((type) => type === 'string')) {
    const format = pinnedFormats.get(schema.format ?? '');
    if (format !== undefined) return format;
    if (schema.pattern !== undefined && pinsAlphabet(schema.pattern)) return 'pattern';
  }
  for (const part of conjuncts(schemas, schema)) {
    const kind = kindOf(schemas, part, depth + 1);
    if (kind !== undefined) return kind;
  }
  return undefined;
}

/** A declared value is the author's own text, whatever its characters. */
function isHarmlessEnum(schema: SchemaObject): boolean {
  const values = schema.const === undefined ? schema.enum : [schema.const];
  return values?.every((value) => value === null || typeof value !== 'object') === true;
}

/** A list of pinned items, as text. */
function kindOfItems(schemas: OpenApiDocument['schemas'], schema: Schema): PinKind | undefined {
  if (typeof schema === 'boolean' || schema.type !== 'array' || schema.items === undefined) return undefined;
  return kindOf(schemas, schema.items);
}
