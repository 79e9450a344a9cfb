import { decisionHeader } from '../api/identity-headers.ts';
import { problemOf, problemType } from '../api/problem.ts';
import type { Denial } from '../api/record.ts';
import { type HeaderRecord, Headers, type Reply } from '../net/index.ts';
import { internalFault } from './errors.ts';
import type { Inspected } from './exchange.ts';
import { fieldsOf } from './waf-message.ts';

/** A head that waits for the rules to have read what follows it. */
interface Held {
  readonly status: number;
  readonly headers: Headers;
  readonly length: number | undefined;
  readonly chunks: Buffer[];
  size: number;
}

/**
 * A reply that the rules of phases 3 and 4 read before the client does. A body of a type that they read is held back up
 * to the length that they read; the rest, and any other body, streams. What they refuse is replaced by a problem, and
 * `onDenial` is told. What is sent whole (`send`) is the gateway's own, and passes.
 */
export function inspectReply(
  reply: Reply,
  { route, inspection }: Inspected,
  decision: string,
  onDenial: (denial: Denial) => void,
): Reply {
  let held: Held | undefined;
  let isWithheld = false;

  const withhold = (denial: Denial): void => {
    isWithheld = true;
    held = undefined;
    const refusal = denial === internalFault ? denial : { ...denial, status: 502 };
    onDenial(refusal);
    const headers = { 'content-type': problemType, 'cache-control': 'no-store', [decisionHeader]: decision };
    reply.send(refusal.status, headers, problemOf(refusal, decision));
  };
  /** Lets the rules read what was held back: the body to send, or undefined where it was withheld. */
  const read = ({ chunks }: Held): Buffer | undefined => {
    const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
    const denial = judged(() => inspection.responseBody(body));
    if (denial === undefined) return body;
    withhold(denial);
    return undefined;
  };
  const release = (waiting: Held): boolean => {
    const body = read(waiting);
    if (body === undefined) return true;
    held = undefined;
    reply.start(waiting.status, waiting.headers, waiting.length);
    return body.length === 0 || reply.write(body);
  };

  return {
    // What a WebSocket carries is no body that rules could read.
    beneath: reply,
    get sent() {
      return reply.sent || isWithheld;
    },
    get closed() {
      return reply.closed;
    },
    get status() {
      return reply.status;
    },
    get bytes() {
      return reply.bytes;
    },
    get onDrain() {
      return reply.onDrain;
    },
    set onDrain(listener) {
      reply.onDrain = listener;
    },
    send: (status, headers, body) => reply.send(status, headers, body),
    interim: (status, headers) => reply.interim(status, headers),
    start(status, given, length) {
      const headers = given instanceof Headers ? given : Headers.from(given as HeaderRecord);
      const response = { status, protocol: 'HTTP/1.1', headers: fieldsOf(headers) };
      const denial = judged(() => inspection.responseHead(response));
      if (denial !== undefined) return withhold(denial);
      if (isRead(headers, route.responseBodyTypes)) held = { status, headers, length, chunks: [], size: 0 };
      else reply.start(status, headers, length);
    },
    write(chunk) {
      if (isWithheld) return true;
      if (held === undefined) return reply.write(chunk);
      const bytes = Buffer.from(chunk as Buffer);
      held.chunks.push(bytes);
      held.size += bytes.length;
      return held.size < route.maxResponseBodyBytes || release(held);
    },
    end(chunk, trailers) {
      if (isWithheld) return;
      if (held !== undefined) {
        // It is read and sent on before this returns.
        if (chunk !== undefined) held.chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
        release(held);
        if (!isWithheld) reply.end(undefined, trailers);
        return;
      }
      reply.end(chunk, trailers);
    },
    abort: () => reply.abort(),
    onSent: (listener) => reply.onSent(listener),
    onClosed: (listener) => reply.onClosed(listener),
  };
}

/** Nothing passes unjudged: rules that fail refuse. The caller is in the midst of a connection, which an error would take along. */
function judged(judge: () => Denial | undefined): Denial | undefined {
  try {
    return judge();
  } catch {
    return internalFault;
  }
}

/** Whether rules read a body with these fields. One that is compressed cannot be read; it is asked for plain. */
function isRead(headers: Headers, types: readonly string[]): boolean {
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity') return false;
  const [type = ''] = (headers.get('content-type') ?? '').split(';', 1);
  return types.includes(type.trim().toLowerCase());
}
