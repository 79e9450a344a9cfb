import { globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import type { GrpcMethod, OpenApiDocument } from '../api/openapi.ts';
import type { GatewayPolicies } from '../api/policy.ts';
import type { Weaknesses } from '../api/protections.ts';
import { compilePolicyModel } from '../control/index.ts';
import { MerlonError } from '../core/errors.ts';
import type { Manifest } from '../manifest/index.ts';
import { createDocumentReader, loadOpenApi, type SharedParser } from '../openapi/control.ts';
import type { Store } from '../storage/index.ts';
import { loadGrpcMethods } from './grpc-methods.ts';
import { compilePoliciesOnce } from './policy-cache.ts';

/** What of a configuration follows from the manifest and the files that it names alone. */
export interface ConfigurationInputs {
  readonly documents: ReadonlyMap<string, OpenApiDocument>;
  readonly grpc: ReadonlyMap<string, readonly GrpcMethod[]>;
  readonly policyFiles: readonly string[];
  /** Every file that was read, policies not among them. */
  readonly read: Set<string>;
  /** Compiled in a process of its own meanwhile. */
  readonly policy: Promise<GatewayPolicies>;
}

export interface InputFacts {
  readonly manifestPath: string;
  readonly store: Store;
  readonly weaknesses: Weaknesses;
  /** With which the manifest's documents have been parsed already. */
  readonly parser: SharedParser;
}

/**
 * Reads the documents and sets the policy compiler going, which takes its time: at a start that is begun before keys and accounts
 * are made. Throws what is wrong with a document; what is wrong with a policy is thrown to whoever waits for `policy`.
 */
export function readInputs(manifest: Manifest, facts: InputFacts): ConfigurationInputs {
  const folder = dirname(resolve(facts.manifestPath));
  const read = new Set<string>();
  const [documents, grpc] = [
    loadDocuments(manifest, folder, read, facts.parser),
    loadGrpcMethods(manifest, folder, read),
  ];
  const policyFiles = manifest.policies.flatMap((path) => filesOf(resolve(folder, path)));
  const policy = compilePolicies(manifest, { documents, grpc }, policyFiles, folder, facts);
  // Who gives up before it waits for them is not ended by them.
  policy.catch(() => undefined);
  return { documents, grpc, policyFiles, read, policy };
}

/** `read` gets every file that a document leads to, itself among them. */
function loadDocuments(
  { services }: Manifest,
  folder: string,
  read: Set<string>,
  { parse }: SharedParser,
): Map<string, OpenApiDocument> {
  const documents = new Map<string, OpenApiDocument>();
  const reader = createDocumentReader(folder);
  const readText = (path: string): string => {
    read.add(path);
    return reader(path);
  };
  for (const [name, { openapi }] of Object.entries(services)) {
    if (openapi !== undefined)
      documents.set(name, loadOpenApi(resolve(folder, openapi), readText, { root: folder, parse }));
  }
  return documents;
}

function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return globSync('**/*.cedar', { cwd: path })
    .sort()
    .map((name) => join(path, name));
}

async function compilePolicies(
  manifest: Manifest,
  { documents, grpc }: Pick<ConfigurationInputs, 'documents' | 'grpc'>,
  paths: readonly string[],
  folder: string,
  { weaknesses, store }: InputFacts,
): Promise<GatewayPolicies> {
  const files = paths.map((path) => ({ name: relative(folder, path), text: readFileSync(path, 'utf8') }));
  const compilation = { model: compilePolicyModel(manifest, documents, grpc), files, weaknesses: [...weaknesses] };
  const result = await compilePoliciesOnce(compilation, store);
  if ('policies' in result) return result.policies;
  const lines = result.errors.map(
    ({ file, line, column, message, hint }) =>
      `${file}:${line}:${column}: ${message}${hint === undefined ? '' : ` (${hint})`}`,
  );
  throw new MerlonError({ code: 'policy.invalid', message: `the policies do not hold:\n  ${lines.join('\n  ')}` });
}
