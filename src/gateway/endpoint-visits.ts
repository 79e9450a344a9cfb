import type { EndpointReport, EndpointVisit } from '../openapi/index.ts';
import type { Exchange } from './exchange.ts';

/** Counts a request whose endpoint nobody declared, or that is on its way out. `answered`: the service took it. */
export function noteEndpoint(report: EndpointReport, exchange: Exchange, answered: boolean, nowMs: number): void {
  const { operation, route, path } = exchange;
  const { deprecated } = route.config;
  if (operation === undefined) {
    if (deprecated !== undefined) report.zombie(visitOf(exchange, route.config.path, answered), nowMs);
  } else if (operation.kind !== 'match') {
    if (route.config.graphql === undefined) report.shadow(visitOf(exchange, path, answered), nowMs);
  } else if (operation.operation.deprecated || deprecated !== undefined)
    report.zombie(visitOf(exchange, operation.operation.template, answered), nowMs);
}

function visitOf({ request, route, caller, operation }: Exchange, path: string, answered: boolean): EndpointVisit {
  const { kind, id, client, roles = [] } = caller.principal;
  const sunset = operation?.kind === 'match' ? operation.operation.sunset : undefined;
  const { deprecated } = route.config;
  const day = deprecated?.sunsetMs === undefined ? undefined : new Date(deprecated.sunsetMs).toISOString().slice(0, 10);
  return {
    service: route.service.name,
    method: request.method,
    path,
    answered,
    // Who a person is has no place in a report of endpoints.
    client: client ?? (kind === 'anonymous' || kind === 'user' ? kind : id),
    roles,
    sunset: day ?? sunset,
  };
}
