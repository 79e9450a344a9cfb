import type { SchemaPin } from '../../api/openapi.ts';
import type { Denial } from '../../api/record.ts';
import type { GatewayRouteWaf } from '../../api/waf.ts';
import type { ApiValidator, OperationMatch } from '../../openapi/index.ts';
import { findingsOf, type Inspection, type RouteWaf } from '../../waf/index.ts';
import { judgeBody } from '../body.ts';
import type { CompiledWaf } from '../compile-waf.ts';
import type { Exchange } from '../exchange.ts';
import { operationOf } from '../operation.ts';
import { wafRequestOf } from '../waf-message.ts';
import type { CompileFilter } from './filter.ts';

type Outcome = Denial | undefined | Promise<Denial | undefined>;

/** SecLang rules on the request: the head, then the whole body. What the API's schema has confined is not scanned. */
export const waf: CompileFilter = ({ waf: compiled, weaknesses }, { config, validator }) => {
  const settings = compiled?.section.routes[config.name];
  if (compiled === undefined || settings === undefined || weaknesses.has('waf')) return undefined;
  const { sampling } = compiled.section;
  const isValidated = validator !== undefined && config.validate.requests === 'block' && config.graphql === undefined;
  const choose = isValidated ? byOperation(compiled, settings, validator) : always(compiled.engine.route(settings));
  return (exchange) => {
    if (sampling < 100 && lotOf(exchange.id) >= sampling) return undefined;
    const route = choose(exchange);
    const inspection = route.open(wafRequestOf(exchange));
    const denial = inspection.requestHead();
    if (denial !== undefined) return conclude(exchange, route, inspection, denial);
    if (!route.readsRequestBody || isUnread(exchange, settings))
      return conclude(exchange, route, inspection, inspection.requestBody());
    return inspectBody(exchange, route, inspection, settings);
  };
};

const always =
  (route: RouteWaf): ((exchange: Exchange) => RouteWaf) =>
  () =>
    route;

/** What is pinned depends on the operation; each is compiled when it is first called. */
function byOperation({ engine }: CompiledWaf, settings: GatewayRouteWaf, validator: ApiValidator) {
  const known = new Map<string, RouteWaf>();
  const plain = engine.route(settings);
  const add = ({ operation }: OperationMatch): RouteWaf => {
    const pins: readonly SchemaPin[] = validator.schemaPins(operation);
    const route = pins.length === 0 ? plain : engine.route(settings, pins);
    known.set(operation.id, route);
    return route;
  };
  return (exchange: Exchange): RouteWaf => {
    const match = operationOf(exchange, validator);
    return match.kind === 'match' ? (known.get(match.operation.id) ?? add(match)) : plain;
  };
}

/** A number from 0 to 100 that is the same whenever it is asked for: from the random end of the decision's id. */
const lotOf = (id: string): number => Number.parseInt(id.slice(-4), 16) / 655.36;

/** A body that is not there, that the manifest lets stream, or that is a stream of messages by its nature. */
function isUnread({ request, route }: Exchange, { streamsBodies, mode, bodyBytes }: GatewayRouteWaf): boolean {
  const { body } = request;
  if (!body.present || streamsBodies) return true;
  if (mode === 'detect' && (body.length ?? 0) > bodyBytes) return true;
  return route.service.protocol === 'grpc';
}

function inspectBody(exchange: Exchange, route: RouteWaf, inspection: Inspection, settings: GatewayRouteWaf): Outcome {
  const onlyWatches = settings.mode !== 'block';
  const maxBytes = onlyWatches ? exchange.route.config.bodyBytes : settings.bodyBytes;
  return judgeBody(exchange, { filter: 'waf', maxBytes, tooLarge, onlyWatches }, (body) =>
    conclude(exchange, route, inspection, inspection.requestBody(body)),
  );
}

const tooLarge: Denial = {
  status: 413,
  reason: {
    filter: 'waf',
    code: 'net.body-too-large',
    message: 'the body is larger than is allowed here',
    claim: 'body',
    fixes: ['raise the `waf.bodyBytes` of this route, or let its bodies pass unread with `waf.bodies: stream`'],
  },
};

/** Keeps what was found for the record, and the inspection for the response where rules read that too. */
function conclude(
  exchange: Exchange,
  route: RouteWaf,
  inspection: Inspection,
  denial: Denial | undefined,
): Denial | undefined {
  if (denial === undefined && route.readsResponseBody) {
    exchange.inspected = { route, inspection };
    return undefined;
  }
  if (inspection.hasMatched()) noteFindings(exchange, inspection);
  return denial;
}

/** Ends the inspection: its findings go to the record, and so does what would have been refused. */
export function noteFindings(exchange: Exchange, inspection: Inspection): void {
  const report = inspection.finish();
  exchange.findings = findingsOf(report);
  if (report.denial === undefined && report.wouldDeny !== undefined) (exchange.reports ??= []).push(report.wouldDeny);
}
