import type { Denial } from '../api/record.ts';
import type { Exchange } from './exchange.ts';
import { isNetError } from './net-errors.ts';

type Judge = (body: Buffer) => Denial | undefined;

/** `tooLarge`: the denial of a larger body, where the filter has more to say of it. */
interface BodyBound {
  readonly filter: string;
  readonly maxBytes: number;
  readonly tooLarge?: Denial;
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

/** One field of several lines; undefined where there is none. */
export function joined(values: readonly string[], separator: string): string | undefined {
  return values.length < 2 ? values[0] : values.join(separator);
}
