import type { Denial } from '../api/record.ts';
import type { Exchange } from './exchange.ts';
import { isNetError } from './net-errors.ts';

/** Reads the whole body for `filter`; a denial where it cannot be read, or is larger than `maxBytes`. */
export async function bufferBody(exchange: Exchange, maxBytes: number, filter: string): Promise<Denial | undefined> {
  try {
    exchange.body ??= await exchange.request.body.buffer(maxBytes);
    if (exchange.body.length <= maxBytes) return undefined;
    // A filter before this one may have taken more.
    return tooLarge(filter);
  } catch (error) {
    if (!isNetError(error)) throw error;
    return { status: error.status, reason: { filter, code: error.code, message: error.message, claim: 'body' } };
  }
}

function tooLarge(filter: string): Denial {
  const message = 'the body is larger than this resource takes';
  return { status: 413, reason: { filter, code: 'gateway.body-too-large', message, claim: 'body' } };
}

/** One field of several lines; undefined where there is none. */
export function joined(values: readonly string[], separator: string): string | undefined {
  return values.length < 2 ? values[0] : values.join(separator);
}
