import type { Denial } from '../api/record.ts';
import { hasUnreadableCharset } from '../core/charset.ts';
import type { Exchange } from './exchange.ts';
import { isNetError } from './net-errors.ts';

type Judge = (body: Buffer) => Denial | undefined;

/** `tooLarge`: the denial of a larger body, where the filter has more to say of it. */
interface BodyBound {
  readonly filter: string;
  readonly maxBytes: number;
  readonly tooLarge?: Denial;
  /** The filter only watches: a body that cannot be read as the service may passes. */
  readonly onlyWatches?: boolean;
}

/**
 * Has the whole body judged, without a promise where all of it is here. A denial, too, where it cannot be read, or is larger than is
 * allowed.
 */
export function judgeBody(
  exchange: Exchange,
  bound: BodyBound,
  judge: Judge,
): Denial | undefined | Promise<Denial | undefined> {
  const unreadable = bound.onlyWatches === true ? undefined : checkReadable(exchange, bound.filter);
  if (unreadable !== undefined) return unreadable;
  exchange.body ??= exchange.request.body.whole(bound.maxBytes);
  const { body } = exchange;
  if (body === undefined) return bufferBody(exchange, bound, judge);
  // A filter before this one may have taken more.
  return body.length > bound.maxBytes ? (bound.tooLarge ?? tooLarge(bound.filter)) : judge(body);
}

async function bufferBody(exchange: Exchange, bound: BodyBound, judge: Judge): Promise<Denial | undefined> {
  const { filter, maxBytes } = bound;
  try {
    exchange.body = await exchange.request.body.buffer(maxBytes);
  } catch (error) {
    if (!isNetError(error)) throw error;
    if (error.status === 413 && bound.tooLarge !== undefined) return bound.tooLarge;
    return { status: error.status, reason: { filter, code: error.code, message: error.message, claim: 'body' } };
  }
  return judge(exchange.body);
}

function tooLarge(filter: string): Denial {
  const message = 'the body is larger than this resource takes';
  return { status: 413, reason: { filter, code: 'gateway.body-too-large', message, claim: 'body' } };
}

/**
 * The denial of a body that filters cannot read as its service may: compressed, or in a charset in which other bytes spell the
 * same text. Whoever judged its bytes as they are would judge something else than what the service reads. `filter`: who would.
 */
function checkReadable({ request: { headers } }: Exchange, filter: string): Denial | undefined {
  for (const coding of headers.getAll('content-encoding')) {
    if (coding.trim().toLowerCase() !== 'identity') return compressed(filter);
  }
  for (const type of headers.getAll('content-type')) {
    if (hasUnreadableCharset(type)) return foreignCharset(filter);
  }
  return undefined;
}

const compressed = (filter: string): Denial => ({
  status: 415,
  reason: {
    filter,
    code: 'gateway.unreadable-request',
    message: 'the body is compressed, and has to be read here',
    claim: 'Content-Encoding',
    fixes: ['send the body as it is, without `Content-Encoding`'],
  },
  // RFC 9110, section 12.5.3: what would have been taken.
  headers: { 'accept-encoding': 'identity' },
});

const foreignCharset = (filter: string): Denial => ({
  status: 415,
  reason: {
    filter,
    code: 'gateway.unreadable-request',
    message: 'the body is in a charset that is not read here',
    claim: 'Content-Type',
    expected: 'UTF-8',
    fixes: ['send the body in UTF-8'],
  },
});

/** One field of several lines; undefined where there is none. */
export function joined(values: readonly string[], separator: string): string | undefined {
  return values.length < 2 ? values[0] : values.join(separator);
}
