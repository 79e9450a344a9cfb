import type { Socket } from 'node:net';
import type { NetError } from './errors.ts';
import type { HeaderRecord, Headers } from './headers.ts';
import type { ServerRequest } from './message.ts';
import type { Forwarding } from './upstream-options.ts';

/** Takes the response to one request. After `complete` or `failed` it hears no more. */
export interface ResponseHandler {
  interim(status: number, headers: Headers): void;
  head(status: number, headers: Headers, length: number | undefined): void;
  /** The bytes are lent where the carrier `lends`. False: hold on until `resume`. */
  content(chunk: Buffer): boolean;
  complete(trailers: Headers | undefined): void;
  /** 101: the connection now carries another protocol; take it with `detach`. */
  upgraded(headers: Headers): void;
  failed(error: NetError): void;
  /** The carrier can take more of the request. */
  drain(): void;
  /** All that came at once was handed over, and there is more to come. */
  turnEnded(): void;
}

/** A small call with its whole body. */
export interface CallHead {
  readonly method: string;
  readonly path: string;
  readonly headers: HeaderRecord | undefined;
  readonly body: string | Buffer | undefined;
}

/** What carries one exchange to its endpoint: a connection of HTTP/1.1 for as long as it has this exchange, or a stream of HTTP/2. */
export interface Carrier {
  /** Exchanges of the connection so far, this one among them. */
  readonly uses: number;
  /** Whether any byte of the response has come. */
  readonly hasResponse: boolean;
  /** Whether the endpoint may send a request back unprocessed (GOAWAY, REFUSED_STREAM): then what was sent of it is worth keeping. */
  readonly canRefuse: boolean;
  /** Whether the bytes of the response are only lent, as those of an `Intake`. */
  readonly lends: boolean;
  /** Begins an exchange and writes the head of `request`. The body follows by `write`; `end` where there is none. */
  send(handler: ResponseHandler, request: ServerRequest, forwarding: Forwarding, asksUpgrade: boolean): void;
  /** Begins an exchange with all that is to be sent. */
  sendCall(handler: ResponseHandler, call: CallHead): void;
  /** A piece of the body, lent to a carrier that `lends`, else given away. False: hold on until `drain`. */
  write(chunk: Buffer): boolean;
  /** The request is complete. */
  end(): void;
  /** Go on with the response after `content` answered false. */
  resume(): void;
  /** Gives the exchange up. Its handler hears nothing. */
  destroy(): void;
  /** After `upgraded`: gives the socket away, with what came after the head. */
  detach(): { readonly socket: Socket; readonly held: Buffer | undefined };
}
