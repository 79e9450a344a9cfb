// How a body's bytes become the value that its schema describes, by media type.
import { isUtf8 } from 'node:buffer';
import type { FormEncoding, MediaType, OpenApiDocument, Schema } from '../../api/openapi.ts';
import type { Settings } from '../config.ts';
import {
  type ContentKind,
  isJson,
  matchesRange,
  type ParsedMediaType,
  tryParseMediaType,
} from '../media/media-type.ts';
import { type Part, parseMultipart } from '../media/multipart.ts';
import { typesOf } from './coerce.ts';
import { type JsonFault, parseJson } from './json-guard.ts';
import { parsePairs, tryDecodeForm } from './pairs.ts';
import type { Fields, Styling } from './styles.ts';
import { compileTextValue, fieldSchema, type TextValue } from './text-value.ts';

export type ReadResult = { readonly value: unknown } | { readonly fault: JsonFault };

/** Reads a body of one declared media type. */
export type ReadContent = (bytes: Buffer, type: ParsedMediaType) => ReadResult;

const charsets: Readonly<Record<ContentKind, readonly string[]>> = {
  // RFC 8259, section 8.1: JSON is UTF-8; RFC 7578, section 5.1.2 and WHATWG: so are forms.
  json: ['utf-8', 'utf8', 'us-ascii'],
  form: ['utf-8', 'utf8', 'us-ascii'],
  multipart: ['utf-8', 'utf8', 'us-ascii'],
  text: ['utf-8', 'utf8', 'us-ascii', 'iso-8859-1'],
  opaque: [],
};

/** Whether the `charset` of `type` is one that we read as the service would. */
export function hasKnownCharset(kind: ContentKind, type: ParsedMediaType): boolean {
  const charset = type.parameters.get('charset');
  return charset === undefined || kind === 'opaque' || charsets[kind].includes(charset.toLowerCase());
}

/** The reader of `kind` for one declared media type. */
export function compileContent(
  document: OpenApiDocument,
  media: MediaType,
  kind: ContentKind,
  settings: Settings,
): ReadContent {
  switch (kind) {
    case 'json':
      return (bytes) => parseJson(bytes, settings);
    case 'form':
      return compileForm(document, media, settings);
    case 'multipart':
      return compileMultipart(document, media, settings);
    default:
      return readText;
  }
}

function fault(message: string, pointer?: string): { fault: JsonFault } {
  return { fault: { code: 'openapi.malformed-body', message, ...(pointer === undefined ? {} : { pointer }) } };
}

function readText(bytes: Buffer, type: ParsedMediaType): ReadResult {
  if (type.parameters.get('charset')?.toLowerCase() === 'iso-8859-1') return { value: bytes.toString('latin1') };
  return isUtf8(bytes) ? { value: bytes.toString('utf8') } : fault('is not valid UTF-8');
}

const noFields: Fields = [];
const plain: FormEncoding = { style: 'form', explode: true };

/** The texts of each field, read by its schema; built once for the fields that are declared. */
function compileFields(
  document: OpenApiDocument,
  media: MediaType,
  decode: (text: string) => string | undefined,
): (name: string) => TextValue {
  const known = new Map<string, TextValue>();
  const schema = media.schema ?? true;
  return (name) => {
    let value = known.get(name);
    if (value !== undefined) return value;
    const encoding =
      media.encoding !== undefined && Object.hasOwn(media.encoding, name)
        ? (media.encoding[name] as FormEncoding)
        : plain;
    const styling: Styling = { style: encoding.style, explode: encoding.explode, name };
    value = compileTextValue(document.schemas, fieldSchema(document.schemas, schema, name), styling, decode);
    // Bounded: names come from the caller.
    if (known.size < 200) known.set(name, value);
    return value;
  };
}

function compileForm(document: OpenApiDocument, media: MediaType, settings: Settings): ReadContent {
  const fieldOf = compileFields(document, media, tryDecodeForm);
  return (bytes) => {
    if (!isUtf8(bytes)) return fault('is not valid UTF-8');
    const result = parsePairs(bytes.toString('utf8'), settings.maxPairs);
    if ('fault' in result)
      return result.fault === 'malformed' ? fault('holds a malformed percent-encoding') : tooMany(settings);
    const fields: [string, unknown][] = [];
    for (const [name, values] of result.pairs) {
      const text = fieldOf(name);
      if (values.length > 1 && !text.takesMany) return twice(name);
      const read = readFirst(text, values);
      if (read === undefined) return fault('holds a field that is not written as declared', `/${name}`);
      fields.push([name, read.value]);
    }
    return objectOf(fields);
  };
}

function tooMany(settings: Settings): { fault: JsonFault } {
  return { fault: { code: 'openapi.too-many-values', message: `holds more than ${settings.maxPairs} fields` } };
}

function twice(name: string): { fault: JsonFault } {
  return { fault: { code: 'openapi.duplicate-key', message: 'holds a field twice', pointer: `/${name}` } };
}

function readFirst(text: TextValue, values: readonly string[]): { readonly value: unknown } | undefined {
  for (const reading of text.readings) {
    const found = reading({ values, fields: noFields });
    if (found !== undefined) return found;
  }
  return undefined;
}

function objectOf(fields: readonly (readonly [string, unknown])[]): ReadResult {
  return fields.some(([name]) => name === '__proto__')
    ? { fault: { code: 'openapi.unknown-field', message: 'holds the field `__proto__`', pointer: '/__proto__' } }
    : { value: Object.fromEntries(fields) };
}

function compileMultipart(document: OpenApiDocument, media: MediaType, settings: Settings): ReadContent {
  const fieldOf = compileFields(document, media, (text) => text);
  const read = compilePart(document, media, settings, fieldOf);
  return (bytes, type) => {
    const result = parseMultipart(bytes, type.parameters.get('boundary') ?? '', settings.maxPairs);
    if ('fault' in result) return fault(result.fault);
    const byName = new Map<string, unknown[]>();
    for (const part of result.parts) {
      const found = read(part);
      if ('fault' in found) return found;
      const values = byName.get(part.name);
      if (values === undefined) byName.set(part.name, [found.value]);
      else if (fieldOf(part.name).takesMany) values.push(found.value);
      else return twice(part.name);
    }
    return objectOf([...byName].map(([name, values]) => [name, fieldOf(name).takesMany ? values : values[0]]));
  };
}

/** Reads one part: a list's parts are read as its items. */
function compilePart(
  document: OpenApiDocument,
  media: MediaType,
  settings: Settings,
  fieldOf: (name: string) => TextValue,
): (part: Part) => ReadResult {
  const encodingOf = (name: string) =>
    media.encoding !== undefined && Object.hasOwn(media.encoding, name) ? media.encoding[name] : undefined;
  return (part) => {
    const allowed = encodingOf(part.name)?.contentType;
    const type = part.contentType === undefined ? undefined : tryParseMediaType(part.contentType);
    if (part.contentType !== undefined && type === undefined)
      return fault('has a part with a malformed content type', `/${part.name}`);
    if (
      allowed !== undefined &&
      !allowed.split(',').some((range) => matchesRange(range.trim(), type?.essence ?? 'text/plain'))
    ) {
      return {
        fault: { code: 'openapi.media-type', message: `has a part that is not ${allowed}`, pointer: `/${part.name}` },
      };
    }
    const schema = fieldSchema(document.schemas, media.schema ?? true, part.name);
    return readPart(part, type?.essence, settings, fieldOf(part.name), isObjectOnly(document, schema));
  };
}

/** Without a content type of its own, a part that is an object is JSON (OpenAPI 3.1.1, section 4.8.15.1.1). */
function readPart(
  part: Part,
  essence: string | undefined,
  settings: Settings,
  text: TextValue,
  isObject: boolean,
): ReadResult {
  if (isJson(essence ?? '') || (essence === undefined && isObject)) return parseJson(part.bytes, settings);
  // Only the size of a file can be told; one character for each byte tells it.
  if (part.filename !== undefined || (essence !== undefined && !essence.startsWith('text/')))
    return { value: part.bytes.toString('latin1') };
  if (!isUtf8(part.bytes)) return fault('has a text that is not valid UTF-8', `/${part.name}`);
  const read = readFirst(text, [part.bytes.toString('utf8')]);
  if (read === undefined) return fault('has a part that is not written as declared', `/${part.name}`);
  return text.takesMany && Array.isArray(read.value) ? { value: read.value[0] } : read;
}

function isObjectOnly(document: OpenApiDocument, schema: Schema): boolean {
  const types = typesOf(document.schemas, schema);
  return types.has('object') && types.size <= 2;
}
