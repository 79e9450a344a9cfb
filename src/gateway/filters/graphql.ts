import type { Denial } from '../../api/record.ts';
import { compileGraphql } from '../../openapi/index.ts';
import { joined, judgeBody } from '../body.ts';
import type { CompileFilter } from './filter.ts';

/** Depth, cost, aliases, batches and introspection of a GraphQL endpoint, measured before its service reads a byte. */
export const graphql: CompileFilter = ({ weaknesses }, { config }) => {
  if (config.graphql === undefined || weaknesses.has('graphql.bounds')) return undefined;
  const check = compileGraphql(config.graphql);
  const judge = (method: string, type: string | undefined, body: Buffer, query = ''): Denial | undefined => {
    const denial = check(method, type, body, query);
    return denial && explained(denial, `${config.source}.graphql`);
  };
  return (exchange) => {
    const { method, headers, body, query } = exchange.request;
    const contentType = joined(headers.getAll('content-type'), ', ');
    if (method !== 'POST' || !body.present) return judge(method, contentType, Buffer.alloc(0));
    return judgeBody(exchange, { filter: 'graphql', maxBytes: config.bodyBytes }, (whole) =>
      judge(method, contentType, whole, query),
    );
  };
};

/** The key of the manifest that sets the bound of a code. */
const keys: ReadonlyMap<string, string> = new Map([
  ['openapi.graphql-depth', 'depth'],
  ['openapi.graphql-cost', 'cost'],
  ['openapi.graphql-aliases', 'aliases'],
  ['openapi.graphql-directives', 'directives'],
  ['openapi.graphql-batch', 'batch'],
  ['openapi.graphql-introspection', 'introspection'],
]);

/** The denial with the rule that was broken, and how the operator would allow it. */
function explained(denial: Denial, source: string): Denial {
  const { reason } = denial;
  const key = keys.get(reason.code);
  if (key === undefined) return { ...denial, reason: { ...reason, filter: 'graphql', rule: source } };
  const allow = key === 'introspection' ? 'set' : 'raise';
  const fixes = [...(reason.fixes ?? []), `${allow} \`${source}.${key}\` in the manifest`];
  return { ...denial, reason: { ...reason, filter: 'graphql', rule: `${source}.${key}`, fixes } };
}
