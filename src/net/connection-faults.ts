// What ends a request on a connection, past the grammar.
import { messageOf } from '../core/errors.ts';
import { NetError } from './errors.ts';

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
