import { posix } from 'node:path';
import type { OpenApiDocument, Operation, Schema } from '../../api/openapi.ts';
import { messageOf } from '../../core/errors.ts';
import { documentLimits } from '../config.ts';
import { OpenApiError } from '../errors.ts';
import { isObject, type JsonObject } from '../json.ts';
import { completeDiscriminators } from './discriminators.ts';
import { warnUnknownKeys } from './known-keys.ts';
import { at, type Loading, type Place, problem, rootOf, warning } from './loading.ts';
import { readOperations } from './operations.ts';
import { findInPlaceCycle, reachable } from './reach.ts';
import { schemaKeyOf } from './reference.ts';
import { normalisePending } from './schema.ts';
import { basePathsOf } from './servers.ts';
import { type ParseSource, parseSource, type Source } from './source.ts';

/** Gives a file's text; throws where it cannot. Paths use `/`. `createDocumentReader` makes one that stays within a folder. */
export type ReadFile = (path: string) => string;

/** Where a document's files may lie. */
export interface LoadOptions {
  /** No file outside this folder is read. Default: the folder of the document. */
  readonly root?: string;
  /** Default: every file is parsed here. */
  readonly parse?: ParseSource | undefined;
}

/**
 * Reads the OpenAPI document at `path` and every local file that it refers to, checks all of it, and gives it in normal form.
 * Throws `OpenApiError` (`openapi.invalid-document`), which lists every problem with file, line and column.
 */
export function loadOpenApi(path: string, readFile: ReadFile, options: LoadOptions = {}): OpenApiDocument {
  const opened = openEntry(path, readFile, options);
  const { load, document } = opened;
  warnUnknownKeys(load, 'document', document, rootOf(load.entry));
  const operations = readOperations(load, document);
  queueComponents(load, document);
  normalisePending(load);
  completeDiscriminators(load);
  checkSchemaCycles(load);
  checkOperationIds(load, operations, document);
  const basePaths = basePathsOf(load, document);
  if (load.problems.length > 0) throw new OpenApiError(path, load.problems);
  const info = isObject(document.info) ? document.info : {};
  return {
    format: 1,
    title: String(info.title),
    version: String(info.version),
    basePaths,
    operations,
    schemas: usedSchemas(load, operations),
    warnings: load.warnings,
  };
}

function openEntry(path: string, readFile: ReadFile, options: LoadOptions): { load: Loading; document: JsonObject } {
  const normal = posix.normalize(path);
  const entry = readSource(normal, readFile, options.parse);
  const root = posix.normalize(options.root ?? posix.dirname(normal));
  const document = isObject(entry.root) ? entry.root : {};
  const load = createLoading(entry, versionOf(document.openapi), root, readFile);
  if (!isObject(entry.root)) problem(load, 'openapi.shape', rootOf(entry), 'the document must be an object');
  else checkHead(load, document);
  // Nothing further can be said of a document in an unknown language.
  if (load.problems.some(({ code }) => code === 'openapi.version' || code === 'openapi.shape'))
    throw new OpenApiError(path, load.problems);
  return { load, document };
}

function readSource(path: string, readFile: ReadFile, parse: ParseSource = parseSource): Source {
  let text: string;
  try {
    text = readFile(path);
  } catch (error) {
    throw new OpenApiError(path, [
      { code: 'openapi.unreadable', at: `${path}:1:1`, message: `cannot read the file: ${messageOf(error)}` },
    ]);
  }
  const source = parse(path, text);
  if ('root' in source) return source;
  throw new OpenApiError(
    path,
    source.map(({ position, message }) => ({
      code: 'openapi.syntax',
      at: `${path}:${position.line}:${position.column}`,
      message,
    })),
  );
}

function versionOf(written: unknown): '3.0' | '3.1' | undefined {
  const [, version] = /^(3\.[01])\.\d+(?:-.{0,20})?$/.exec(String(written)) ?? [];
  return version as '3.0' | '3.1' | undefined;
}

function checkHead(load: Loading, document: JsonObject): void {
  const root = rootOf(load.entry);
  if (versionOf(document.openapi) === undefined) {
    const hint =
      document.swagger === undefined ? 'versions 3.0 and 3.1 are understood' : 'convert it to OpenAPI 3 first';
    problem(
      load,
      'openapi.version',
      at(root, document.swagger === undefined ? 'openapi' : 'swagger'),
      '`openapi` must be 3.0.x or 3.1.x',
      hint,
    );
    return;
  }
  const dialect = document.jsonSchemaDialect;
  if (
    dialect !== undefined &&
    !/^https:\/\/(?:spec\.openapis\.org\/oas\/3\.1\/dialect\/|json-schema\.org\/draft\/2020-12\/schema)/.test(
      String(dialect),
    )
  ) {
    problem(
      load,
      'openapi.unsupported',
      at(root, 'jsonSchemaDialect'),
      'only the dialects of OpenAPI 3.1 and JSON Schema 2020-12 are understood',
    );
  }
  const info = document.info;
  if (!isObject(info) || typeof info.title !== 'string' || info.version === undefined) {
    problem(load, 'openapi.shape', at(root, 'info'), '`info` must have a `title` and a `version`');
  }
}

function createLoading(entry: Source, version: '3.0' | '3.1' | undefined, root: string, readFile: ReadFile): Loading {
  const files = new Map<string, Source | undefined>([[entry.path, entry]]);
  const load: Loading = {
    version: version ?? '3.1',
    entry,
    open: (path, from) => {
      if (!files.has(path)) files.set(path, openFile(load, path, from, root, files.size, readFile));
      return files.get(path);
    },
    problems: [],
    warnings: [],
    schemas: new Map(),
    schemaKeys: new Map(),
    schemaNames: new Map(),
    discriminators: [],
    unknownFormats: new Set(),
    pending: [],
  };
  return load;
}

function openFile(
  load: Loading,
  path: string,
  from: Place,
  root: string,
  count: number,
  readFile: ReadFile,
): Source | undefined {
  const inner = posix.relative(root, path);
  if (inner === '..' || inner.startsWith('../') || posix.isAbsolute(inner)) {
    return problem(
      load,
      'openapi.foreign-ref',
      from,
      `\`${path}\` lies outside \`${root}\``,
      'only files below the folder of the document are read',
    );
  }
  if (count >= documentLimits.files)
    return problem(
      load,
      'openapi.too-large',
      from,
      `the document is spread over more than ${documentLimits.files} files`,
    );
  try {
    return readSource(path, readFile);
  } catch (error) {
    if (!(error instanceof OpenApiError)) throw error;
    // A file that cannot be read is the fault of the reference; one that cannot be parsed has its own places.
    for (const fault of error.problems) {
      if (fault.code === 'openapi.unreadable')
        problem(load, 'openapi.unresolved-ref', from, `cannot read \`${path}\``, fault.message);
      else load.problems.push(fault);
    }
    return undefined;
  }
}

/** Every component, used or not: a schema that extends a base by `allOf` is found by nothing else. */
function queueComponents(load: Loading, document: JsonObject): void {
  const components = document.components;
  if (!isObject(components) || !isObject(components.schemas)) return;
  const place = at(at(rootOf(load.entry), 'components'), 'schemas');
  for (const [name, value] of Object.entries(components.schemas)) schemaKeyOf(load, { value, place: at(place, name) });
}

function checkSchemaCycles(load: Loading): void {
  const cycle = findInPlaceCycle(load.schemas);
  if (cycle === undefined) return;
  const place = at(at(at(rootOf(load.entry), 'components'), 'schemas'), load.schemaNames.get(cycle) ?? cycle);
  problem(
    load,
    'openapi.ref-cycle',
    place,
    `the schema \`${cycle}\` applies itself to the same value without end`,
    'refer to it from a property or from `items`',
  );
}

function checkOperationIds(load: Loading, operations: readonly Operation[], document: JsonObject): void {
  const first = new Map<string, Operation>();
  for (const operation of operations) {
    const other = first.get(operation.id);
    if (other === undefined) {
      first.set(operation.id, operation);
      continue;
    }
    const paths = at(rootOf(load.entry), 'paths');
    const item = isObject(document.paths) ? document.paths[operation.template] : undefined;
    const path = at(paths, operation.template);
    const place =
      isObject(item) && item.$ref === undefined ? at(at(path, operation.method.toLowerCase()), 'operationId') : path;
    problem(
      load,
      'openapi.duplicate-operation-id',
      place,
      `\`${operation.id}\` already names ${other.method} ${other.template}`,
    );
  }
}

function usedSchemas(load: Loading, operations: readonly Operation[]): Readonly<Record<string, Schema>> {
  const roots = operations.flatMap((operation): Schema[] => [
    ...operation.parameters.map(({ schema }) => schema),
    ...(operation.body?.content ?? []).flatMap(({ schema }) => schema ?? []),
    ...operation.responses.flatMap(({ headers, content }) => [
      ...headers.map(({ schema }) => schema),
      ...content.flatMap(({ schema }) => schema ?? []),
    ]),
  ]);
  warnFreeForm(load, operations);
  const used = reachable(load.schemas, roots);
  return Object.fromEntries([...load.schemas].filter(([key]) => used.has(key)));
}

function warnFreeForm(load: Loading, operations: readonly Operation[]): void {
  for (const { body, method, template } of operations) {
    for (const { schema, range } of body?.content ?? []) {
      if (typeof schema !== 'object' || schema.type !== 'object' || Object.keys(schema).length > 1) continue;
      const place = at(at(rootOf(load.entry), 'paths'), template);
      warning(
        load,
        'openapi.free-form',
        place,
        `the ${range} body of ${method} ${template} may hold any field`,
        'declare its `properties`',
      );
    }
  }
}
