import { problemBody, problemType } from '../api/problem.ts';
import type { Weaknesses } from '../api/protections.ts';
import type { Denial } from '../api/record.ts';
import type { GatewaySnapshot } from '../api/snapshot.ts';
import { anonymous, createTokenCache } from '../authn/index.ts';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { uuidV7 } from '../core/ids.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import type { CompiledLimits } from '../limits/index.ts';
import { grpcStatusOf, type Refusal, type RefusalReply, type Reply, type ServerRequest } from '../net/index.ts';
import type { EndpointReport } from '../openapi/index.ts';
import { type Compiled, type CompileOptions, compileSnapshot, type ReachService } from './compile.ts';
import { decisionOf } from './decision.ts';
import { noteEndpoint } from './endpoint-visits.ts';
import { internalFault } from './errors.ts';
import { type Exchange, isDenial, type Outcome, type Route } from './exchange.ts';
import { forward } from './forward.ts';
import { wantsGrpc } from './grpc-reply.ts';
import { createNetworkCompiler } from './networks.ts';
import type { OwnSvid, RecordDecision, VerifySvid } from './ports.ts';
import { createRefusalRecords } from './refusal-records.ts';
import { createScannerMemory, type ScannerMemory } from './scanner-watch.ts';
import { sendDenial } from './send-denial.ts';

export interface GatewayOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly weaknesses: Weaknesses;
  readonly record: RecordDecision;
  /** Where the use of undeclared and deprecated endpoints is counted. */
  readonly endpoints: EndpointReport;
  readonly svid: OwnSvid;
  readonly verify: VerifySvid;
  /** The limiter keeps its counts from one snapshot to the next. */
  readonly limits: (snapshot: GatewaySnapshot) => CompiledLimits;
  /** How a service is reached. Default: through the agent of its host, over mutual TLS. */
  readonly reach?: ReachService;
}

/** The edge: what a listener hands its requests to. */
export interface Gateway extends Stoppable {
  /** Puts a snapshot in force for the requests to come. Throws, and changes nothing, where it cannot be compiled. */
  apply(version: string, snapshot: GatewaySnapshot): void;
  /** What is held against addresses here, to be shared with other workers. */
  readonly scanners: Pick<ScannerMemory, 'takeNews' | 'hear'>;
  handle(request: ServerRequest, reply: Reply): void | Promise<void>;
  /** Records what the engine refused, and writes the problem that its sender reads. */
  refused(refusal: Refusal): RefusalReply;
}

export function createGateway(options: GatewayOptions): Gateway {
  const { clock, log, record } = options;
  const tokenCache = createTokenCache(10_000);
  const refusalRecord = createRefusalRecords(clock, record);
  const networks = createNetworkCompiler();
  const scannerMemory = createScannerMemory();
  let current: Compiled | undefined;

  const compileOptions = (snapshot: GatewaySnapshot): CompileOptions => ({
    ...options,
    tokenCache,
    networks,
    scannerMemory,
    limits: options.limits(snapshot),
  });

  const end = (
    exchange: Exchange,
    compiled: Compiled,
    status: number,
    denial: Denial | undefined,
    traceId?: string,
  ): void => {
    exchange.release?.();
    observe(exchange, compiled, status);
    const nowMs = clock.now();
    noteEndpoint(options.endpoints, exchange, denial === undefined && status > 0 && status < 400, nowMs);
    record(decisionOf(exchange, { status, denial, traceId, snapshot: compiled.version, nowMs }));
  };

  const observe = ({ request }: Exchange, { engines }: Compiled, status: number): void => {
    if (engines.scanners === undefined) return;
    const isOdd = !request.headers.has('user-agent') || !request.headers.has('accept');
    engines.scanners.observe(request.client.address, status, isOdd, clock.monotonic());
  };

  const conclude = (exchange: Exchange, reply: Reply, compiled: Compiled, outcome: Outcome | undefined): void => {
    if (outcome === undefined) {
      const { choose } = exchange.route;
      if (choose !== undefined) exchange.route = choose(exchange);
      return forward(exchange, reply, options, (status, denial, traceId) =>
        end(exchange, compiled, status, denial, traceId),
      );
    }
    if (isDenial(outcome)) {
      if (wantsGrpc(exchange.request)) exchange.grpcStatus = grpcStatusOf(outcome.status);
      // The record is on disk before its id is in anybody's hands.
      end(exchange, compiled, outcome.status, outcome);
      return sendDenial(reply, outcome, exchange);
    }
    end(exchange, compiled, outcome.status, undefined);
    reply.send(outcome.status, { ...outcome.headers, 'merlon-decision': exchange.id });
  };

  const fault = (exchange: Exchange, reply: Reply, compiled: Compiled, error: unknown): void => {
    log.error({ decision: exchange.id, error: messageOf(error) }, 'a filter failed');
    conclude(exchange, reply, compiled, internalFault);
  };

  return {
    scanners: scannerMemory,
    apply: (version, snapshot) => {
      const former = current;
      current = compileSnapshot(version, snapshot, compileOptions(snapshot), former);
      for (const upstream of former?.upstreams ?? []) void upstream.drain(30_000);
    },
    handle: (request, reply) => {
      const compiled = current;
      const nowMs = clock.now();
      const id = uuidV7(nowMs);
      if (compiled === undefined)
        return reply.send(
          503,
          { 'content-type': problemType, 'retry-after': '1' },
          problemBody(503, 'gateway.starting', 'the gateway is starting', id),
        );
      const route = compiled.table.match(request.host, request.path, request.method) ?? compiled.unrouted;
      const exchange = createExchange(request, route, id, nowMs);
      let outcome: Outcome | undefined | Promise<Outcome | undefined>;
      try {
        outcome = route.chain.run(exchange);
      } catch (error) {
        return fault(exchange, reply, compiled, error);
      }
      if (!(outcome instanceof Promise)) return conclude(exchange, reply, compiled, outcome);
      return outcome.then(
        (settled) => conclude(exchange, reply, compiled, settled),
        (error: unknown) => fault(exchange, reply, compiled, error),
      );
    },
    refused: (refusal) => {
      current?.engines.scanners?.observe(refusal.remoteAddress, refusal.status, false, clock.monotonic());
      const id = refusalRecord(refusal);
      return {
        headers: { 'content-type': problemType, 'merlon-decision': id },
        body: problemBody(refusal.status, refusal.code, refusal.message, id),
      };
    },
    stop: async () => {
      for (const upstream of current?.upstreams ?? []) await upstream.stop();
    },
  };
}

function createExchange(request: ServerRequest, route: Route, id: string, startedMs: number): Exchange {
  const { path: prefix, stripPrefix } = route.config;
  const path = stripPrefix && prefix !== '/' ? request.path.slice(prefix.length) || '/' : request.path;
  return {
    request,
    route,
    id,
    startedMs,
    path,
    caller: anonymous,
    operation: undefined,
    grpcMethod: undefined,
    deadlineAt: undefined,
    grpcStatus: undefined,
    body: undefined,
    responseFields: undefined,
    limitFields: undefined,
    reports: undefined,
    findings: undefined,
    inspected: undefined,
    release: undefined,
  };
}
