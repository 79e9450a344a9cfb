import type { Denial } from '../../api/record.ts';
import type { ApiValidator, OperationMatch } from '../../openapi/index.ts';
import { joined, judgeBody } from '../body.ts';
import type { Exchange } from '../exchange.ts';
import { operationOf } from '../operation.ts';
import type { CompileFilter } from './filter.ts';

type Check = (exchange: Exchange) => Denial | undefined | Promise<Denial | undefined>;

/** Parameters and body as the service's OpenAPI document declares them; what it does not declare is refused. */
export const openapi: CompileFilter = (_, { config, validator }) => {
  const { requests, undeclared } = config.validate;
  if (validator === undefined || requests === 'off' || config.graphql !== undefined) return undefined;
  const check: Check = (exchange) => {
    const match = operationOf(exchange, validator);
    if (match.kind === 'match') return checkRequest(exchange, match, validator, config.bodyBytes);
    return undeclared === 'refuse' ? validator.checkDeclared(match) : undefined;
  };
  return requests === 'block' ? check : reporting(check);
};

function checkRequest(
  exchange: Exchange,
  match: OperationMatch,
  validator: ApiValidator,
  maxBytes: number,
): ReturnType<Check> {
  const { request } = exchange;
  // Two fields are one that no document declares.
  const contentType = joined(request.headers.getAll('content-type'), ', ');
  const denial =
    validator.checkParameters(match.operation, {
      rawParams: match.rawParams,
      query: request.query ?? '',
      header: (name) => joined(request.headers.getAll(name), ', '),
      cookie: joined(request.headers.getAll('cookie'), '; '),
    }) ?? validator.checkContentType(match.operation, contentType, request.body.present);
  if (denial !== undefined || !request.body.present || !validator.needsBody(match.operation, contentType))
    return denial;
  const useful = Math.min(maxBytes, validator.maxBodyBytes(match.operation) ?? maxBytes);
  return judgeBody(exchange, { filter: 'openapi', maxBytes: useful }, (body) =>
    validator.checkBody(match.operation, contentType, body),
  );
}

/** What would be refused is kept for the record, and passes. */
function reporting(check: Check): Check {
  const note = (exchange: Exchange, denial: Denial | undefined): undefined => {
    if (denial !== undefined) (exchange.reports ??= []).push(denial);
    return undefined;
  };
  return (exchange) => {
    const result = check(exchange);
    return result instanceof Promise ? result.then((denial) => note(exchange, denial)) : note(exchange, result);
  };
}
