// From texts (parameters, form fields) to the value that a schema describes.
import type { OpenApiDocument, ParameterStyle, Schema } from '../../api/openapi.ts';
import { own } from '../json.ts';
import { type TextReader, textReader, typesOf } from './coerce.ts';
import { type Fields, listItems, objectFields, type Styling, scalarText } from './styles.ts';

/** Where texts are taken from: all that was sent under the value's own name, and, for exploded objects, under others. */
export interface Texts {
  readonly values: readonly string[] | undefined;
  /** Fields that were sent as names of their own (`form` exploded, `deepObject`), undecoded. */
  readonly fields: Fields;
}

/** What a text may be read as, most likely first; undefined where it has not the form. */
export type Reading = (texts: Texts) => { readonly value: unknown } | undefined;

/** What the value of one schema in one style can be read as. */
export interface TextValue {
  readonly readings: readonly Reading[];
  /** Names that an exploded object takes for itself; `any`: every name that nobody else declares. */
  readonly ownNames: ReadonlySet<string> | 'any' | undefined;
  readonly isDeepObject: boolean;
  readonly takesMany: boolean;
}

type Decode = (text: string) => string | undefined;

/** Prepares the reading of values of `schema`. `decode` undoes percent-encoding, or gives undefined where it is malformed. */
export function compileTextValue(
  schemas: OpenApiDocument['schemas'],
  schema: Schema,
  styling: Styling,
  decode: Decode,
): TextValue {
  const types = typesOf(schemas, schema);
  const readings: Reading[] = [];
  const spread = isSpread(styling.style, styling.explode) && types.has('object');
  const hasScalar = scalarTypes.some((type) => types.has(type));
  if (hasScalar) readings.push(...scalarReadings(schemas, schema, styling, decode));
  if (types.has('array')) readings.push(listReading(schemas, schema, styling, decode));
  if (types.has('object')) readings.push(objectReading(schemas, schema, styling, decode, spread));
  const isDeepObject = styling.style === 'deepObject';
  return {
    readings,
    ownNames: spread && !isDeepObject && !hasScalar && !types.has('array') ? namesOf(schemas, schema) : undefined,
    isDeepObject,
    takesMany: types.has('array') && styling.explode,
  };
}

// Null has no text of its own.
const scalarTypes = ['boolean', 'integer', 'number', 'string'] as const;

function isSpread(style: ParameterStyle, explode: boolean): boolean {
  return style === 'deepObject' || (style === 'form' && explode);
}

function scalarReadings(
  schemas: OpenApiDocument['schemas'],
  schema: Schema,
  styling: Styling,
  decode: Decode,
): Reading[] {
  const read = textReader(schemas, schema);
  const text: Reading = ({ values }) => {
    const raw = values?.length === 1 ? scalarText(values[0] as string, styling) : undefined;
    const decoded = raw === undefined ? undefined : decode(raw);
    return decoded === undefined ? undefined : { value: decoded };
  };
  const narrow: Reading = (texts) => {
    const found = text(texts);
    return found && { value: read(found.value as string) };
  };
  // `12` may be meant as a text where the schema takes both.
  return typesOf(schemas, schema).has('string') ? [narrow, text] : [narrow];
}

function listReading(schemas: OpenApiDocument['schemas'], schema: Schema, styling: Styling, decode: Decode): Reading {
  const read = textReader(schemas, findKeyword(schemas, schema, 'items') ?? true);
  return ({ values }) => {
    const items = values === undefined ? undefined : listItems(values, styling);
    if (items === undefined) return undefined;
    const list: unknown[] = [];
    for (const item of items) {
      const decoded = decode(item);
      if (decoded === undefined) return undefined;
      list.push(read(decoded));
    }
    return { value: list };
  };
}

function objectReading(
  schemas: OpenApiDocument['schemas'],
  schema: Schema,
  styling: Styling,
  decode: Decode,
  spread: boolean,
): Reading {
  const fieldReaders = new Map<string, FieldReader>();
  const readerOf = (name: string): FieldReader => {
    const known = fieldReaders.get(name);
    if (known !== undefined) return known;
    const reader = createFieldReader(schemas, fieldSchema(schemas, schema, name));
    // Declared names only, so that a caller cannot fill the map.
    if (declaredNames(schemas, schema).has(name)) fieldReaders.set(name, reader);
    return reader;
  };
  return ({ values, fields }) => {
    const found = spread ? fields : values?.length === 1 ? objectFields(values[0] as string, styling) : undefined;
    return found === undefined || (spread && found.length === 0) ? undefined : buildObject(found, decode, readerOf);
  };
}

interface FieldReader {
  readonly isList: boolean;
  readonly read: TextReader;
}

function createFieldReader(schemas: OpenApiDocument['schemas'], schema: Schema): FieldReader {
  const types = typesOf(schemas, schema);
  const isList = types.has('array') && types.size <= 2;
  return { isList, read: textReader(schemas, isList ? (findKeyword(schemas, schema, 'items') ?? true) : schema) };
}

function buildObject(
  fields: Fields,
  decode: Decode,
  readerOf: (name: string) => FieldReader,
): { value: unknown } | undefined {
  const object: Record<string, unknown> = {};
  for (const [rawName, rawText] of fields) {
    const name = decode(rawName);
    const text = decode(rawText);
    if (name === undefined || text === undefined || name === '__proto__') return undefined;
    const { isList, read } = readerOf(name);
    if (isList) ((own(object, name) ?? (object[name] = [])) as unknown[]).push(read(text));
    else if (Object.hasOwn(object, name)) return undefined;
    else object[name] = read(text);
  }
  return { value: object };
}

/** The first value of `keyword` among the schemas that describe the whole value. */
function findKeyword(
  schemas: OpenApiDocument['schemas'],
  schema: Schema | undefined,
  keyword: 'items' | 'additionalProperties',
  depth = 0,
): Schema | undefined {
  if (typeof schema !== 'object' || depth > 30) return undefined;
  if (schema[keyword] !== undefined) return schema[keyword];
  const parts = [...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  if (schema.$ref !== undefined) parts.push(own(schemas, schema.$ref) ?? true);
  for (const part of parts) {
    const found = findKeyword(schemas, part, keyword, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Everything that is said of the field `name`, as one schema. */
export function fieldSchema(schemas: OpenApiDocument['schemas'], schema: Schema, name: string): Schema {
  const found = collect(schemas, schema, (each) => own(each.properties ?? {}, name));
  if (found.length === 1) return found[0] as Schema;
  return found.length > 1 ? { anyOf: found } : (findKeyword(schemas, schema, 'additionalProperties') ?? true);
}

/** The names of all fields that `schema` declares. */
export function declaredNames(schemas: OpenApiDocument['schemas'], schema: Schema): ReadonlySet<string> {
  return new Set(
    collect(schemas, schema, (each) =>
      each.properties === undefined ? undefined : Object.keys(each.properties),
    ).flat(),
  );
}

function namesOf(schemas: OpenApiDocument['schemas'], schema: Schema): ReadonlySet<string> | 'any' {
  const names = declaredNames(schemas, schema);
  return names.size === 0 || findKeyword(schemas, schema, 'additionalProperties') !== undefined ? 'any' : names;
}

function collect<T>(
  schemas: OpenApiDocument['schemas'],
  schema: Schema | undefined,
  pick: (schema: Exclude<Schema, boolean>) => T | undefined,
  depth = 0,
): T[] {
  if (typeof schema !== 'object' || depth > 30) return [];
  const picked = pick(schema);
  const parts = [...(schema.allOf ?? []), ...(schema.anyOf ?? []), ...(schema.oneOf ?? [])];
  if (schema.$ref !== undefined) parts.push(own(schemas, schema.$ref) ?? true);
  const inner = parts.flatMap((part) => collect(schemas, part, pick, depth + 1));
  return picked === undefined ? inner : [picked, ...inner];
}
