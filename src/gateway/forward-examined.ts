import { decisionHeader } from '../api/identity-headers.ts';
import { problemOf, problemType } from '../api/problem.ts';
import type { Weaknesses } from '../api/protections.ts';
import type { Denial, Reason } from '../api/record.ts';
import type { Forwarding, Headers, Reply } from '../net/index.ts';
import { createMaskStream, jsonKindOf, type MaskPlace, maskJson, type OperationMatch } from '../openapi/index.ts';
import { internalFault, upstreamFault } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { HeldReply, type HeldResponse, type Through } from './held-reply.ts';
import { isEncoded, tryDecode, tryReadUtf8 } from './response-body.ts';
import { editResponseHeaders } from './response-headers.ts';

/** What an answer must go through before the client sees it. */
export interface Examination {
  /** The declaration that it is held against. */
  readonly declared: OperationMatch | undefined;
  /** Whether a breach keeps it from the client. */
  readonly blocks: boolean;
  /** What is hidden from this caller. */
  readonly mask: MaskPlace | undefined;
}

/** Told once, when the exchange is over. */
type End = (status: number, denial: Denial | undefined) => void;

const largestBytes = 8 * 1024 * 1024;

/** Whether the answer to this request must be read; undefined where it may stream through. */
export function examinationOf(exchange: Exchange, weaknesses: Weaknesses): Examination | undefined {
  const { route, operation, caller } = exchange;
  const { validate, mask } = route.config;
  const declared = validate.responses !== 'off' && operation?.kind === 'match' ? operation : undefined;
  const sees = mask === undefined || mask.unless.some((role) => caller.principal.roles?.includes(role));
  const hides = !sees && !weaknesses.has('response.mask');
  if (declared === undefined && !hides) return undefined;
  const found = operation?.kind === 'match' ? operation.operation : undefined;
  return { declared, blocks: validate.responses === 'block', mask: hides ? route.mask?.(found) : undefined };
}

/** As `forward`, with the answer held back until it is known to be fit. What cannot be read does not pass where it must be. */
export function forwardExamined(
  exchange: Exchange,
  reply: Reply,
  forwarding: Forwarding,
  examination: Examination,
  end: End,
): void {
  askForPlain(forwarding.headers as Headers);
  const isStrict = examination.mask !== undefined || examination.blocks;
  let isOver = false;
  const conclude = (status: number, denial?: Denial): void => {
    if (isOver) return;
    isOver = true;
    end(status, denial);
  };
  const withhold = (denial: Denial): void => {
    conclude(denial.status, denial);
    if (!reply.sent && !reply.closed) sendDenial(reply, denial, exchange.id);
  };
  const tooLong = (headers: Headers): 'pass' | 'stop' | Through => {
    const why = 'it is larger than what is looked into';
    if (!isStrict) {
      editResponseHeaders(exchange, headers);
      return passUnread(exchange, why);
    }
    const through = examination.blocks ? undefined : maskedThrough(exchange, headers, examination.mask);
    if (through !== undefined) {
      if (examination.declared !== undefined) passUnread(exchange, why);
      editResponseHeaders(exchange, headers);
      return through;
    }
    withhold(unreadable('gateway.response-too-large', 'it is larger than what can be looked into'));
    return 'stop';
  };
  const held = new HeldReply(reply, {
    maxBytes: largestBytes,
    hasBody: exchange.request.method !== 'HEAD',
    decide: (status, headers) => {
      const obstacle = obstacleOf(status, headers);
      if (obstacle === undefined) return 'hold';
      if (isStrict) withhold(unreadable('gateway.unreadable-response', obstacle));
      else {
        passUnread(exchange, obstacle);
        editResponseHeaders(exchange, headers);
      }
      return isStrict ? 'stop' : 'pass';
    },
    tooLarge: tooLong,
    spoilt: () => conclude(held.status, unreadable('gateway.unreadable-response', 'it is not JSON to its end')),
    whole: (response) => {
      const denial = tryExamine(exchange, response, examination, reply);
      if (denial === undefined) conclude(response.status);
      else withhold(denial);
    },
    broken: () => withhold(cutOff),
  });
  exchange.route.upstream.forward(exchange.request, held, {
    ...forwarding,
    upgrade: false,
    // Its fields are edited when it is let go.
    onResponseHead: leave,
    onEnd: ({ status, failure }) => {
      // The service has said all before the last of it is masked.
      if (failure === undefined) return held.isPassing ? queueMicrotask(() => conclude(status)) : undefined;
      conclude(failure.status, upstreamFault(failure));
    },
  });
}

const leave = (): void => undefined;

const cutOff: Denial = upstreamFault({
  status: 502,
  code: 'net.upstream-reset',
  message: 'the service broke off its answer',
});

/** What is asked for whole and uncompressed can be read. */
function askForPlain(headers: Headers): void {
  for (const name of ['range', 'if-range']) headers.delete(name);
  headers.set('accept-encoding', 'identity');
}

/** Why an answer cannot be read, whatever its content. */
function obstacleOf(status: number, headers: Headers): string | undefined {
  if (status === 206) return 'it is a part of something';
  const type = headers.get('content-type') ?? '';
  return /^\s*text\/event-stream\b/i.test(type) ? 'it is a stream of events' : undefined;
}

function passUnread(exchange: Exchange, why: string): 'pass' {
  (exchange.reports ??= []).push(unreadable('gateway.unreadable-response', why));
  return 'pass';
}

function unreadable(code: string, why: string, status = 502): Denial {
  return {
    status,
    reason: {
      filter: 'forward',
      code,
      message: 'the answer of the service was withheld',
      detail: `the answer must be looked into, and ${why}`,
      claim: 'response body',
      fixes: [
        'let the service answer with JSON, whole and below 8 MiB',
        'take `mask` or `validate.responses` off the route',
      ],
    },
  };
}

/** As `examine`; where we fail ourselves, nothing passes unread. */
function tryExamine(...parts: Parameters<typeof examine>): Denial | undefined {
  try {
    return examine(...parts);
  } catch {
    return internalFault;
  }
}

/** What is wrong with the service's answer is the operator's to know: its fields may be what must not be told. */
function undeclared(reason: Reason): Denial {
  const message = 'the answer of the service is not as declared';
  return { status: 502, reason: { ...reason, message, detail: reason.message } };
}

/** Checks, masks and sends. A denial where it may not be sent; then nothing was. */
function examine(exchange: Exchange, held: HeldResponse, examination: Examination, reply: Reply): Denial | undefined {
  const { declared, blocks, mask } = examination;
  const { status, headers } = held;
  const body = tryDecode(held.body, headers.getAll('content-encoding'), largestBytes);
  if (body === undefined) {
    const denial = unreadable('gateway.unreadable-response', 'it is compressed in a way that cannot be undone');
    if (blocks || mask !== undefined) return denial;
    (exchange.reports ??= []).push(denial);
    return send(exchange, held, held.body, reply);
  }
  if (body !== held.body) headers.delete('content-encoding');
  const source = { status, header: (name: string) => headers.get(name), body };
  const findings =
    declared === undefined ? [] : (exchange.route.validator?.checkResponse(declared.operation, source) ?? []);
  const [first] = findings;
  if (first !== undefined && blocks) return undeclared(first.reason);
  for (const { reason } of findings) (exchange.reports ??= []).push({ status, reason });
  if (mask === undefined || body.length === 0) return send(exchange, held, body, reply);
  const masked = hide(headers, body, mask, exchange.route.config.mask?.keepLast ?? 0);
  // A service that says no in another language than JSON still says no.
  if (masked === undefined)
    return unreadable('gateway.unreadable-response', 'it is not JSON', status >= 400 ? status : 502);
  return send(exchange, held, masked, reply);
}

/** Masks what is too large to be held as it goes through; undefined where it is not JSON, or compressed although that was not asked for. */
function maskedThrough(exchange: Exchange, headers: Headers, mask: MaskPlace | undefined): Through | undefined {
  const kind = jsonKindOf(headers.getAll('content-type'));
  if (mask === undefined || kind === undefined || isEncoded(headers.getAll('content-encoding'))) return undefined;
  const stream = createMaskStream(mask, exchange.route.config.mask?.keepLast ?? 0, kind === 'lines');
  const utf8 = new TextDecoder('utf-8', { fatal: true });
  dropVouchers(headers);
  return {
    write: (piece) => Buffer.from(stream.write(utf8.decode(piece, { stream: true }))),
    end: () => Buffer.from(stream.write(utf8.decode()) + stream.end()),
  };
}

/** They vouch for what the service said, which is not what the caller reads. */
function dropVouchers(headers: Headers): void {
  for (const name of ['etag', 'content-md5', 'digest', 'content-digest', 'repr-digest']) headers.delete(name);
}

/** `body` with its masked fields replaced; undefined where it cannot be read. */
function hide(headers: Headers, body: Buffer, mask: MaskPlace, keepLast: number): Buffer | undefined {
  const kind = jsonKindOf(headers.getAll('content-type'));
  const text = kind === undefined ? undefined : tryReadUtf8(body);
  const masked = text === undefined ? undefined : maskJson(text, mask, keepLast, kind === 'lines');
  if (masked === undefined) return undefined;
  if (masked.count === 0) return body;
  dropVouchers(headers);
  return Buffer.from(masked.text);
}

function send(exchange: Exchange, { status, headers }: HeldResponse, body: Buffer, reply: Reply): undefined {
  editResponseHeaders(exchange, headers);
  // Without content there is no length to tell: it would be that of an answer that was not read.
  const isHead = exchange.request.method === 'HEAD';
  reply.start(status, headers, isHead ? undefined : body.length);
  reply.end(body.length > 0 ? body : undefined);
}

function sendDenial(reply: Reply, denial: Denial, id: string): void {
  reply.send(
    denial.status,
    { 'content-type': problemType, 'cache-control': 'no-store', [decisionHeader]: id },
    problemOf(denial, id),
  );
}
