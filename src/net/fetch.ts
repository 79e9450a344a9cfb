import type { Clock, Timer } from '../core/clock.ts';
import type { Carrier, ResponseHandler } from './carrier.ts';
import type { Waiter } from './endpoint-set.ts';
import { NetError } from './errors.ts';
import type { Headers } from './headers.ts';
import type { FetchRequest, FetchResponse } from './upstream-options.ts';

const defaultMaxBytes = 1_048_576;
const defaultTimeoutMs = 10_000;

/** Where a call gets its connection. */
export interface CallSource {
  lease(waiter: Waiter): void;
  abandon(waiter: Waiter): void;
}

/** Makes one call and gathers its response. Rejects with NetError `net.upstream-*`. */
export function fetchFrom(source: CallSource, clock: Clock, request: FetchRequest): Promise<FetchResponse> {
  return new Promise((resolve, reject) => {
    new Call(source, clock, request, resolve, reject).start();
  });
}

class Call implements Waiter, ResponseHandler {
  readonly #source: CallSource;
  readonly #request: FetchRequest;
  readonly #resolve: (response: FetchResponse) => void;
  readonly #reject: (error: NetError) => void;
  readonly #timer: Timer;
  readonly #pieces: Buffer[] = [];
  #bytes = 0;
  #status = 0;
  #headers: Headers | undefined;
  #carrier: Carrier | undefined;
  #mayRetry = true;

  constructor(
    source: CallSource,
    clock: Clock,
    request: FetchRequest,
    resolve: (response: FetchResponse) => void,
    reject: (error: NetError) => void,
  ) {
    this.#source = source;
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#timer = clock.after(request.timeoutMs ?? defaultTimeoutMs, () => {
      this.#giveUp(new NetError('net.upstream-timeout', 504, 'the service does not answer in time'));
    });
  }

  start(): void {
    this.#source.lease(this);
  }

  ready(carrier: Carrier): void {
    this.#carrier = carrier;
    const { method = 'GET', path, headers, body } = this.#request;
    carrier.sendCall(this, { method, path, headers, body });
  }

  unreachable(error: NetError): void {
    this.#fail(error);
  }

  refused(error: NetError): void {
    this.#fail(error);
  }

  interim(): void {
    // Of no use to a buffered call.
  }

  upgraded(): void {
    this.#giveUp(new NetError('net.upstream-malformed', 502, 'the answer of the service is not valid'));
  }

  drain(): void {
    // The body was handed over whole.
  }

  turnEnded(): void {
    // Nothing is passed on before it is complete.
  }

  head(status: number, headers: Headers): void {
    this.#status = status;
    this.#headers = headers;
  }

  content(chunk: Buffer): boolean {
    this.#bytes += chunk.length;
    if (this.#bytes > (this.#request.maxBytes ?? defaultMaxBytes)) {
      this.#giveUp(new NetError('net.upstream-too-large', 502, 'the answer of the service is too large'));
    } else this.#pieces.push(Buffer.from(chunk));
    return true;
  }

  complete(): void {
    this.#timer.cancel();
    this.#resolve({ status: this.#status, headers: this.#headers as Headers, body: Buffer.concat(this.#pieces) });
  }

  /** A connection that was kept idle may have been closed at the other end just now, or the endpoint sent the call back: once more, on another. */
  failed(error: NetError): void {
    const carrier = this.#carrier;
    this.#carrier = undefined;
    const wasStale = error.code === 'net.upstream-reset' && carrier?.hasResponse === false && carrier.uses > 1;
    const mayRepeat = error.code === 'net.upstream-refused' || (wasStale && (this.#request.method ?? 'GET') === 'GET');
    if (!mayRepeat || !this.#mayRetry) this.#fail(error);
    else {
      this.#mayRetry = false;
      this.#source.lease(this);
    }
  }

  #giveUp(error: NetError): void {
    if (this.#carrier === undefined) this.#source.abandon(this);
    else this.#carrier.destroy();
    this.#carrier = undefined;
    this.#fail(error);
  }

  #fail(error: NetError): void {
    this.#timer.cancel();
    this.#reject(error);
  }
}
