import type { Schema } from '../../api/openapi.ts';
import { documentLimits } from '../config.ts';
import { isObject, type JsonObject, own } from '../json.ts';
import { patternFault } from '../pattern/pattern.ts';
import { numberFormats, textFormats } from '../validate/formats.ts';
import { at, type Loading, type Place, problem, type SchemaDraft, warning } from './loading.ts';
import { type Located, resolveRef, schemaKeyOf } from './reference.ts';
import { keywordReaders, modernise, orNull, unsupportedKeywords } from './schema-keywords.ts';

/** The schema at `place` in normal form. What it refers to is queued; `normalisePending` brings that in. */
export function normaliseSchema(load: Loading, value: unknown, place: Place): Schema {
  return normalise(load, value, place, 0, undefined);
}

/** Normalises what has been referred to, until nothing is left. A queue, not recursion: references may run deep and round. */
export function normalisePending(load: Loading): void {
  for (let next = load.pending.pop(); next !== undefined; next = load.pending.pop()) {
    load.schemas.set(next.key, normalise(load, next.value, next.place, 0, next.key));
  }
}

function normalise(
  load: Loading,
  value: unknown,
  place: Place,
  depth: number,
  key: string | undefined,
): SchemaDraft | boolean {
  if (typeof value === 'boolean' && load.version === '3.1') return value;
  if (!isObject(value)) {
    // `additionalProperties` is the one place where 3.0 takes a boolean.
    if (typeof value === 'boolean' && place.key === 'additionalProperties') return value;
    problem(load, 'openapi.schema', place, 'a schema must be an object');
    return false;
  }
  if (depth > documentLimits.schemaDepth) {
    problem(
      load,
      'openapi.schema',
      place,
      `schemas nest deeper than ${documentLimits.schemaDepth}`,
      'move inner schemas to components',
    );
    return false;
  }
  if (typeof value.$ref === 'string' && load.version === '3.0') return reference(load, value.$ref, place);
  return readKeywords(load, value, place, depth, key);
}

function reference(load: Loading, ref: string, place: Place): SchemaDraft | boolean {
  const target = resolveRef(load, ref, at(place, '$ref'));
  return target === undefined ? false : { $ref: schemaKeyOf(load, target) };
}

function readKeywords(
  load: Loading,
  source: JsonObject,
  place: Place,
  depth: number,
  key: string | undefined,
): SchemaDraft {
  const old = load.version === '3.0';
  const written = old ? modernise(source) : source;
  const nested = (value: unknown, inner: Place): Schema => normalise(load, value, inner, depth + 1, undefined);
  const draft: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(written)) {
    const hint = unsupportedKeywords.get(name);
    if (hint !== undefined) problem(load, 'openapi.unsupported', at(place, name), `\`${name}\` is not supported`, hint);
    const read = keywordReaders.get(name)?.(load, value, at(place, name), nested);
    if (read !== undefined) draft[name] = read;
  }
  const schema = draft as SchemaDraft;
  if (typeof written.$ref === 'string') Object.assign(schema, reference(load, written.$ref, place));
  checkDraft(load, schema, written, place);
  noteDiscriminator(load, schema, written, place, key);
  return old && written.nullable === true && schema.type === undefined ? orNull(schema) : schema;
}

function checkDraft(load: Loading, schema: SchemaDraft, written: JsonObject, place: Place): void {
  if (schema.type === 'array' && load.version === '3.0' && written.items === undefined) {
    problem(load, 'openapi.schema', place, 'an array must say what its `items` are');
  }
  const { format } = schema;
  if (
    format !== undefined &&
    !textFormats.has(format) &&
    !numberFormats.has(format) &&
    !load.unknownFormats.has(format)
  ) {
    load.unknownFormats.add(format);
    warning(
      load,
      'openapi.unknown-format',
      at(place, 'format'),
      `the format \`${format.slice(0, 40)}\` is not known and not checked`,
      'add a `pattern`',
    );
  }
  const patterns = [schema.pattern, ...Object.keys(schema.patternProperties ?? {})];
  for (const pattern of patterns) {
    const fault = pattern === undefined ? undefined : patternFault(pattern);
    if (fault !== undefined) {
      problem(
        load,
        'openapi.pattern',
        at(place, 'pattern'),
        `the pattern \`${String(pattern).slice(0, 80)}\` ${fault.message}`,
        fault.hint,
      );
    }
  }
}

function noteDiscriminator(
  load: Loading,
  owner: SchemaDraft,
  written: JsonObject,
  place: Place,
  ownerKey: string | undefined,
): void {
  const discriminator = written.discriminator;
  if (discriminator === undefined) return;
  const here = at(place, 'discriminator');
  if (!isObject(discriminator) || typeof discriminator.propertyName !== 'string') {
    problem(load, 'openapi.schema', here, 'a discriminator must name its `propertyName`');
    return;
  }
  const mapping = discriminator.mapping ?? {};
  if (!isObject(mapping)) {
    problem(load, 'openapi.schema', at(here, 'mapping'), '`mapping` must be a map of values to schemas');
    return;
  }
  const explicit = new Map<string, string>();
  for (const [value, target] of Object.entries(mapping)) {
    const found = mappingTarget(load, target, at(at(here, 'mapping'), value));
    if (found !== undefined) explicit.set(value, schemaKeyOf(load, found));
  }
  load.discriminators.push({ owner, ownerKey, propertyName: discriminator.propertyName, explicit });
}

/** A mapping gives a schema's name, or a reference to it; a name that exists wins (OpenAPI 3.1.1, section 4.8.25.4). */
function mappingTarget(load: Loading, target: unknown, place: Place): Located | undefined {
  if (typeof target !== 'string')
    return problem(load, 'openapi.schema', place, 'a mapping must give the name of a schema or a reference');
  const components = isObject(load.entry.root) ? load.entry.root.components : undefined;
  const named = isObject(components) && isObject(components.schemas) ? own(components.schemas, target) : undefined;
  return resolveRef(load, named === undefined ? target : `#/components/schemas/${target}`, place);
}
