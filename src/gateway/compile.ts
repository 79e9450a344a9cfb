import type { NetworkLists } from '../api/edge.ts';
import type { Weaknesses } from '../api/protections.ts';
import type { GatewayRoute, GatewayService, GatewaySnapshot } from '../api/snapshot.ts';
import { compileAuthn, type TokenCache } from '../authn/index.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import type { CompiledLimits } from '../limits/index.ts';
import { compileChain, createUpstream, type Filter, type Upstream } from '../net/index.ts';
import { type ApiValidator, compileMask, compileOpenApi } from '../openapi/index.ts';
import { createGatewayAuthorizer } from '../policy/index.ts';
import { compileWafSection } from './compile-waf.ts';
import { passedSteps } from './decision.ts';
import { noRoute } from './errors.ts';
import type { Exchange, Outcome, Route } from './exchange.ts';
import { type Engines, filterTable, type RouteParts } from './filters/index.ts';
import type { CompileNetworks } from './networks.ts';
import type { OwnSvid, VerifySvid } from './ports.ts';
import { compileRouteTable, type RouteTable } from './route-table.ts';
import type { ScannerMemory } from './scanner-watch.ts';
import { compileSplit } from './split.ts';

/** A snapshot, compiled: what a request runs through. */
export interface Compiled {
  readonly version: string;
  readonly snapshot: GatewaySnapshot;
  readonly engines: Engines;
  readonly table: RouteTable<Route>;
  /** Where a request goes that no route matches: through the address checks, to its refusal. */
  readonly unrouted: Route;
  readonly upstreams: readonly Upstream[];
}

export interface CompileOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly weaknesses: Weaknesses;
  readonly tokenCache: TokenCache;
  readonly networks: CompileNetworks;
  readonly scannerMemory: ScannerMemory;
  readonly limits: CompiledLimits;
  readonly svid: OwnSvid;
  readonly verify: VerifySvid;
  /** How a service is reached. Default: through the agent of its host, over mutual TLS. */
  readonly reach?: ReachService | undefined;
}

/** Compiles `snapshot`, with what of `former` is still the same. Throws where it cannot be compiled: then the former one stays in force. */
export function compileSnapshot(
  version: string,
  snapshot: GatewaySnapshot,
  options: CompileOptions,
  former?: Compiled,
): Compiled {
  const engines = compileEngines(snapshot, options, former?.engines);
  const services = new Map(snapshot.services.map((service) => [service.name, service]));
  const upstreams: Upstream[] = [];
  const routes = snapshot.routes.map((config) => compileRoute(config, services, engines, options, upstreams));
  if (snapshot.provider !== undefined) routes.push(providerRoute(snapshot, engines, options));
  upstreams.push(...routes.map(({ upstream }) => upstream));
  const unrouted = compileUnrouted(engines, options);
  return {
    version,
    snapshot,
    engines,
    table: compileRouteTable(routes),
    unrouted,
    upstreams,
  };
}

function compileEngines(
  snapshot: GatewaySnapshot,
  { clock, log, weaknesses, tokenCache, limits, networks, scannerMemory }: CompileOptions,
  former: Engines | undefined,
): Engines {
  const authn = compileAuthn(snapshot.authn, { clock, weaknesses, cache: tokenCache });
  for (const warning of authn.warnings) log.warn({}, warning);
  const { scanners } = snapshot;
  return {
    clock,
    snapshot,
    authn,
    authorizer: createGatewayAuthorizer(snapshot.policy, weaknesses),
    limits,
    waf: compileWafSection(snapshot.waf, former?.waf, clock),
    ipAllow: isUnset(snapshot.ipAllow) ? undefined : networks(snapshot.ipAllow),
    ipDeny: isUnset(snapshot.ipDeny) ? undefined : networks(snapshot.ipDeny),
    scanners: scanners && scannerMemory.watch(scanners, networks(scanners.friendly), snapshot.workers),
    weaknesses,
  };
}

const isUnset = ({ networks, files }: NetworkLists): boolean => networks.length === 0 && files.length === 0;

/** `opened` gets the upstreams of its variants. */
function compileRoute(
  config: GatewayRoute,
  services: ReadonlyMap<string, GatewayService>,
  engines: Engines,
  options: CompileOptions,
  opened: Upstream[],
): Route {
  const service = services.get(config.service) as GatewayService;
  const reach = (to: GatewayService): Upstream =>
    (options.reach ?? meshUpstream)(config, to, engines.snapshot, options);
  const validator = compileValidator(config, engines);
  const parts: RouteParts = { config, service, validator };
  const chain = compileChain(filtersOf(engines, parts), options.clock);
  const route: Route = {
    config,
    service,
    validator,
    hideHeaders: engines.snapshot.hideHeaders,
    mask: config.mask && compileMask(config.mask, engines.snapshot.openapi[config.service]),
    chain,
    passed: passedSteps(chain.names),
    upstream: reach(service),
    choose: undefined,
    variant: undefined,
    provider: false,
    apiKeyHeader: engines.snapshot.authn.apiKeyHeader?.name,
  };
  if (config.canary.length === 0) return route;
  const split = config.canary.map((variant) => {
    const to = services.get(variant.service) as GatewayService;
    return { variant, service: to, upstream: reach(to) };
  });
  opened.push(...split.map(({ upstream }) => upstream));
  return { ...route, choose: compileSplit(route, split, config.sticky) };
}

/** The filters that the route uses, in the table's order. */
function filtersOf(engines: Engines, parts: RouteParts, only?: readonly string[]): Filter<Exchange, Outcome>[] {
  const filters: Filter<Exchange, Outcome>[] = [];
  for (const [name, compile] of filterTable) {
    const run = only === undefined || only.includes(name) ? compile(engines, parts) : undefined;
    if (run !== undefined) filters.push({ name, run });
  }
  return filters;
}

function compileValidator(config: GatewayRoute, { snapshot, weaknesses }: Engines): ApiValidator | undefined {
  const document = snapshot.openapi[config.service];
  if (document === undefined) return undefined;
  const unknown = config.validate.unknownFields === 'allow' ? 'ignore' : 'refuse';
  return compileOpenApi(document, {
    unknownFields: unknown,
    unknownParameters: unknown,
    maxBodyBytes: config.bodyBytes,
    weaknesses,
  });
}

/** Makes the upstream of a route. */
export type ReachService = (
  route: GatewayRoute,
  service: GatewayService,
  snapshot: GatewaySnapshot,
  options: CompileOptions,
) => Upstream;

/** As much of a body as most requests have: a client that sends it slowly holds no connection to a service meanwhile. */
export const gatherBytes = 16_384;

/** A service is reached through the agent of its host alone, over mutual TLS, and must prove to be that service. */
function meshUpstream(
  { timeouts }: GatewayRoute,
  service: GatewayService,
  snapshot: GatewaySnapshot,
  options: CompileOptions,
): Upstream {
  return createUpstream({
    name: service.name,
    clock: options.clock,
    log: options.log,
    endpoints: service.endpoints,
    protocol: service.protocol ?? 'http1',
    limits: {
      connectMs: timeouts.connectMs,
      firstByteMs: timeouts.firstByteMs,
      bodyIdleMs: timeouts.idleMs,
      gatherBytes,
      totalMs: timeouts.totalMs ?? 0,
      // The peer is an agent of ours, which does not count pings.
      pingMs: 30_000,
    },
    tls: {
      ca: () => snapshot.bundle,
      credentials: options.svid,
      servername: service.serverName,
      verifyPeer: (chain) => {
        const peer = options.verify(chain);
        if ('code' in peer) return new Error(peer.code);
        return peer.spiffeId === service.spiffeId
          ? undefined
          : new Error(`expected ${service.spiffeId}, found ${peer.spiffeId}`);
      },
    },
  });
}

const ownTimeouts = { connectMs: 2000, firstByteMs: 30_000, idleMs: 60_000 };

/** A route that the manifest does not state: no credential is looked at here, and no document is held against it. */
function ownRoute(path: string, name: string): { config: GatewayRoute; service: GatewayService } {
  const config: GatewayRoute = {
    name: path,
    source: name,
    path,
    host: undefined,
    service: name,
    methods: undefined,
    auth: 'public',
    bodyBytes: 64 * 1024,
    encodedSlashes: false,
    stripPrefix: false,
    securityHeaders: true,
    cors: undefined,
    validate: { requests: 'off', unknownFields: 'refuse', undeclared: 'refuse', responses: 'off' },
    graphql: undefined,
    mask: undefined,
    deprecated: undefined,
    timeouts: ownTimeouts,
    forwardAuthorization: true,
    canary: [],
    sticky: undefined,
  };
  return { config, service: { name, spiffeId: '', endpoints: [], serverName: '', sensitive: false } };
}

function ownParts(own: ReturnType<typeof ownRoute>, chain: Route['chain'], upstream: Upstream): Route {
  const passed = passedSteps(chain.names);
  const none = { validator: undefined, mask: undefined, hideHeaders: [] };
  const only = { ...none, choose: undefined, variant: undefined, apiKeyHeader: undefined };
  return { ...own, ...only, chain, passed, upstream, provider: false };
}

/** The embedded OpenID Provider, on a socket of control's: addresses and limits are checked here, credentials there. */
function providerRoute(snapshot: GatewaySnapshot, engines: Engines, { clock, log }: CompileOptions): Route {
  const { path, socket } = snapshot.provider as NonNullable<GatewaySnapshot['provider']>;
  const own = ownRoute(path, 'openid-provider');
  const filters = filtersOf(engines, { ...own, validator: undefined }, [
    'normalise',
    'ip-access',
    'scanners',
    'limits-ip',
    'body-limit',
  ]);
  const upstream = createUpstream({
    name: own.service.name,
    clock,
    log,
    endpoints: [{ path: socket }],
    limits: { gatherBytes },
  });
  const chain = compileChain(filters, clock);
  return { ...ownParts(own, chain, upstream), provider: true };
}

function compileUnrouted(engines: Engines, { clock, log }: CompileOptions): Route {
  const own = ownRoute('/', '');
  const filters = filtersOf(engines, { ...own, validator: undefined }, ['ip-access', 'scanners', 'limits-ip']);
  filters.push({ name: 'route', run: () => noRoute });
  const upstream = createUpstream({ name: 'none', clock, log, endpoints: [] });
  const chain = compileChain(filters, clock);
  return ownParts(own, chain, upstream);
}
