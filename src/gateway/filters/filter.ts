import type { Weaknesses } from '../../api/protections.ts';
import type { GatewayRoute, GatewayService, GatewaySnapshot } from '../../api/snapshot.ts';
import type { Authn } from '../../authn/index.ts';
import type { Clock } from '../../core/clock.ts';
import type { CompiledLimits } from '../../limits/index.ts';
import type { ApiValidator } from '../../openapi/index.ts';
import type { GatewayAuthorizer } from '../../policy/index.ts';
import type { CompiledWaf } from '../compile-waf.ts';
import type { Exchange, Outcome } from '../exchange.ts';
import type { NetworkSet } from '../networks.ts';
import type { ScannerWatch } from '../scanner-watch.ts';

/** What the filters of all routes share, compiled from one snapshot. */
export interface Engines {
  readonly clock: Clock;
  readonly snapshot: GatewaySnapshot;
  readonly authn: Authn;
  readonly authorizer: GatewayAuthorizer;
  readonly limits: CompiledLimits;
  readonly waf: CompiledWaf | undefined;
  readonly ipAllow: NetworkSet | undefined;
  readonly ipDeny: NetworkSet | undefined;
  readonly scanners: ScannerWatch | undefined;
  readonly weaknesses: Weaknesses;
}

/** The route that a filter is compiled for. */
export interface RouteParts {
  readonly config: GatewayRoute;
  readonly service: GatewayService;
  readonly validator: ApiValidator | undefined;
}

/** What runs on each request of a route. Undefined lets it pass. */
export type RunFilter = (exchange: Exchange) => Outcome | undefined | Promise<Outcome | undefined>;

/** Compiles a filter for a route; undefined where the route does not use it, and then does not pay for it. */
export type CompileFilter = (engines: Engines, route: RouteParts) => RunFilter | undefined;
