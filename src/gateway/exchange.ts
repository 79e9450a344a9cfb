import type { Authenticated } from '../api/authn.ts';
import type { Denial, Step, Variant, WafFindings } from '../api/record.ts';
import type { GatewayRoute, GatewayService } from '../api/snapshot.ts';
import type { LimitFields } from '../limits/index.ts';
import type { FilterChain, ServerRequest, Upstream } from '../net/index.ts';
import type { ApiValidator, MaskRoot, MatchResult } from '../openapi/index.ts';
import type { Inspection, RouteWaf } from '../waf/index.ts';

/** An end that is no denial: a CORS preflight, a redirect. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

/** What a filter gives to end a request. */
export type Outcome = Denial | Answer;

/** Whether the outcome refuses the request. */
export function isDenial(outcome: Outcome): outcome is Denial {
  return 'reason' in outcome;
}

/** A route, compiled: its own filters in order, its validator, its upstream. */
export interface Route {
  readonly config: GatewayRoute;
  readonly service: GatewayService;
  readonly validator: ApiValidator | undefined;
  /** What of its answers is hidden from callers without the roles to see it. */
  readonly mask: MaskRoot | undefined;
  /** Fields of its answers that callers never see. */
  readonly hideHeaders: readonly string[];
  readonly chain: FilterChain<Exchange, Outcome>;
  /** The steps of a request that all filters let pass, as its record tells them. */
  readonly passed: readonly Step[];
  readonly upstream: Upstream;
  /** Divides its requests among several services; undefined where there is one. */
  readonly choose: ((exchange: Exchange) => Route) | undefined;
  /** How this one was chosen, where it is one of several. */
  readonly variant: Variant | undefined;
  /** The embedded OpenID Provider: it checks its callers' credentials itself. */
  readonly provider: boolean;
  /** Name of the field that may hold an API key, which no service is to see. */
  readonly apiKeyHeader: string | undefined;
}

/** A request that the WAF has let pass, and whose response it will read. */
export interface Inspected {
  readonly route: RouteWaf;
  readonly inspection: Inspection;
}

/** One request on its way through the filters, and what they have found out so far. */
export interface Exchange {
  readonly request: ServerRequest;
  /** Where it goes: once the filters let it pass, by the variant that answers. */
  route: Route;
  /** Decision id. */
  readonly id: string;
  readonly startedMs: number;
  /** Path for the service: the prefix is gone where the route strips it. */
  readonly path: string;
  /** Who calls; `anonymous` before authn. */
  caller: Authenticated;
  /** Whether a presented credential was verified, or none was asked for. */
  operation: MatchResult | undefined;
  /** Of a gRPC call: `shop.v1.Orders/Get`, the deadline that its caller set (monotonic ms), and the status that it got. */
  grpcMethod: string | undefined;
  deadlineAt: number | undefined;
  grpcStatus: number | undefined;
  /** The body, where a filter needed it whole. */
  body: Buffer | undefined;
  /** Field names and values for the response, in turn. Undefined while there is none. */
  responseFields: string[] | undefined;
  /** Where the caller stands with the limits that were asked. */
  limitFields: LimitFields | undefined;
  /** Breaches that are reported and not blocked. */
  reports: Denial[] | undefined;
  /** What the WAF found. */
  findings: WafFindings | undefined;
  /** Set where the WAF reads the response, too. */
  inspected: Inspected | undefined;
  /** Gives back what a concurrency limit holds. */
  release: (() => void) | undefined;
}

/** Sets a field of the response, whoever writes it in the end. */
export function setResponseField(exchange: Exchange, name: string, value: string): void {
  exchange.responseFields ??= [];
  exchange.responseFields.push(name, value);
}
