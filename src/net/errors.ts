import { MerlonError } from '../core/errors.ts';

/** Every code that this folder throws or reports. Part of the contract. */
export const netCodes = [
  // a request that is not HTTP/1.1 as we read it; status in brackets
  'net.bad-request-line', // 400
  'net.bad-method', // 400
  'net.bad-target', // 400
  'net.bad-path', // 400
  'net.bad-version', // 400, 505
  'net.bad-header', // 400
  'net.bad-host', // 400
  'net.bad-framing', // 400
  'net.bad-chunk', // 400
  'net.bad-expectation', // 417
  'net.bad-proxy-header', // closed
  'net.connect-refused', // 405
  'net.target-too-long', // 414
  'net.headers-too-large', // 431
  'net.trailers-too-large', // 431
  'net.body-too-large', // 413
  'net.header-timeout', // 408
  'net.body-timeout', // 408
  'net.too-many-connections', // closed, or 503
  'net.client-closed', // 499: written nowhere, it is what the record says
  'net.internal', // 500
  'net.http2-flood', // closed: more resets or empty frames than honest clients send
  'net.http2-protocol', // closed: frames that break RFC 9113
  // an upstream that does not answer as it must
  'net.upstream-unavailable', // 503
  'net.upstream-overloaded', // 503
  'net.upstream-connect', // 502
  'net.upstream-tls', // 502
  'net.upstream-peer', // 502
  'net.upstream-reset', // 502
  'net.upstream-refused', // 503: not processed, as it says itself
  'net.upstream-protocol', // 502: does not speak what was declared
  'net.upstream-malformed', // 502
  'net.upstream-timeout', // 504
  'net.deadline-exceeded', // 504: the caller's own deadline
  'net.upstream-too-large', // 502
  // wrong use or configuration
  'net.bad-cidr',
  'net.bad-address',
  'net.bad-field',
  'net.bad-tls',
  'net.listen',
  'net.body-used',
] as const;

export type NetCode = (typeof netCodes)[number];

/** An address that cannot be listened on; `port` where a stranger holds it. */
export class ListenError extends MerlonError {
  declare readonly code: 'net.listen';
  readonly port: number | undefined;

  constructor(cause: Error) {
    const { code, port } = cause as NodeJS.ErrnoException & { port?: number };
    super({ code: 'net.listen', message: 'cannot listen on the address', detail: cause.message, cause });
    this.port = code === 'EADDRINUSE' ? port : undefined;
  }
}

/** A failure of the HTTP engine. `status` is what a client is told, where one is told anything. */
export class NetError extends MerlonError {
  declare readonly code: NetCode;
  readonly status: number;

  constructor(code: NetCode, status: number, message: string, detail?: string) {
    super(detail === undefined ? { code, message } : { code, message, detail });
    this.status = status;
  }
}
