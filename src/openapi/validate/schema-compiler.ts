import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { OpenApiDocument, Schema } from '../../api/openapi.ts';
import { own } from '../json.ts';
import { compilePattern, type Matcher } from '../pattern/pattern.ts';
import {
  type ClosingContext,
  type EnforcedSchema,
  enforce,
  enforceOverlap,
  forbiddenKeyword,
  uniqueKeyword,
} from './closing.ts';
import { numberFormats, textFormats } from './formats.ts';
import type { Direction } from './hidden.ts';

/** Checks a value; undefined: it is valid. Never throws. */
export type CheckValue = (value: unknown) => readonly ErrorObject[] | undefined;

/** Compiles schemas of one document, for one direction. What two schemas share is compiled once. */
export interface SchemaCompiler {
  /** The check of a whole value; compiled when it is first used. */
  compile(schema: Schema): CheckValue;
}

/** A compiler for `document`; `closes`: fields that a schema does not declare are refused. */
export function createSchemaCompiler(document: OpenApiDocument, direction: Direction, closes: boolean): SchemaCompiler {
  const ajv = createAjv();
  const added = new Set<string>();
  // Known before it is built: schemas may lead back to themselves.
  const once = (uri: string, build: () => EnforcedSchema): string => {
    if (!added.has(uri)) {
      added.add(uri);
      ajv.addSchema(build() as object, uri);
    }
    return uri;
  };
  const identify = numbering();
  const context: ClosingContext = {
    schemas: document.schemas,
    direction,
    closes,
    uriOf: (key, form) =>
      once(`merlon:/${form}/${key}`, () => enforce(context, own(document.schemas, key) ?? false, form, key)),
    uriOfOverlap: (overlap) => {
      const name = [overlap.always, overlap.sometimes].map((list) => list.map(identify).join('.')).join('-');
      return once(`merlon:/overlap/${name}`, () => enforceOverlap(context, overlap));
    },
  };
  const checks = new Map<Schema, CheckValue>();
  return {
    compile: (schema) => {
      const check = checks.get(schema) ?? lazyCheck(() => ajv.compile(enforce(context, schema, 'closed') as object));
      checks.set(schema, check);
      return check;
    },
  };
}

function lazyCheck(compile: () => ValidateFunction): CheckValue {
  let validate: ValidateFunction | undefined;
  return (value) => {
    validate ??= compile();
    return validate(value) ? undefined : (validate.errors ?? []);
  };
}

/** Gives each schema a number of its own. */
function numbering(): (schema: Schema) => number {
  const numbers = new Map<Schema, number>();
  return (schema) => {
    const number = numbers.get(schema) ?? numbers.size;
    numbers.set(schema, number);
    return number;
  };
}

function createAjv(): Ajv2020 {
  const ajv = new Ajv2020({
    // The document was checked when it was loaded; here its schemas are our own output.
    strict: false,
    // Infinity and NaN are no numbers.
    strictNumbers: true,
    validateSchema: false,
    meta: false,
    logger: false,
    messages: false,
    verbose: true,
    // `constructor` and `toString` are fields like any other, and not inherited.
    ownProperties: true,
    code: { regExp: Object.assign(boundedRegExp(), { code: 'boundedRegExp' }) },
  });
  for (const [name, check] of textFormats) ajv.addFormat(name, check);
  for (const [name, validate] of numberFormats) ajv.addFormat(name, { type: 'number', validate });
  ajv.addKeyword({ keyword: forbiddenKeyword, validate: () => false });
  ajv.addKeyword({
    keyword: uniqueKeyword,
    type: 'array',
    validate: (_schema: unknown, items: readonly unknown[]) => isUnique(items),
  });
  return ajv;
}

interface NamedMatcher extends Matcher {
  /** The validator keeps matchers apart by this text. */
  toString(): string;
}

function boundedRegExp(): (source: string) => NamedMatcher {
  const known = new Map<string, NamedMatcher>();
  return (source) => {
    let matcher = known.get(source);
    if (matcher === undefined) {
      const compiled = compilePattern(source);
      matcher = { test: (text) => compiled.test(text), toString: () => source };
      known.set(source, matcher);
    }
    return matcher;
  };
}

/** Whether no two items are equal: by a canonical text, since comparing each with each is quadratic in what a caller sends. */
function isUnique(items: readonly unknown[]): boolean {
  const seen = new Set<string>();
  for (const item of items) {
    const text = canonicalText(item);
    if (seen.has(text)) return false;
    seen.add(text);
  }
  return true;
}

function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'undefined';
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalText(member)}`).join()}}`;
}
