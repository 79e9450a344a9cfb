import { decisionHeader } from '../api/identity-headers.ts';
import { problemBody, problemType } from '../api/problem.ts';
import type { Weaknesses } from '../api/protections.ts';
import type { Denial } from '../api/record.ts';
import type { Forwarding, Reply } from '../net/index.ts';
import type { OperationMatch } from '../openapi/index.ts';
import { upstreamFault } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { noteFindings } from './filters/waf.ts';
import { examinationOf, forwardExamined } from './forward-examined.ts';
import { inspectReply } from './inspected-reply.ts';
import { requestHeaders } from './request-headers.ts';
import { editResponseHeaders } from './response-headers.ts';
import { continueTrace } from './trace-context.ts';

/** Told once, when the exchange is over. */
type End = (status: number, denial: Denial | undefined, traceId: string) => void;

/** The last step: the request goes to the service, its answer to the client, both with their fields written anew. */
export function forward(exchange: Exchange, reply: Reply, weaknesses: Weaknesses, end: End): void {
  if (exchange.inspected === undefined || exchange.request.headers.has('upgrade'))
    return forwardTo(exchange, reply, weaknesses, end);
  const { inspected, id } = exchange;
  let withheld: Denial | undefined;
  const watched = inspectReply(reply, inspected, id, (denial) => {
    withheld = denial;
  });
  forwardTo(exchange, watched, weaknesses, (status, denial, traceId) =>
    // The upstream tells of the end before the last of the body is let go.
    queueMicrotask(() => {
      if (inspected.inspection.matched) noteFindings(exchange, inspected.inspection);
      end(withheld?.status ?? status, withheld ?? denial, traceId);
    }),
  );
}

function forwardTo(exchange: Exchange, reply: Reply, weaknesses: Weaknesses, end: End): void {
  const { request, route, path, operation } = exchange;
  const trace = continueTrace(request.headers.getAll('traceparent'));
  const headers = requestHeaders(exchange, trace, weaknesses);
  if (operation?.kind === 'match') addDeprecation(exchange, operation);
  const forwarding: Forwarding = {
    path,
    headers,
    onFailure: ({ status, code, message }) => ({
      headers: { 'content-type': problemType, 'cache-control': 'no-store', [decisionHeader]: exchange.id },
      body: problemBody(status, code, message, exchange.id),
    }),
  };
  const examination = examinationOf(exchange, weaknesses);
  if (examination !== undefined)
    return forwardExamined(exchange, reply, forwarding, examination, (status, denial) =>
      end(status, denial, trace.traceId),
    );
  route.upstream.forward(request, reply, {
    ...forwarding,
    onResponseHead: (_, fields) => editResponseHeaders(exchange, fields),
    onEnd: ({ status, failure }) => end(failure?.status ?? status, failure && upstreamFault(failure), trace.traceId),
  });
}

/** What the document says of an operation that goes away; where the manifest says it of the route, that stands. */
function addDeprecation(exchange: Exchange, { operation }: OperationMatch): void {
  if (!operation.deprecated || exchange.route.config.deprecated !== undefined) return;
  const fields = exchange.route.validator?.deprecationHeaders(operation);
  for (const name of Object.keys(fields ?? {}))
    (exchange.responseFields ??= []).push(name, (fields as Record<string, string>)[name] as string);
}
