import { connect } from 'node:http2';
import type { Clock } from '../../core/clock.ts';
import { messageOf, systemCode } from '../../core/errors.ts';
import type { Route } from './exchange.ts';

/** A call of gRPC that carries no message. */
export interface GrpcText {
  /** `/shop.v1.Orders/Get`. */
  readonly path: string;
  /** Host of the route, where it is of one host. */
  readonly host: string | undefined;
  readonly token: string;
}

/** What came back. */
export interface GrpcAnswer {
  /** Status of HTTP; 0 where no response came. */
  readonly status: number;
  /** From the trailers, or from the only head. */
  readonly grpcStatus?: string;
  readonly decision?: string;
  readonly error?: string;
}

const timeoutMs = 8000;

/** Calls on a connection of its own. Never rejects: what fails is part of the answer. */
export function callGrpc(clock: Clock, route: Route, authority: string, call: GrpcText): Promise<GrpcAnswer> {
  const { host, port, tls } = route;
  return new Promise((resolve) => {
    let answer: { -readonly [K in keyof GrpcAnswer]: GrpcAnswer[K] } = { status: 0 };
    const session = connect(`${tls === undefined ? 'http' : 'https'}://${host}:${port}`, {
      ...tls,
      ALPNProtocols: ['h2'],
    });
    const finish = (error?: string): void => {
      timer.cancel();
      session.destroy();
      resolve(error === undefined ? answer : { ...answer, error });
    };
    const timer = clock.after(timeoutMs, () => finish('no end in time'));
    const read = (fields: Readonly<Record<string, unknown>>): void => {
      for (const [name, key] of readFields) {
        const value = fields[name];
        if (typeof value === 'string') answer = { ...answer, [key]: value };
      }
    };
    session.on('error', (error) => finish(systemCode(error) ?? messageOf(error)));
    const stream = session.request({
      ':method': 'POST',
      ':path': call.path,
      ':authority': call.host ?? authority,
      'content-type': 'application/grpc',
      te: 'trailers',
      authorization: `Bearer ${call.token}`,
    });
    stream.on('response', (fields) => {
      answer = { ...answer, status: Number(fields[':status']) };
      read(fields);
    });
    stream.on('trailers', read);
    stream.on('error', (error) => finish(systemCode(error) ?? messageOf(error)));
    stream.on('close', () => finish());
    stream.resume();
    stream.end();
  });
}

const readFields = [
  ['grpc-status', 'grpcStatus'],
  ['merlon-decision', 'decision'],
] as const;
