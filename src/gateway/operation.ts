import type { ApiValidator, MatchResult } from '../openapi/index.ts';
import type { Exchange } from './exchange.ts';

/** The OpenAPI operation of a request; found once, used by authz and openapi. */
export function operationOf(exchange: Exchange, validator: ApiValidator): MatchResult {
  exchange.operation ??= validator.match(exchange.request.method, exchange.path);
  return exchange.operation;
}
