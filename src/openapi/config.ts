import { noWeaknesses, type Weaknesses } from '../api/protections.ts';

/** How `compileOpenApi` enforces a document. */
export interface OpenApiOptions {
  /** Path in front of every template. Default: the paths of the document's servers. */
  readonly basePath?: string;
  /** What a query parameter that the operation does not declare means. Default: `refuse`. */
  readonly unknownParameters?: 'refuse' | 'ignore';
  /** What a field that the schema does not declare means, where it states no `additionalProperties`. Default: `refuse`. */
  readonly unknownFields?: 'refuse' | 'ignore';
  /** Deepest nesting of arrays and objects in JSON. Default: 64. */
  readonly maxDepth?: number;
  /** Largest body looked into, in bytes. Default: 1 MiB. */
  readonly maxBodyBytes?: number;
  /** Most members and elements of a JSON body, pairs of a query or form, parts of a multipart body. Default: 10,000 (pairs and parts: a tenth). */
  readonly maxValues?: number;
  /** Protections that a test switches off. */
  readonly weaknesses?: Weaknesses;
}

/** The options with every default filled in. */
export interface Settings {
  readonly basePath: string | undefined;
  readonly refuseUnknownParameters: boolean;
  readonly refuseUnknownFields: boolean;
  readonly maxDepth: number;
  readonly maxBodyBytes: number;
  readonly maxValues: number;
  readonly maxPairs: number;
  readonly checksParameters: boolean;
  readonly checksBody: boolean;
  readonly checksDeclared: boolean;
}

/** Fills in defaults; the only place that knows them. */
export function settingsOf(options: OpenApiOptions = {}): Settings {
  const off = options.weaknesses ?? noWeaknesses;
  const maxValues = options.maxValues ?? 10_000;
  return {
    basePath: options.basePath,
    refuseUnknownParameters: options.unknownParameters !== 'ignore',
    refuseUnknownFields: options.unknownFields !== 'ignore' && !off.has('openapi.unknown-fields'),
    maxDepth: options.maxDepth ?? 64,
    maxBodyBytes: options.maxBodyBytes ?? 1024 * 1024,
    maxValues,
    maxPairs: Math.max(1, Math.trunc(maxValues / 10)),
    checksParameters: !off.has('openapi.parameters'),
    checksBody: !off.has('openapi.body'),
    checksDeclared: !off.has('openapi.undeclared-operation'),
  };
}

/** Bounds on a document itself, which an operator writes: generous, but a runaway file must not take control down. */
export const documentLimits = {
  files: 500,
  fileBytes: 64 * 1024 * 1024,
  /** YAML takes some seconds for each of these. */
  yamlBytes: 8 * 1024 * 1024,
  /** Inline nesting of schemas. */
  schemaDepth: 100,
  /** Length of a chain of `$ref` to `$ref`. */
  refChain: 50,
  operations: 20_000,
  problems: 200,
} as const;
