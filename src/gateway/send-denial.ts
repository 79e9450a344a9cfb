import { decisionHeader } from '../api/identity-headers.ts';
import { problemOf, problemType } from '../api/problem.ts';
import type { Denial } from '../api/record.ts';
import type { Reply } from '../net/index.ts';
import type { Exchange } from './exchange.ts';
import { sendGrpcDenial, wantsGrpc } from './grpc-reply.ts';

const graphqlType = 'application/graphql-response+json';

/** Tells the caller that the request was refused: a problem document, or what gRPC and GraphQL clients read. */
export function sendDenial(reply: Reply, denial: Denial, exchange: Exchange): void {
  const { id, responseFields, limitFields, request, route } = exchange;
  if (wantsGrpc(request)) return sendGrpcDenial(reply, denial, exchange, { ...limitFields });
  const inGraphql = route.config.graphql !== undefined && request.headers.get('accept')?.includes(graphqlType) === true;
  const headers: Record<string, string> = {
    'content-type': inGraphql ? graphqlType : problemType,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...limitFields,
  };
  for (let at = 0; responseFields !== undefined && at < responseFields.length; at += 2)
    headers[responseFields[at] as string] = responseFields[at + 1] as string;
  const body = inGraphql ? graphqlError(denial, id) : problemOf(denial, id);
  reply.send(denial.status, { ...headers, ...denial.headers, [decisionHeader]: id }, body);
}

/** A response without data (GraphQL over HTTP, section 6.4.2). */
function graphqlError({ reason: { message, code } }: Denial, decision: string): string {
  return JSON.stringify({ errors: [{ message, extensions: { code, decision } }] });
}
