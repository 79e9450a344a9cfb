import { defaultGraphqlLimits, type GraphqlLimits } from '../../api/openapi.ts';
import type { Denial } from '../../api/record.ts';
import type { DenialCode } from '../errors.ts';
import { isObject } from '../json.ts';
import { isJson, tryParseMediaType } from '../media/media-type.ts';
import { deny } from '../validate/deny.ts';
import { parseJson } from '../validate/json-guard.ts';
import { type GraphqlDocument, type OperationDefinition, parseGraphql } from './document.ts';
import { GraphqlFault } from './lexer.ts';
import { measureOperation } from './measure.ts';

/** Checks one request to a GraphQL endpoint (GraphQL over HTTP, section 6). `query`: of its URL, without `?`. */
export type CheckGraphql = (
  method: string,
  contentType: string | undefined,
  body: Buffer,
  query?: string,
) => Denial | undefined;

/** The check for `limits`. Only `POST` with JSON is let in: a GET can be made by any page that a user visits. */
export function compileGraphql(limits: GraphqlLimits = defaultGraphqlLimits): CheckGraphql {
  return (method, contentType, body, query = '') => {
    if (method !== 'POST')
      return {
        ...refuse('openapi.graphql-method', 'a GraphQL request must be a POST', 'method', 'send it as POST', 405),
        headers: { allow: 'POST' },
      };
    const type = contentType === undefined ? undefined : tryParseMediaType(contentType);
    if (type === undefined || !isJson(type.essence))
      return refuse(
        'openapi.media-type',
        'a GraphQL request must be JSON',
        'header content-type',
        'send `Content-Type: application/json`',
        415,
      );
    if (asksInUrl(query))
      return refuse(
        'openapi.graphql-malformed',
        'the GraphQL request is in its URL',
        'query',
        'send `query`, `operationName`, `variables` and `extensions` in the body',
      );
    const parsed = parseJson(body, { maxDepth: 64, maxValues: 10_000 });
    if ('fault' in parsed)
      return refuse(parsed.fault.code, `the body ${parsed.fault.message}`, 'body', 'send strict JSON');
    return checkEntries(Array.isArray(parsed.value) ? parsed.value : [parsed.value], limits);
  };
}

/** Servers take what stands in the URL, and some prefer it to the body, which alone is measured. */
function asksInUrl(query: string): boolean {
  if (query === '') return false;
  return [...new URLSearchParams(query).keys()].some((name) => entryKeys.has(name.split('[', 1)[0] as string));
}

function checkEntries(entries: readonly unknown[], limits: GraphqlLimits): Denial | undefined {
  if (entries.length > limits.maxBatch)
    return tooMuch('openapi.graphql-batch', 'batch', entries.length, limits.maxBatch);
  for (const entry of entries) {
    const denial = checkEntry(entry, limits);
    if (denial !== undefined) return denial;
  }
  return undefined;
}

const entryKeys: ReadonlySet<string> = new Set(['query', 'operationName', 'variables', 'extensions']);

function checkEntry(entry: unknown, limits: GraphqlLimits): Denial | undefined {
  if (!isObject(entry) || typeof entry.query !== 'string') return malformed('has no `query`');
  const unknown = Object.keys(entry).find((key) => !entryKeys.has(key));
  if (unknown !== undefined) return malformed('has a field that GraphQL over HTTP does not have');
  const variables = entry.variables ?? {};
  if (!isObject(variables)) return malformed('has `variables` that are no object');
  try {
    const document = parseGraphql(entry.query, limits.maxTokens);
    if (document.directives > limits.maxDirectives)
      return tooMuch('openapi.graphql-directives', 'directives', document.directives, limits.maxDirectives);
    return checkOperation(document, operationOf(document, entry.operationName), variables, limits);
  } catch (error) {
    if (error instanceof GraphqlFault) return malformed(error.message);
    throw error;
  }
}

function operationOf({ operations }: GraphqlDocument, name: unknown): OperationDefinition {
  const named =
    name === undefined || name === null ? operations : operations.filter((operation) => operation.name === name);
  const [operation] = named;
  if (operation === undefined || named.length > 1)
    throw new GraphqlFault('does not say which of its operations is meant');
  return operation;
}

function checkOperation(
  document: GraphqlDocument,
  operation: OperationDefinition,
  variables: Readonly<Record<string, unknown>>,
  limits: GraphqlLimits,
): Denial | undefined {
  const { depth, aliases, cost, introspects } = measureOperation(document, operation, variables);
  if (introspects && !limits.introspection) {
    return refuse(
      'openapi.graphql-introspection',
      'introspection is switched off',
      'body /query',
      'read the schema from its source',
    );
  }
  if (depth > limits.maxDepth) return tooMuch('openapi.graphql-depth', 'depth', depth, limits.maxDepth);
  if (aliases > limits.maxAliases) return tooMuch('openapi.graphql-aliases', 'aliases', aliases, limits.maxAliases);
  return cost > limits.maxCost ? tooMuch('openapi.graphql-cost', 'cost', cost, limits.maxCost) : undefined;
}

function tooMuch(code: DenialCode, what: string, actual: number, limit: number): Denial {
  const denial = deny(400, undefined, code, `the ${what} of the request is above its limit`, {
    claim: 'body /query',
    expected: `${what} of at most ${limit}`,
    actual: String(actual),
    fix: `ask for less at once: the limit of ${what} is ${limit}`,
  });
  return denial;
}

function malformed(why: string): Denial {
  return refuse(
    'openapi.graphql-malformed',
    `the GraphQL request ${why}`,
    'body /query',
    'send one well-formed executable document',
  );
}

function refuse(code: DenialCode, message: string, claim: string, fix: string, status = 400): Denial {
  return deny(status, undefined, code, message, { claim, fix });
}
