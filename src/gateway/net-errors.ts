import { NetError } from '../net/index.ts';

/** Whether the HTTP engine reports a fault of the client's own: too much, too slow, gone. */
export function isNetError(error: unknown): error is NetError {
  return error instanceof NetError;
}
