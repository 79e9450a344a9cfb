import type { FormEncoding, JsonValue, MediaType, RequestBody } from '../../api/openapi.ts';
import { isObject, type JsonObject } from '../json.ts';
import { isMediaRange, kindOf, withoutParameters } from '../media/media-type.ts';
import { isBytes } from '../validate/schema-shape.ts';
import { warnUnknownKeys } from './known-keys.ts';
import { at, type Loading, type Place, problem, warning } from './loading.ts';
import { dereference } from './reference.ts';
import { normaliseSchema } from './schema.ts';

const largestExample = 4096;

/** The one example that is kept, for samples. */
export function exampleOf(source: JsonObject): JsonValue | undefined {
  const first = isObject(source.examples) ? Object.values(source.examples)[0] : undefined;
  const example = source.example ?? (isObject(first) ? first.value : undefined);
  if (example === undefined || (JSON.stringify(example)?.length ?? largestExample) >= largestExample) return undefined;
  return example as JsonValue;
}

/** The entries of a `content` map, in the order in which they are tried: exact types, then ranges. */
export function readContent(load: Loading, value: unknown, place: Place): readonly MediaType[] {
  if (!isObject(value)) return problem(load, 'openapi.shape', place, '`content` must be a map of media types') ?? [];
  const list: MediaType[] = [];
  for (const [written, item] of Object.entries(value)) {
    const range = withoutParameters(written).toLowerCase();
    const here = at(place, written);
    if (!isMediaRange(range)) problem(load, 'openapi.shape', here, `\`${written.slice(0, 60)}\` is not a media type`);
    else if (list.some((other) => other.range === range))
      problem(load, 'openapi.shape', here, `\`${range}\` is declared twice`);
    else if (!isObject(item)) problem(load, 'openapi.shape', here, 'a media type must be an object');
    else list.push(readMediaType(load, range, item, here));
  }
  return list.sort((a, b) => wildcards(a.range) - wildcards(b.range));
}

function wildcards(range: string): number {
  return range.split('*').length;
}

function readMediaType(load: Loading, range: string, source: JsonObject, place: Place): MediaType {
  warnUnknownKeys(load, 'mediaType', source, place);
  const example = exampleOf(source);
  return {
    range,
    ...(source.schema === undefined ? {} : { schema: normaliseSchema(load, source.schema, at(place, 'schema')) }),
    ...(isObject(source.encoding) ? { encoding: readEncodings(load, source.encoding, at(place, 'encoding')) } : {}),
    ...(example === undefined ? {} : { example }),
  };
}

function readEncodings(load: Loading, value: JsonObject, place: Place): Readonly<Record<string, FormEncoding>> {
  const entries = Object.entries(value).map(([name, item]): [string, FormEncoding] => {
    const here = at(place, name);
    if (!isObject(item))
      return (
        problem(load, 'openapi.shape', here, 'an encoding must be an object') ?? [
          name,
          { style: 'form', explode: true },
        ]
      );
    warnUnknownKeys(load, 'encoding', item, here);
    return [name, readEncoding(load, item, here)];
  });
  return Object.fromEntries(entries);
}

function readEncoding(load: Loading, item: JsonObject, place: Place): FormEncoding {
  const style = (['form', 'spaceDelimited', 'pipeDelimited', 'deepObject'] as const).find(
    (known) => known === (item.style ?? 'form'),
  );
  if (style === undefined)
    problem(
      load,
      'openapi.style',
      at(place, 'style'),
      `\`${String(item.style).slice(0, 40)}\` is no style of a form field`,
    );
  const chosen = style ?? 'form';
  return {
    ...(typeof item.contentType === 'string' ? { contentType: item.contentType.toLowerCase() } : {}),
    style: chosen,
    explode: typeof item.explode === 'boolean' ? item.explode : chosen === 'form' || chosen === 'deepObject',
  };
}

/** A request body, or undefined where none is declared. */
export function readRequestBody(load: Loading, value: unknown, place: Place): RequestBody | undefined {
  if (value === undefined) return undefined;
  const found = dereference(load, value, place);
  if (found === undefined) return undefined;
  warnUnknownKeys(load, 'requestBody', found.value, found.place);
  const content = readContent(load, found.value.content, at(found.place, 'content'));
  for (const { range, schema } of content) {
    if (schema === undefined || range.includes('*') || kindOf(range) !== 'opaque' || isBytes(schema)) continue;
    warning(
      load,
      'openapi.ignored',
      at(at(found.place, 'content'), range),
      `content of type \`${range}\` is not checked against its schema`,
    );
  }
  return { required: found.value.required === true, content };
}
