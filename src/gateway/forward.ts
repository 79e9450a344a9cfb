import { decisionHeader } from '../api/identity-headers.ts';
import { problemBody, problemOf, problemType } from '../api/problem.ts';
import type { Weaknesses } from '../api/protections.ts';
import type { Denial } from '../api/record.ts';
import type { HeaderRecord, Headers, Reply } from '../net/index.ts';
import type { OperationMatch } from '../openapi/index.ts';
import type { Exchange } from './exchange.ts';
import { noteFindings } from './filters/waf.ts';
import { inspectReply } from './inspected-reply.ts';
import { isNetError } from './net-errors.ts';
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
  const { traceId, traceparent } = continueTrace(request.headers.get('traceparent'));
  const headers = requestHeaders(exchange, traceparent, weaknesses);
  if (route.config.validate.responses !== 'off' && operation?.kind === 'match') {
    return void forwardChecked(exchange, reply, headers, operation).then(({ status, denial }) =>
      end(status, denial, traceId),
    );
  }
  if (operation?.kind === 'match') addDeprecation(exchange, operation);
  route.upstream.forward(request, reply, {
    path,
    headers,
    onResponseHead: (_, fields) => editResponseHeaders(exchange, fields),
    onFailure: ({ status, code, message }) => ({
      headers: { 'content-type': problemType, [decisionHeader]: exchange.id },
      body: problemBody(status, code, message, exchange.id),
    }),
    onEnd: ({ status, failure }) =>
      end(
        failure?.status ?? status,
        failure && upstreamFault(failure.status, failure.code, failure.message, failure.detail),
        traceId,
      ),
  });
}

function upstreamFault(status: number, code: string, message: string, detail: string | undefined): Denial {
  return { status, reason: { filter: 'forward', code, message, ...(detail === undefined ? {} : { detail }) } };
}

function addDeprecation(exchange: Exchange, { operation }: OperationMatch): void {
  const fields = operation.deprecated ? exchange.route.validator?.deprecationHeaders(operation) : undefined;
  for (const name of Object.keys(fields ?? {}))
    (exchange.responseFields ??= []).push(name, (fields as Record<string, string>)[name] as string);
}

const largestCheckedBytes = 8 * 1024 * 1024;

/** As `forward`, with the response held back until it is known to be what the document declares. */
async function forwardChecked(
  exchange: Exchange,
  reply: Reply,
  headers: Headers,
  { operation }: OperationMatch,
): Promise<{ status: number; denial: Denial | undefined }> {
  const { request, route, path, id } = exchange;
  try {
    const body =
      exchange.body ?? (request.body.present ? await request.body.buffer(route.config.bodyBytes) : undefined);
    const target = request.query === undefined ? path : `${path}?${request.query}`;
    const response = await route.upstream.fetch({
      method: request.method,
      path: target,
      headers: recordOf(headers),
      maxBytes: largestCheckedBytes,
      ...(body === undefined ? {} : { body }),
    });
    const source = {
      status: response.status,
      header: (name: string) => response.headers.get(name),
      body: response.body,
    };
    const findings = route.validator?.checkResponse(operation, source) ?? [];
    const [first] = findings;
    if (first !== undefined && route.config.validate.responses === 'block')
      return refuse(reply, { status: 502, reason: first.reason }, id);
    for (const { reason } of findings) (exchange.reports ??= []).push({ status: response.status, reason });
    editResponseHeaders(exchange, response.headers);
    if (exchange.inspected === undefined) reply.send(response.status, response.headers, response.body);
    else {
      reply.start(response.status, response.headers, response.body.length);
      reply.end(response.body);
    }
    return { status: response.status, denial: undefined };
  } catch (error) {
    if (!isNetError(error)) throw error;
    return refuse(reply, upstreamFault(error.status, error.code, error.message, error.detail), id);
  }
}

function refuse(reply: Reply, denial: Denial, id: string): { status: number; denial: Denial } {
  reply.send(
    denial.status,
    { 'content-type': problemType, 'cache-control': 'no-store', [decisionHeader]: id },
    problemOf(denial, id),
  );
  return { status: denial.status, denial };
}

function recordOf(headers: Headers): HeaderRecord {
  const record: Record<string, string | string[]> = Object.create(null);
  for (const [name, value] of headers) {
    const before = record[name];
    record[name] = before === undefined ? value : [...(typeof before === 'string' ? [before] : before), value];
  }
  return record;
}
