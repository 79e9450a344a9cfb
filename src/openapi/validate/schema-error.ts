import type { ErrorObject } from 'ajv/dist/2020.js';
import type { OpenApiDocument, Schema } from '../../api/openapi.ts';
import type { DenialCode } from '../errors.ts';
import { escapeToken, isObject, type JsonObject, unescapeToken } from '../json.ts';
import { forbiddenKeyword, uniqueKeyword } from './closing.ts';
import { type DenialFacts, describeValue, shown } from './deny.ts';
import type { Direction } from './hidden.ts';
import { isSensitive } from './sensitivity.ts';

/** One breach of a schema, in words. */
export interface Breach {
  readonly code: DenialCode;
  readonly message: string;
  readonly facts: DenialFacts;
}

/** What was checked, for the words. */
export interface Checked {
  readonly schemas: OpenApiDocument['schemas'];
  readonly schema: Schema;
  readonly direction: Direction;
  /** `body`, `query limit`, `path id`: before a pointer. */
  readonly place: string;
}

/** Puts the most telling of `errors` into words. */
export function explain(errors: readonly ErrorObject[], checked: Checked): Breach {
  const error = choose(errors);
  const pointer = error.instancePath + extraToken(error);
  const tokens = pointer.split('/').slice(1).map(unescapeToken);
  const name = shown(tokens.at(-1) ?? checked.place);
  const sensitive = isSensitive(checked.schemas, checked.schema, tokens);
  const words = wordsFor(error, name, checked.direction);
  return {
    code: words.code,
    message: `${checked.place}${pointer === '' ? '' : ` \`${shown(pointer)}\``} ${words.sentence}`,
    facts: {
      claim: `${checked.place}${pointer === '' ? '' : ` ${shown(pointer)}`}`,
      clause: error.keyword,
      ...(words.expected === undefined ? {} : { expected: words.expected }),
      ...actualOf(error, words, sensitive),
      fix: words.fix,
    },
  };
}

/** Nothing is known of an undeclared field, so nothing of it is shown but its shape. */
function actualOf(error: ErrorObject, { code, expected }: Words, sensitive: boolean): { readonly actual?: string } {
  if (code === 'openapi.missing-field') return {};
  const name = fieldOf(error);
  const isHolder = name !== undefined && isObject(error.data) && Object.hasOwn(error.data, name);
  const value: unknown = isHolder ? (error.data as JsonObject)[name] : error.data;
  return { actual: describeValue(value, sensitive || expected === 'absent') };
}

/** The field that an error of its object is about. */
function fieldOf(error: ErrorObject): string | undefined {
  const { missingProperty, additionalProperty, unevaluatedProperty, propertyName } = error.params as Record<
    string,
    unknown
  >;
  const name = missingProperty ?? additionalProperty ?? unevaluatedProperty ?? propertyName;
  return typeof name === 'string' ? name : undefined;
}

function extraToken(error: ErrorObject): string {
  const name = fieldOf(error);
  return name === undefined ? '' : `/${escapeToken(name)}`;
}

const combinations: ReadonlySet<string> = new Set(['oneOf', 'anyOf', 'if', 'propertyNames', 'contains']);

/**
 * When no alternative fits, the errors of all are there. Telling is the error that lies deepest, in the alternative that
 * the caller came closest to; or the only one that is not about the type of the whole.
 */
function choose(errors: readonly ErrorObject[]): ErrorObject {
  const last = errors.at(-1) as ErrorObject;
  if (!combinations.has(last.keyword)) return last;
  const plain = errors.filter((error) => !combinations.has(error.keyword));
  const deeper = plain.filter((error) => error.instancePath.length > last.instancePath.length);
  if (deeper.length > 0)
    return deeper.reduce((best, error) => (error.instancePath.length > best.instancePath.length ? error : best));
  const rest = plain.filter((error) => error.keyword !== 'type' && error.keyword !== 'const');
  return rest.length === 1 ? (rest[0] as ErrorObject) : last;
}

interface Words {
  readonly code: DenialCode;
  readonly sentence: string;
  readonly fix: string;
  readonly expected?: string;
}

function wordsFor(error: ErrorObject, name: string, direction: Direction): Words {
  switch (error.keyword) {
    case 'type':
      return wrongType(error, name);
    case 'required':
    case 'dependentRequired':
      return {
        code: 'openapi.missing-field',
        sentence: 'is missing',
        expected: 'present',
        fix: `add \`${name}\``,
      };
    case 'additionalProperties':
    case 'unevaluatedProperties':
      return unknownField(name);
    case 'propertyNames':
    case 'false schema':
      return unknownField(name);
    case forbiddenKeyword:
      return forbidden(name, direction);
    case 'format':
    case 'pattern':
      return wrongFormat(error, name);
    case 'enum':
    case 'const':
      return wrongValue(error, name);
    case uniqueKeyword:
      return {
        code: 'openapi.wrong-value',
        sentence: 'holds an item twice',
        expected: 'items that differ',
        fix: `send each item of \`${name}\` once`,
      };
    default:
      return bounds(error, name);
  }
}

function wrongType(error: ErrorObject, name: string): Words {
  const type = (error.params as { type: string | string[] }).type;
  const expected = Array.isArray(type) ? type.join(' or ') : type;
  const article = /^[aeio]/.test(expected) ? 'an' : 'a';
  return {
    code: 'openapi.wrong-type',
    sentence: `must be ${article} ${expected}`,
    expected,
    fix: `send \`${name}\` as ${article} ${expected}`,
  };
}

function unknownField(name: string): Words {
  return {
    code: 'openapi.unknown-field',
    sentence: 'is not declared',
    expected: 'absent',
    fix: `remove \`${name}\`: the operation does not declare it`,
  };
}

function forbidden(name: string, direction: Direction): Words {
  return direction === 'request'
    ? {
        code: 'openapi.read-only-field',
        sentence: 'is read-only',
        expected: 'absent',
        fix: `remove \`${name}\`: only the service sets it`,
      }
    : {
        code: 'openapi.write-only-field',
        sentence: 'is write-only',
        expected: 'absent',
        fix: `leave \`${name}\` out of the answer`,
      };
}

function wrongFormat(error: ErrorObject, name: string): Words {
  const { format, pattern } = error.params as { format?: string; pattern?: string };
  const expected = format === undefined ? `text that matches ${shown(pattern ?? '')}` : format;
  return {
    code: 'openapi.wrong-format',
    sentence: `must be ${format === undefined ? 'of the declared pattern' : `a valid ${shown(format)}`}`,
    expected,
    fix: `send \`${name}\` as ${expected}`,
  };
}

function wrongValue(error: ErrorObject, name: string): Words {
  const { allowedValues, allowedValue } = error.params as { allowedValues?: unknown[]; allowedValue?: unknown };
  const expected = shown((allowedValues ?? [allowedValue]).map((value) => JSON.stringify(value)).join(', '));
  return {
    code: 'openapi.wrong-value',
    sentence: 'is not one of the declared values',
    expected,
    fix: `send \`${name}\` as one of ${expected}`,
  };
}

const comparisons: Readonly<Record<string, readonly [DenialCode, string]>> = {
  maxLength: ['openapi.too-long', 'at most % characters'],
  minLength: ['openapi.too-short', 'at least % characters'],
  maxItems: ['openapi.too-long', 'at most % items'],
  minItems: ['openapi.too-short', 'at least % items'],
  items: ['openapi.too-long', 'at most % items'],
  unevaluatedItems: ['openapi.too-long', 'at most % items'],
  maxProperties: ['openapi.too-long', 'at most % fields'],
  minProperties: ['openapi.too-short', 'at least % fields'],
  maximum: ['openapi.out-of-range', 'at most %'],
  exclusiveMaximum: ['openapi.out-of-range', 'less than %'],
  minimum: ['openapi.out-of-range', 'at least %'],
  exclusiveMinimum: ['openapi.out-of-range', 'more than %'],
  multipleOf: ['openapi.out-of-range', 'a multiple of %'],
};

function bounds(error: ErrorObject, name: string): Words {
  const comparison = Object.hasOwn(comparisons, error.keyword) ? comparisons[error.keyword] : undefined;
  if (comparison === undefined) {
    return {
      code: 'openapi.no-match',
      sentence: 'fits none of the declared alternatives',
      expected: `what ${error.keyword} demands`,
      fix: `compare \`${name}\` with the alternatives of the document`,
    };
  }
  const { limit, multipleOf, len } = error.params as { limit?: number; multipleOf?: number; len?: number };
  const expected = comparison[1].replace('%', String(limit ?? multipleOf ?? len ?? 0));
  return { code: comparison[0], sentence: `must be ${expected}`, expected, fix: `send \`${name}\` with ${expected}` };
}
