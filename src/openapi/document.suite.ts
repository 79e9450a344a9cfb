// What the tests of this folder share: a document from text, and requests against it.

import type { DocumentNote, OpenApiDocument } from '../api/openapi.ts';
import type { Denial } from '../api/record.ts';
import { compileOpenApi } from './compile.ts';
import type { OpenApiOptions } from './config.ts';
import { OpenApiError } from './errors.ts';
import { loadOpenApi } from './load/load.ts';

/** A document of version 3.1 (or as told) with these `paths` and `components`, in YAML. */
export function documentOf(body: string, version = '3.1.0'): OpenApiDocument {
  return loadFiles({ 'api.yaml': `openapi: ${version}\ninfo: { title: t, version: '1' }\n${body}` });
}

/** Loads the first of `files`. */
export function loadFiles(files: Readonly<Record<string, string>>, root?: string): OpenApiDocument {
  const [entry = ''] = Object.keys(files);
  const document = loadOpenApi(
    entry,
    (path) => {
      const text = Object.hasOwn(files, path) ? files[path] : undefined;
      if (text === undefined) throw new Error(`no such file: ${path}`);
      return text;
    },
    root === undefined ? {} : { root },
  );
  // As in a snapshot: what does not survive JSON does not reach the gateway.
  return JSON.parse(JSON.stringify(document)) as OpenApiDocument;
}

/** The problems of a document that does not load; empty where it does. */
export function problemsOf(load: () => unknown): readonly DocumentNote[] {
  try {
    load();
    return [];
  } catch (error) {
    if (error instanceof OpenApiError) return error.problems;
    throw error;
  }
}

/** A request, as far as a test cares. */
export interface TestRequest {
  readonly method?: string;
  readonly path?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly bytes?: Buffer;
}

/** A function that sends requests through every check of `document`, in the gateway's order. */
export function gate(
  document: OpenApiDocument,
  options?: OpenApiOptions,
): (request?: TestRequest) => Denial | undefined {
  const api = compileOpenApi(document, options);
  return ({ method = 'GET', path = '/x', query = '', headers = {}, body, bytes }: TestRequest = {}) => {
    const match = api.match(method, path);
    if (match.kind !== 'match') return api.checkDeclared(match);
    const content = bytes ?? (body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(body)));
    const type = headers['content-type'] ?? (body === undefined ? undefined : 'application/json');
    return (
      api.checkParameters(match.operation, {
        rawParams: match.rawParams,
        query,
        header: (name) => headers[name],
        cookie: headers.cookie,
      }) ?? api.checkBody(match.operation, type, content)
    );
  };
}

/** A document whose only operation is `POST /x` with this JSON body schema, in YAML's flow style. */
export function bodyDocument(schema: string, components = '', version?: string): OpenApiDocument {
  return documentOf(
    `paths: { /x: { post: { requestBody: { required: true, content: { application/json: { schema: ${schema} } } }, responses: { '200': { description: ok } } } } }\n${components === '' ? '' : `components: { schemas: ${components} }\n`}`,
    version,
  );
}

/** The denial's code for this body; undefined where it passes. */
export function bodyVerdict(
  schema: string,
  components = '',
  options?: OpenApiOptions,
  version?: string,
): (body: unknown) => string | undefined {
  const send = gate(bodyDocument(schema, components, version), options);
  return (body) => send({ method: 'POST', body })?.reason.code;
}

/** A document whose only operation is `GET` on `path` with these parameters. */
export function parameterDocument(parameters: string, path = '/x', version?: string): OpenApiDocument {
  return documentOf(
    `paths: { ${path}: { get: { parameters: [${parameters}], responses: { '200': { description: ok } } } } }\n`,
    version,
  );
}
