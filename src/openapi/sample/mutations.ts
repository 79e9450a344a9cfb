import type { JsonValue, OpenApiDocument, Parameter, Schema } from '../../api/openapi.ts';
import type { DenialCode } from '../errors.ts';
import { isObject, own } from '../json.ts';
import { kindOf } from '../media/media-type.ts';
import { declaredNames } from '../validate/text-value.ts';
import { flatten } from './flatten.ts';
import { type SampleParts, type SampleRequest, writeRequest } from './request.ts';

/** A request that is wrong in one way, and how it must be refused. */
export interface Mutation {
  /** What is wrong: `body /qty of another type`. */
  readonly label: string;
  readonly expected: DenialCode;
  readonly request: SampleRequest;
}

/** No document declares a name like this. */
const probe = 'merlon-undeclared';
const maxMutations = 100;
const longestText = 100_000;

/** Requests that differ from a valid one in a single respect, each of which the validator must refuse. */
export function mutate(document: OpenApiDocument, parts: SampleParts): readonly Mutation[] {
  const valid = writeRequest(parts);
  const all = [
    ...requestMutations(parts, valid),
    ...parameterMutations(document, parts),
    ...bodyMutations(document, parts, valid),
  ];
  return all.slice(0, maxMutations);
}

function requestMutations({ operation }: SampleParts, valid: SampleRequest): Mutation[] {
  const list: Mutation[] = [];
  if (
    !operation.parameters.some(
      (parameter) =>
        parameter.in === 'query' && parameter.style === 'form' && parameter.explode && mayBeObject(parameter),
    )
  ) {
    list.push({
      label: `query ${probe} undeclared`,
      expected: 'openapi.unknown-parameter',
      request: { ...valid, query: [valid.query, `${probe}=1`].filter(Boolean).join('&') },
    });
  }
  if (operation.body === undefined) {
    const headers = { ...valid.headers, 'content-type': 'application/json' };
    list.push({
      label: 'body undeclared',
      expected: 'openapi.unexpected-body',
      request: { ...valid, headers, body: '{}' },
    });
  }
  list.push({
    label: 'path undeclared',
    expected: 'openapi.undeclared-operation',
    request: { ...valid, path: `/${probe}${valid.path}` },
  });
  return list;
}

function mayBeObject({ schema }: Parameter): boolean {
  return (
    typeof schema === 'boolean' ||
    schema.$ref !== undefined ||
    schema.type === undefined ||
    schema.type === 'object' ||
    Array.isArray(schema.type)
  );
}

function parameterMutations(document: OpenApiDocument, parts: SampleParts): Mutation[] {
  return parts.parameters.flatMap(([parameter, value]): Mutation[] => {
    const list: Mutation[] = [];
    const place = `${parameter.in} ${parameter.name}`;
    const others = parts.parameters.filter(([other]) => other !== parameter);
    if (parameter.in !== 'path')
      list.push({
        label: `${place} missing`,
        expected: 'openapi.missing-parameter',
        request: writeRequest({ ...parts, parameters: others }),
      });
    if (parameter.mediaType !== undefined || isObject(value) || Array.isArray(value)) return list;
    for (const { what, expected, value: wrong } of wrongValues(document, parameter.schema)) {
      // A text is what every parameter can be; a number sent as text is a text.
      if (typeof wrong !== 'string' && expected === 'openapi.wrong-type') continue;
      list.push({
        label: `${place} ${what}`,
        expected,
        request: writeRequest({ ...parts, parameters: [...others, [parameter, wrong]] }),
      });
    }
    return list;
  });
}

interface WrongValue {
  readonly what: string;
  readonly expected: DenialCode;
  readonly value: JsonValue;
}

/** Values that break one keyword of `schema`. Nothing is said of schemas with alternatives, of which another might fit. */
function wrongValues(document: OpenApiDocument, schema: Schema): WrongValue[] {
  const flat = flatten(document.schemas, schema);
  if (flat === undefined || hasAlternatives(document.schemas, schema)) return [];
  const list: WrongValue[] = [];
  if (!flat.types.has('string'))
    list.push({ what: 'of another type', expected: 'openapi.wrong-type', value: 'merlon' });
  else if (!flat.types.has('object'))
    list.push({ what: 'of another type', expected: 'openapi.wrong-type', value: { [probe]: true } });
  if (flat.enum !== undefined && flat.types.has('string'))
    list.push({ what: 'not declared', expected: 'openapi.wrong-value', value: probe });
  if (flat.enum !== undefined) return list;
  const isNumber = flat.types.has('number') || flat.types.has('integer');
  if (isNumber && flat.maximum !== undefined)
    list.push({ what: 'too large', expected: 'openapi.out-of-range', value: Math.floor(flat.maximum) + 1 });
  if (isNumber && flat.minimum !== undefined)
    list.push({ what: 'too small', expected: 'openapi.out-of-range', value: Math.ceil(flat.minimum) - 1 });
  if (flat.types.has('string') && flat.maxLength !== undefined && flat.maxLength < longestText) {
    list.push({ what: 'too long', expected: 'openapi.too-long', value: 'a'.repeat(flat.maxLength + 1) });
  }
  return list;
}

function hasAlternatives(schemas: OpenApiDocument['schemas'], schema: Schema, depth = 0): boolean {
  if (typeof schema === 'boolean' || depth > 20) return true;
  if (
    schema.anyOf !== undefined ||
    schema.oneOf !== undefined ||
    schema.if !== undefined ||
    schema.discriminator !== undefined
  )
    return true;
  const target = schema.$ref === undefined ? undefined : own(schemas, schema.$ref);
  return [...(schema.allOf ?? []), ...(target === undefined ? [] : [target])].some((part) =>
    hasAlternatives(schemas, part, depth + 1),
  );
}

function bodyMutations(document: OpenApiDocument, parts: SampleParts, valid: SampleRequest): Mutation[] {
  const { body } = parts;
  if (body === undefined) return [];
  const list: Mutation[] = [{ label: 'body missing', expected: 'openapi.missing-body', request: withoutBody(valid) }];
  const isDeclared = (parts.operation.body?.content ?? []).some(
    ({ range }) => range.includes('*') && range.startsWith('*'),
  );
  if (!isDeclared) {
    const headers = { ...valid.headers, 'content-type': `application/x-${probe}` };
    if (!(parts.operation.body?.content ?? []).some(({ range }) => range === 'application/*'))
      list.push({
        label: 'body of another media type',
        expected: 'openapi.media-type',
        request: { ...valid, headers },
      });
  }
  if (kindOf(body.media.range) !== 'json') return list;
  const text = valid.body ?? '';
  list.push({ label: 'body malformed', expected: 'openapi.malformed-body', request: { ...valid, body: `${text}}` } });
  const write = (value: JsonValue): SampleRequest => writeRequest({ ...parts, body: { ...body, value } });
  return [...list, ...valueMutations(document, body.media.schema ?? true, body.value, write)];
}

function withoutBody(request: SampleRequest): SampleRequest {
  const { body: _body, ...rest } = request;
  return rest;
}

function valueMutations(
  document: OpenApiDocument,
  schema: Schema,
  value: JsonValue,
  write: (value: JsonValue) => SampleRequest,
): Mutation[] {
  const list = wrongValues(document, schema).map(
    ({ what, expected, value: wrong }): Mutation => ({ label: `body ${what}`, expected, request: write(wrong) }),
  );
  if (!isObject(value)) return list;
  const object = value as Readonly<Record<string, JsonValue>>;
  if (refusesUnknown(document.schemas, schema))
    list.push({
      label: `body /${probe} undeclared`,
      expected: 'openapi.unknown-field',
      request: write({ ...object, [probe]: true }),
    });
  const flat = flatten(document.schemas, schema);
  if (flat === undefined || hasAlternatives(document.schemas, schema)) return list;
  for (const name of flat.required ?? []) {
    const { [name]: absent, ...rest } = object;
    if (absent !== undefined)
      list.push({ label: `body /${name} missing`, expected: 'openapi.missing-field', request: write(rest) });
  }
  for (const [name, property] of Object.entries(flat.properties ?? {})) {
    if (flatten(document.schemas, property)?.readOnly === true) continue;
    for (const { what, expected, value: wrong } of wrongValues(document, property)) {
      list.push({ label: `body /${name} ${what}`, expected, request: write({ ...object, [name]: wrong }) });
    }
  }
  return list;
}

/** Whether a field that nothing declares is refused: fields are declared, and no part of the schema takes others. */
function refusesUnknown(schemas: OpenApiDocument['schemas'], schema: Schema): boolean {
  return declaredNames(schemas, schema).size > 0 && !takesOthers(schemas, schema);
}

function takesOthers(schemas: OpenApiDocument['schemas'], schema: Schema | undefined, depth = 0): boolean {
  if (typeof schema !== 'object' || depth > 20) return depth > 20;
  const { additionalProperties, unevaluatedProperties, patternProperties } = schema;
  if (
    patternProperties !== undefined ||
    (additionalProperties ?? false) !== false ||
    (unevaluatedProperties ?? false) !== false
  )
    return true;
  const isFree = schema.type === 'object' && Object.keys(schema).length === 1;
  const parts = [
    ...(schema.allOf ?? []),
    ...(schema.anyOf ?? []),
    ...(schema.oneOf ?? []),
    schema.$ref === undefined ? undefined : own(schemas, schema.$ref),
  ];
  return (isFree && depth > 0) || parts.some((part) => takesOthers(schemas, part, depth + 1));
}
