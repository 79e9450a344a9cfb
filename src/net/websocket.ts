// A WebSocket opened by HTTP/2 (RFC 8441) is, for all that is behind the connection, one opened by HTTP/1.1 (RFC 6455).
import { createHash, randomBytes } from 'node:crypto';
import { NetError } from './errors.ts';
import type { Headers } from './headers.ts';
import type { ServerRequest } from './message.ts';

/** Whether `request` asks for a WebSocket (RFC 6455, section 4.1). No other upgrade passes: h2c would carry requests past every filter. */
export function asksWebSocket({ headers, method, body, httpVersion }: ServerRequest): boolean {
  if (headers.get('upgrade')?.toLowerCase() !== 'websocket' || method !== 'GET') return false;
  // By HTTP/2 these fields cannot come from a client: `toUpgrade` has written them.
  if (body.present || httpVersion === '1.0') return false;
  return headers.getAll('connection').some((value) => /(^|[\s,])upgrade($|[\s,])/i.test(value));
}

/** Turns the fields of an extended CONNECT into those of an upgrade. Throws `net.connect-refused` for anything but a WebSocket. */
export function toUpgrade(protocol: string, headers: Headers, endsAtOnce: boolean): void {
  if (protocol !== 'websocket')
    throw new NetError('net.connect-refused', 501, 'no protocol but `websocket` is carried here');
  if (endsAtOnce || headers.has('content-length'))
    throw new NetError('net.bad-framing', 400, 'a WebSocket cannot be opened by a message with an end');
  // The client has neither key nor answer to it (RFC 8441, section 5): we are the client of the next hop.
  headers.set('sec-websocket-key', randomBytes(16).toString('base64'));
  headers.add('connection', 'upgrade');
  headers.add('upgrade', 'websocket');
}

const guid = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** Whether a service has understood the key of an upgrade that is ours (RFC 6455, section 4.2.2). */
export function isAccepted(request: Headers, answer: Headers): boolean {
  const accept = createHash('sha1')
    .update(`${request.get('sec-websocket-key')}${guid}`)
    .digest('base64');
  return answer.get('sec-websocket-accept') === accept;
}
