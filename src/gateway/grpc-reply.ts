import { decisionHeader } from '../api/identity-headers.ts';
import type { Denial } from '../api/record.ts';
import {
  type FailureReply,
  grpcFailureReply,
  grpcStatusFields,
  grpcStatusOf,
  isGrpc,
  type Reply,
  type ServerRequest,
  type UpstreamFailure,
} from '../net/index.ts';
import type { Exchange } from './exchange.ts';

/** Whether the caller reads a gRPC status rather than a status of HTTP. */
export function wantsGrpc({ httpVersion, headers }: ServerRequest): boolean {
  return httpVersion === '2' && isGrpc(headers);
}

/** A refusal as a gRPC client reads it: HTTP 200, and the status in place of trailers (Trailers-Only). */
export function sendGrpcDenial(
  reply: Reply,
  { status, reason, headers }: Denial,
  exchange: Exchange,
  fields: Readonly<Record<string, string>>,
): void {
  reply.send(200, {
    ...fields,
    ...headers,
    [decisionHeader]: exchange.id,
    'content-type': 'application/grpc',
    ...grpcStatusFields(grpcStatusOf(status), reason.message),
  });
}

/** What a gRPC client reads where the service gave no answer, or broke off. */
export function describeGrpcFailure({ id }: Exchange, failure: UpstreamFailure): FailureReply {
  return grpcFailureReply(failure, { [decisionHeader]: id });
}
