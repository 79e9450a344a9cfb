import type { Parameter, ParameterLocation, ParameterStyle } from '../../api/openapi.ts';
import { isObject, type JsonObject } from '../json.ts';
import { warnUnknownKeys } from './known-keys.ts';
import { at, type Loading, type Place, problem, warning } from './loading.ts';
import { exampleOf, readContent } from './media.ts';
import { dereference } from './reference.ts';
import { normaliseSchema } from './schema.ts';

const styles: Readonly<Record<ParameterLocation, readonly ParameterStyle[]>> = {
  path: ['simple', 'label', 'matrix'],
  query: ['form', 'spaceDelimited', 'pipeDelimited', 'deepObject'],
  header: ['simple'],
  cookie: ['form'],
};

// OpenAPI 3.1.1, section 4.8.12.2: these are described elsewhere, and a parameter of that name is to be ignored.
const reservedHeaders: ReadonlySet<string> = new Set(['accept', 'content-type', 'authorization']);

/** The parameters of one list; a later one of the same name and place is a problem. */
export function readParameters(load: Loading, value: unknown, place: Place): readonly Parameter[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) return problem(load, 'openapi.shape', place, '`parameters` must be a list') ?? [];
  const byKey = new Map<string, Parameter>();
  value.forEach((item, index) => {
    const found = dereference(load, item, at(place, index));
    const parameter = found && readParameter(load, found.value, found.place);
    if (parameter === undefined) return;
    const key = parameterKey(parameter);
    if (byKey.has(key))
      problem(
        load,
        'openapi.duplicate-parameter',
        at(place, index),
        `\`${parameter.name}\` in ${parameter.in} is declared twice`,
      );
    byKey.set(key, parameter);
  });
  return [...byKey.values()];
}

/** What makes a parameter unique (OpenAPI 3.1.1, section 4.8.12). */
export function parameterKey({ name, in: location }: Pick<Parameter, 'name' | 'in'>): string {
  return `${location} ${name}`;
}

function readParameter(load: Loading, source: JsonObject, place: Place): Parameter | undefined {
  warnUnknownKeys(load, 'parameter', source, place);
  const location = source.in;
  if (typeof source.name !== 'string' || source.name === '' || source.name === '__proto__') {
    return problem(load, 'openapi.parameter', place, 'a parameter must have a `name`');
  }
  if (typeof location !== 'string' || !Object.hasOwn(styles, location)) {
    return problem(
      load,
      'openapi.parameter',
      at(place, 'in'),
      `\`${source.name}\` must be \`in\` path, query, header or cookie`,
    );
  }
  const name = location === 'header' ? source.name.toLowerCase() : source.name;
  if (location === 'header' && reservedHeaders.has(name)) {
    return warning(
      load,
      'openapi.ignored',
      place,
      `the header \`${name}\` is not a parameter`,
      'describe it by `content`, `responses` or `security`',
    );
  }
  if (location === 'path' && source.required !== true) {
    problem(
      load,
      'openapi.path-parameter',
      place,
      `the path parameter \`${name}\` must be required`,
      'add `required: true`',
    );
  }
  return describe(load, source, place, name, location as ParameterLocation);
}

function describe(
  load: Loading,
  source: JsonObject,
  place: Place,
  name: string,
  location: ParameterLocation,
): Parameter {
  const style = readStyle(load, source, place, location);
  const example = exampleOf(source);
  return {
    name,
    in: location,
    required: source.required === true || location === 'path',
    style,
    explode: typeof source.explode === 'boolean' ? source.explode : style === 'form' || style === 'deepObject',
    ...(source.allowEmptyValue === true ? { allowEmptyValue: true } : {}),
    ...(source.deprecated === true ? { deprecated: true } : {}),
    ...(example === undefined ? {} : { example }),
    ...readShape(load, source, place, name),
  };
}

function readStyle(load: Loading, source: JsonObject, place: Place, location: ParameterLocation): ParameterStyle {
  const allowed = styles[location];
  const fallback = allowed[0] as ParameterStyle;
  if (source.style === undefined) return fallback;
  const style = allowed.find((known) => known === source.style);
  if (style === undefined) {
    problem(
      load,
      'openapi.style',
      at(place, 'style'),
      `\`${String(source.style).slice(0, 40)}\` is no style of a ${location} parameter`,
      `choose ${allowed.join(', ')}`,
    );
  }
  return style ?? fallback;
}

function readShape(
  load: Loading,
  source: JsonObject,
  place: Place,
  name: string,
): Pick<Parameter, 'schema' | 'mediaType'> {
  const sensitive = source['x-merlon-sensitive'] === true ? ({ 'x-merlon-sensitive': true } as const) : undefined;
  if (isObject(source.content) && source.schema === undefined) {
    const [media, ...rest] = readContent(load, source.content, at(place, 'content'));
    if (media !== undefined && rest.length === 0) return { schema: media.schema ?? true, mediaType: media.range };
    problem(load, 'openapi.parameter', at(place, 'content'), `\`${name}\` must have exactly one media type`);
    return { schema: false };
  }
  if (source.schema === undefined || source.content !== undefined) {
    problem(load, 'openapi.parameter', place, `\`${name}\` must have either a \`schema\` or \`content\``);
    return { schema: false };
  }
  const schema = normaliseSchema(load, source.schema, at(place, 'schema'));
  return { schema: sensitive === undefined ? schema : { allOf: [schema], ...sensitive } };
}

/** The header fields of a response, as parameters. */
export function readHeaders(load: Loading, value: unknown, place: Place): readonly Parameter[] {
  if (!isObject(value)) return [];
  const headers: Parameter[] = [];
  for (const [written, item] of Object.entries(value)) {
    const name = written.toLowerCase();
    const found = dereference(load, item, at(place, written));
    // `Content-Type` is described by `content` (OpenAPI 3.1.1, section 4.8.17).
    if (found === undefined || name === 'content-type') continue;
    warnUnknownKeys(load, 'header', found.value, found.place);
    headers.push(describe(load, found.value, found.place, name, 'header'));
  }
  return headers;
}
