import type { OpenApiDocument, Operation, Parameter } from '../../api/openapi.ts';
import type { Denial } from '../../api/record.ts';
import type { ParameterSource } from '../api-validator.ts';
import type { Settings } from '../config.ts';
import { parseTemplate } from '../match/template.ts';
import { isJson } from '../media/media-type.ts';
import { parseJson } from './json-guard.ts';
import { type Pairs, parsePairs, tryDecodeForm, tryDecodePercent } from './pairs.ts';
import {
  breach,
  type CompiledParameter,
  type Context,
  malformed,
  malformedQuery,
  missing,
  repeated,
  unknownParameter,
} from './parameter-denials.ts';
import type { SchemaCompiler } from './schema-compiler.ts';
import type { Fields } from './styles.ts';
import { compileTextValue, type Texts, type TextValue } from './text-value.ts';

/** Checks the parameters of one request to one operation. */
export type CheckParameters = (source: ParameterSource) => Denial | undefined;

const noFields: Fields = [];

/** Compiles the parameters of `operation`, in the order path, query, header, cookie. */
export function compileParameters(
  document: OpenApiDocument,
  operation: Operation,
  settings: Settings,
  compiler: SchemaCompiler,
): CheckParameters {
  const context: Context = { document, operation, settings, compiler };
  const at = (location: Parameter['in']) =>
    operation.parameters
      .filter((parameter) => parameter.in === location)
      .map((parameter) => compileOne(context, parameter));
  const path = compilePath(context, at('path'));
  const query = compileQuery(context, at('query'));
  const headers = at('header');
  const cookies = at('cookie');
  return (source) =>
    path(source.rawParams) ??
    query(source.query) ??
    checkHeaders(context, headers, source) ??
    (cookies.length === 0 ? undefined : checkCookies(context, cookies, source.cookie));
}

function compileOne({ document, compiler }: Context, parameter: Parameter): CompiledParameter {
  const decode =
    parameter.in === 'query' ? tryDecodeForm : parameter.in === 'header' ? (text: string) => text : tryDecodePercent;
  return {
    parameter,
    place: `${parameter.in} ${parameter.name}`,
    text: compileTextValue(
      document.schemas,
      parameter.mediaType === undefined ? parameter.schema : { type: 'string' },
      parameter,
      decode,
    ),
    check: compiler.compile(parameter.schema),
  };
}

function compilePath(
  context: Context,
  compiled: readonly CompiledParameter[],
): (raw: readonly string[]) => Denial | undefined {
  const template = parseTemplate(context.operation.template);
  const names = 'fault' in template ? [] : template.names;
  const ordered = names.map((name) => compiled.find(({ parameter }) => parameter.name === name));
  return (raw) => {
    // A base path may have parameters of its own, which come first.
    const offset = raw.length - ordered.length;
    for (let index = 0; index < ordered.length; index++) {
      const one = ordered[index];
      const text = raw[offset + index];
      const denial =
        one === undefined || text === undefined
          ? undefined
          : checkTexts(context, one, { values: [text], fields: noFields });
      if (denial !== undefined) return denial;
    }
    return undefined;
  };
}

function checkHeaders(
  context: Context,
  compiled: readonly CompiledParameter[],
  source: ParameterSource,
): Denial | undefined {
  for (const one of compiled) {
    const value = source.header(one.parameter.name);
    const denial =
      value === undefined ? missing(context, one) : checkTexts(context, one, { values: [value], fields: noFields });
    if (denial !== undefined) return denial;
  }
  return undefined;
}

function checkCookies(
  context: Context,
  compiled: readonly CompiledParameter[],
  cookie: string | undefined,
): Denial | undefined {
  const pairs = parseCookies(cookie ?? '');
  for (const one of compiled) {
    const values = pairs.get(one.parameter.name);
    const fields = fieldsOf(one.text, one.parameter.name, pairs, noNames);
    const denial =
      values === undefined && fields.length === 0
        ? missing(context, one)
        : checkTexts(context, one, { values, fields });
    if (denial !== undefined) return denial;
  }
  return undefined;
}

/** The cookies of a `Cookie` field (RFC 6265, section 4.2.1), undecoded. Others than the declared ones are nobody's business here. */
function parseCookies(field: string): Pairs {
  const pairs = new Map<string, string[]>();
  for (const part of field.split(';', 200)) {
    const equals = part.indexOf('=');
    if (equals < 1) continue;
    const name = part.slice(0, equals).trim();
    const value = part.slice(equals + 1).trim();
    const values = pairs.get(name);
    if (values === undefined) pairs.set(name, [value]);
    else values.push(value);
  }
  return pairs;
}

const noNames: ReadonlySet<string> = new Set();

function compileQuery(context: Context, compiled: readonly CompiledParameter[]): (query: string) => Denial | undefined {
  const { operation, settings } = context;
  // An exploded object is sent by its fields' names, not by its own.
  const sentByName = compiled.filter(({ text }) => text.ownNames === undefined && !text.isDeepObject);
  const declared = new Set(sentByName.map(({ parameter }) => parameter.name));
  for (const { in: location, name } of operation.credentials) if (location === 'query') declared.add(name);
  for (const { text } of compiled)
    if (text.ownNames instanceof Set) for (const name of text.ownNames) declared.add(name);
  const takesAny = compiled.some(({ text }) => text.ownNames === 'any');
  const prefixes = compiled.filter(({ text }) => text.isDeepObject).map(({ parameter }) => `${parameter.name}[`);
  const refusesUnknown = settings.refuseUnknownParameters && !takesAny;
  return (query) => {
    const result = parsePairs(query, settings.maxPairs);
    if ('fault' in result) return malformedQuery(context, result.fault);
    const unknown = refusesUnknown ? findUnknown(result.pairs, declared, prefixes) : undefined;
    if (unknown !== undefined) return unknownParameter(context, unknown);
    for (const one of compiled) {
      const values = result.pairs.get(one.parameter.name);
      const fields = fieldsOf(one.text, one.parameter.name, result.pairs, declared);
      const denial =
        values === undefined && fields.length === 0
          ? missing(context, one)
          : checkTexts(context, one, { values, fields });
      if (denial !== undefined) return denial;
    }
    return undefined;
  };
}

function findUnknown(pairs: Pairs, declared: ReadonlySet<string>, prefixes: readonly string[]): string | undefined {
  for (const name of pairs.keys()) {
    if (!declared.has(name) && !prefixes.some((prefix) => name.startsWith(prefix))) return name;
  }
  return undefined;
}

/** The fields that were sent as names of their own. */
function fieldsOf(
  { ownNames, isDeepObject }: TextValue,
  name: string,
  pairs: Pairs,
  declared: ReadonlySet<string>,
): Fields {
  if (isDeepObject) return deepFields(name, pairs);
  if (ownNames === undefined) return noFields;
  const fields: [string, string][] = [];
  for (const [field, texts] of pairs) {
    const mine = ownNames === 'any' ? !declared.has(field) : ownNames.has(field);
    // Names are decoded already; encoding them again keeps one way of reading them.
    if (mine) for (const text of texts) fields.push([encodeName(field), text]);
  }
  return fields;
}

function encodeName(name: string): string {
  return encodeURIComponent(name.toWellFormed());
}

/** `name[field]=text`; one level, as OpenAPI defines it. A malformed bracket becomes a field of that odd name, which nothing declares. */
function deepFields(name: string, pairs: Pairs): Fields {
  const fields: [string, string][] = [];
  for (const [written, texts] of pairs) {
    if (!written.startsWith(`${name}[`)) continue;
    const inner = written.endsWith(']') ? written.slice(name.length + 1, -1) : written;
    for (const text of texts) fields.push([encodeName(inner), text]);
  }
  return fields;
}

function checkTexts(context: Context, one: CompiledParameter, texts: Texts): Denial | undefined {
  const { parameter, text } = one;
  const count = texts.values?.length ?? 0;
  if (count > 1 && !text.takesMany) return repeated(context, one);
  if (count === 1 && texts.values?.[0] === '' && parameter.allowEmptyValue === true) return undefined;
  if (parameter.mediaType !== undefined) return checkContent(context, one, texts);
  let refused: Denial | undefined;
  for (const reading of text.readings) {
    const found = reading(texts);
    if (found === undefined) continue;
    const errors = one.check(found.value);
    if (errors === undefined) return undefined;
    refused ??= breach(context, one, errors);
  }
  return refused ?? malformed(context, one);
}

function checkContent(context: Context, one: CompiledParameter, texts: Texts): Denial | undefined {
  const decoded = one.text.readings[0]?.(texts)?.value;
  if (typeof decoded !== 'string') return malformed(context, one);
  let value: unknown = decoded;
  if (isJson(one.parameter.mediaType ?? '')) {
    const parsed = parseJson(Buffer.from(decoded), context.settings);
    if ('fault' in parsed) return malformed(context, one, parsed.fault.message);
    value = parsed.value;
  }
  const errors = one.check(value);
  return errors === undefined ? undefined : breach(context, one, errors);
}
