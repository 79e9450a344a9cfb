// What a connection of HTTP/1.1 finds wrong with its client, past the grammar.
import { messageOf } from '../core/errors.ts';
import { NetError } from './errors.ts';

/** Whether the client waits for `100 Continue` (RFC 9110, section 10.1.1). Throws `net.bad-expectation` on any other expectation. */
export function expectsContinue(expect: string | undefined, version: '1.0' | '1.1'): boolean {
  if (expect === undefined || version === '1.0') return false;
  if (expect.toLowerCase() === '100-continue') return true;
  throw new NetError('net.bad-expectation', 417, 'the only expectation that is met here is `100-continue`');
}

export function internal(error: unknown): NetError {
  return new NetError('net.internal', 500, 'the request could not be handled', messageOf(error));
}

export function slowBody(): NetError {
  return new NetError('net.body-timeout', 408, 'the body comes too slowly');
}

export function clientClosed(): NetError {
  return new NetError('net.client-closed', 499, 'the client went away before its request was complete');
}

export function headerTimeout(): NetError {
  return new NetError('net.header-timeout', 408, 'the head of the request comes too slowly');
}
