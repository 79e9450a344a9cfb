import type { Denial } from '../../api/record.ts';
import { type NetError, readGrpcTimeout } from '../../net/index.ts';
import { type CheckGrpc, compileGrpc } from '../../openapi/index.ts';
import type { Exchange } from '../exchange.ts';
import { isNetError } from '../net-errors.ts';
import type { CompileFilter } from './filter.ts';

/** Calls of a gRPC service: the methods that its descriptors declare and no others, and the deadline that the caller sets. */
export const grpc: CompileFilter = ({ snapshot, weaknesses }, { config, service }) => {
  if (service.protocol !== 'grpc') return undefined;
  const { requests, undeclared } = config.validate;
  const isOpen = undeclared === 'allow' || requests === 'off' || weaknesses.has('openapi.undeclared-operation');
  const methods = isOpen ? undefined : snapshot.grpc?.[service.name];
  const isCall = compileGrpc(undefined);
  const isDeclared = methods === undefined ? undefined : compileGrpc(methods);
  return (exchange) => {
    const denial = check(exchange, isCall) ?? readDeadline(exchange);
    if (denial !== undefined) return denial;
    exchange.grpcMethod = exchange.path.slice(1);
    const undeclared = isDeclared && check(exchange, isDeclared);
    if (undeclared === undefined || requests === 'block') return undeclared;
    (exchange.reports ??= []).push(undeclared);
    return undefined;
  };
};

function check({ request, path }: Exchange, isCall: CheckGrpc): Denial | undefined {
  return isCall(request.method, path, request.headers.get('content-type'));
}

/** Refuses a deadline that cannot be read. One that has passed is met where the call is forwarded. */
function readDeadline(exchange: Exchange): Denial | undefined {
  const { headers, receivedAt } = exchange.request;
  try {
    const timeoutMs = readGrpcTimeout(headers);
    if (timeoutMs !== undefined) exchange.deadlineAt = receivedAt + timeoutMs;
    return undefined;
  } catch (error) {
    if (!isNetError(error)) throw error;
    return badTimeout(error);
  }
}

function badTimeout({ status, code, message }: NetError): Denial {
  return {
    status,
    reason: { filter: 'grpc', code, message, claim: 'header grpc-timeout', expected: 'as `500m` or `10S`' },
  };
}
