import type { JsonValue, MediaType, OpenApiDocument, Operation, Parameter } from '../../api/openapi.ts';
import { kindOf } from '../media/media-type.ts';
import type { SchemaCompiler } from '../validate/schema-compiler.ts';
import { writeParameter } from './parameter-text.ts';
import { sampleValue } from './value.ts';

/** A request as data. */
export interface SampleRequest {
  readonly method: string;
  /** Percent-encoded, without the query. */
  readonly path: string;
  /** Without `?`; empty where there is none. */
  readonly query: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The values of a request, before they are written down. */
export interface SampleParts {
  readonly operation: Operation;
  readonly basePath: string;
  readonly parameters: readonly (readonly [Parameter, JsonValue])[];
  readonly body: { readonly media: MediaType; readonly value: JsonValue } | undefined;
}

const choices = [0, 1, 2, 3];
const boundary = 'merlon-sample-boundary';

/** Valid values for everything that `operation` demands; undefined where some of it cannot be made up. */
export function sampleParts(
  document: OpenApiDocument,
  operation: Operation,
  compiler: SchemaCompiler,
): SampleParts | undefined {
  const parameters: [Parameter, JsonValue][] = [];
  for (const parameter of operation.parameters.filter(({ required }) => required)) {
    const value = validValue(document, compiler, parameter.schema, parameter.example);
    if (value === undefined || !isWritable(parameter, value)) return undefined;
    parameters.push([parameter, value]);
  }
  const body = operation.body?.required === true ? sampleBody(document, operation.body.content, compiler) : undefined;
  if (operation.body?.required === true && body === undefined) return undefined;
  return { operation, basePath: document.basePaths[0] ?? '', parameters, body };
}

/** An empty text cannot be a path segment, and an empty list leaves nothing to send. */
function isWritable(parameter: Parameter, value: JsonValue): boolean {
  const texts = writeParameter(parameter, value);
  return texts.length > 0 && (parameter.in !== 'path' || texts.every(([, text]) => text !== ''));
}

function validValue(
  document: OpenApiDocument,
  compiler: SchemaCompiler,
  schema: Parameter['schema'],
  example: JsonValue | undefined,
): JsonValue | undefined {
  const check = compiler.compile(schema);
  if (example !== undefined && check(example) === undefined) return example;
  for (const choice of choices) {
    const value = sampleValue(document.schemas, schema, choice);
    if (value !== undefined && check(value) === undefined) return value;
  }
  return undefined;
}

function sampleBody(
  document: OpenApiDocument,
  content: readonly MediaType[],
  compiler: SchemaCompiler,
): SampleParts['body'] {
  for (const kind of ['json', 'form', 'multipart', 'text'] as const) {
    const media = content.find(({ range }) => kindOf(range) === kind);
    const value = media && validValue(document, compiler, media.schema ?? true, media.example);
    if (media !== undefined && value !== undefined) return { media, value };
  }
  const opaque = content.find(({ range }) => kindOf(range) === 'opaque');
  return opaque && { media: opaque, value: 'a' };
}

/** Writes `parts` down. */
export function writeRequest({ operation, basePath, parameters, body }: SampleParts): SampleRequest {
  const headers: Record<string, string> = {};
  const query: string[] = [];
  const cookies: string[] = [];
  let path = basePath + operation.template;
  for (const [parameter, value] of parameters) {
    for (const [name, text] of writeParameter(parameter, value)) {
      if (parameter.in === 'path') path = path.replace(`{${parameter.name}}`, () => text);
      else if (parameter.in === 'query') query.push(`${encodeURIComponent(name)}=${text}`);
      else if (parameter.in === 'header') headers[parameter.name] = text;
      else cookies.push(`${name}=${text}`);
    }
  }
  if (cookies.length > 0) headers.cookie = cookies.join('; ');
  if (body !== undefined) headers['content-type'] = contentTypeOf(body.media);
  const request = { method: operation.method, path, query: query.join('&'), headers };
  return body === undefined ? request : { ...request, body: writeBody(body.media, body.value) };
}

function contentTypeOf({ range }: MediaType): string {
  if (kindOf(range) === 'multipart') return `${range}; boundary=${boundary}`;
  return range.replace('*/*', 'application/octet-stream').replace('/*', '/octet-stream');
}

function writeBody({ range }: MediaType, value: JsonValue): string {
  const fields = value !== null && typeof value === 'object' && !Array.isArray(value) ? Object.entries(value) : [];
  switch (kindOf(range)) {
    case 'json':
      return JSON.stringify(value);
    case 'form':
      return fields
        .flatMap(([name, field]) =>
          spread(field).map((text) => `${encodeURIComponent(name)}=${encodeURIComponent(text)}`),
        )
        .join('&');
    case 'multipart': {
      const parts = fields.flatMap(([name, field]) =>
        spread(field).map(
          (text) => `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${text}\r\n`,
        ),
      );
      return `${parts.join('')}--${boundary}--\r\n`;
    }
    default:
      return String(value);
  }
}

function spread(field: JsonValue): string[] {
  if (Array.isArray(field))
    return field.map((item) => (typeof item === 'object' ? JSON.stringify(item) : String(item)));
  return [field !== null && typeof field === 'object' ? JSON.stringify(field) : String(field)];
}
