import { decisionHeader } from '../api/identity-headers.ts';
import { problemBody, problemType } from '../api/problem.ts';
import type { Weaknesses } from '../api/protections.ts';
import type { Denial } from '../api/record.ts';
import type { Clock } from '../core/clock.ts';
import {
  type ForwardEnd,
  type Forwarding,
  grpcStatusOf,
  type Headers,
  passDeadline,
  type Reply,
} from '../net/index.ts';
import type { OperationMatch } from '../openapi/index.ts';
import { upstreamFault } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { noteFindings } from './filters/waf.ts';
import { examinationOf, forwardExamined } from './forward-examined.ts';
import { describeGrpcFailure, wantsGrpc } from './grpc-reply.ts';
import { inspectReply } from './inspected-reply.ts';
import { requestHeaders } from './request-headers.ts';
import { editResponseHeaders } from './response-headers.ts';
import { continueTrace } from './trace-context.ts';

/** What forwarding needs of the gateway. */
interface Means {
  readonly clock: Clock;
  readonly weaknesses: Weaknesses;
}

/** Told once, when the exchange is over. */
type End = (status: number, denial: Denial | undefined, traceId: string) => void;

/** The last step: the request goes to the service, its answer to the client, both with their fields written anew. */
export function forward(exchange: Exchange, reply: Reply, means: Means, end: End): void {
  if (exchange.inspected === undefined) return forwardTo(exchange, reply, means, end);
  const { inspected, id } = exchange;
  let withheld: Denial | undefined;
  const watched = inspectReply(reply, inspected, id, (denial) => {
    withheld = denial;
  });
  forwardTo(exchange, watched, means, (status, denial, traceId) =>
    // The upstream tells of the end before the last of the body is let go.
    queueMicrotask(() => {
      if (inspected.inspection.hasMatched()) noteFindings(exchange, inspected.inspection);
      end(withheld?.status ?? status, withheld ?? denial, traceId);
    }),
  );
}

function forwardTo(exchange: Exchange, reply: Reply, { clock, weaknesses }: Means, end: End): void {
  const { request, route, path, operation } = exchange;
  const trace = continueTrace(request.headers.getAll('traceparent'));
  const headers = requestHeaders(exchange, trace, weaknesses);
  if (operation?.kind === 'match') addDeprecation(exchange, operation);
  const forwarding: Forwarding = {
    path,
    headers,
    deadlineMs:
      exchange.deadlineAt === undefined ? undefined : passDeadline(headers, exchange.deadlineAt, clock.monotonic()),
    onFailure: (failure) => {
      if (wantsGrpc(request)) return describeGrpcFailure(exchange, failure);
      const { status, code, message } = failure;
      return {
        headers: { 'content-type': problemType, 'cache-control': 'no-store', [decisionHeader]: exchange.id },
        body: problemBody(status, code, message, exchange.id),
      };
    },
    onResponseHead: (_, fields) => {
      noteGrpcStatus(exchange, fields);
      editResponseHeaders(exchange, fields);
    },
    onEnd: ({ status, failure, trailers }: ForwardEnd) => {
      noteGrpcStatus(exchange, trailers);
      if (failure !== undefined && wantsGrpc(request)) exchange.grpcStatus = grpcStatusOf(failure.status);
      end(failure?.status ?? status, failure && upstreamFault(failure), trace.traceId);
    },
  };
  const examination = examinationOf(exchange, weaknesses);
  if (examination === undefined) return route.upstream.forward(request, reply, forwarding);
  forwardExamined(exchange, reply, forwarding, examination, (status, denial) => end(status, denial, trace.traceId));
}

/** The status of a gRPC call: in its trailers, or in the head where there is nothing else. */
function noteGrpcStatus(exchange: Exchange, fields: Headers | undefined): void {
  if (exchange.grpcMethod === undefined) return;
  const status = fields?.get('grpc-status');
  if (status !== undefined && /^[0-9]{1,3}$/.test(status)) exchange.grpcStatus = Number(status);
}

/** What the document says of an operation that goes away; where the manifest says it of the route, that stands. */
function addDeprecation(exchange: Exchange, { operation }: OperationMatch): void {
  if (!operation.deprecated || exchange.route.config.deprecated !== undefined) return;
  const fields = exchange.route.validator?.deprecationHeaders(operation);
  for (const name of Object.keys(fields ?? {}))
    (exchange.responseFields ??= []).push(name, (fields as Record<string, string>)[name] as string);
}
