import { callerHeader, isIdentityHeader } from '../api/identity-headers.ts';
import { problemBody, problemOf, problemType } from '../api/problem.ts';
import type { Weaknesses } from '../api/protections.ts';
import type { Denial, Step } from '../api/record.ts';
import type { AgentService, AgentSnapshot } from '../api/snapshot.ts';
import type { Clock } from '../core/clock.ts';
import type { Stoppable } from '../core/lifecycle.ts';
import type { Logger } from '../core/log.ts';
import {
  createHttpServer,
  createUpstream,
  type ForwardEnd,
  type Headers,
  type HttpServer,
  type Reply,
  type ServerRequest,
  type ServerTls,
  type Upstream,
} from '../net/index.ts';
import { meshDecision, nextId } from './decision.ts';
import { grpcForwarding, meshCallLimits, meshHttp2Limits, sendGrpcDenial, wantsGrpc } from './grpc.ts';
import type { Credential, CurrentSvid, RecordDecision, VerifySvid } from './ports.ts';

export interface InboundOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly svid: CurrentSvid;
  readonly verify: VerifySvid;
  readonly record: RecordDecision;
  readonly weaknesses: Weaknesses;
  /** SPIFFE ID of the agent itself: what a caller sees that asks for no service that lives here. */
  readonly agentId: () => string;
}

/** The half of the mesh that takes calls: mutual TLS in, the caller held against `calls`, plain HTTP to the workload. */
export interface Inbound extends Stoppable {
  /** Puts another snapshot in force; running connections are kept. */
  apply(snapshot: AgentSnapshot): Promise<void>;
  /** An SVID or the bundle has changed: new handshakes use it. */
  refreshCredentials(): void;
  drain(timeoutMs: number): Promise<void>;
}

interface Workload {
  readonly service: AgentService;
  readonly callers: ReadonlySet<string>;
  readonly upstream: Upstream;
}

/** A gateway that has many users at once opens many connections at once. */
const acceptors = 4;

const steps = {
  pass: [
    { filter: 'mesh-authn', outcome: 'pass' },
    { filter: 'mesh-authz', outcome: 'pass' },
    { filter: 'forward', outcome: 'pass' },
  ],
  unknown: [
    { filter: 'mesh-authn', outcome: 'deny' },
    { filter: 'mesh-authz', outcome: 'skip' },
    { filter: 'forward', outcome: 'skip' },
  ],
  undeclared: [
    { filter: 'mesh-authn', outcome: 'pass' },
    { filter: 'mesh-authz', outcome: 'deny' },
    { filter: 'forward', outcome: 'skip' },
  ],
} as const satisfies Record<string, readonly Step[]>;

export function createInbound(options: InboundOptions): Inbound {
  const { clock, log, weaknesses } = options;
  let snapshot: AgentSnapshot | undefined;
  let server: HttpServer | undefined;
  let workloads: ReadonlyMap<string, Workload> = new Map();

  const onRequest = (request: ServerRequest, reply: Reply): void => {
    const startedMs = clock.now();
    const id = nextId(clock);
    const workload = request.servername === undefined ? undefined : workloads.get(request.servername);
    const caller = callerOf(request, options.verify);
    const finish = (status: number, denial: Denial | undefined, taken: readonly Step[]): void =>
      options.record(
        meshDecision(
          request,
          { plane: 'mesh', id, startedMs, service: workload?.service.name, caller, steps: taken },
          status,
          clock,
          denial,
        ),
      );
    const deny = (denial: Denial, taken: readonly Step[]): void => {
      finish(denial.status, denial, taken);
      if (wantsGrpc(request)) sendGrpcDenial(reply, denial);
      else
        reply.send(denial.status, { 'content-type': problemType, 'cache-control': 'no-store' }, problemOf(denial, id));
    };
    if (workload === undefined) return deny(noSuchWorkload(request.servername), steps.unknown);
    if (caller === undefined && !weaknesses.has('mesh.client-certificate'))
      return deny(notAuthenticated, steps.unknown);
    if (!mayCall(workload, caller, weaknesses)) return deny(undeclared(workload, caller), steps.undeclared);
    const headers = inboundHeaders(request.headers, caller, caller === snapshot?.gatewayId);
    const onEnd = ({ status, failure }: ForwardEnd): void => finish(failure?.status ?? status, undefined, steps.pass);
    if (wantsGrpc(request))
      return workload.upstream.forward(request, reply, {
        ...grpcForwarding(request, headers, clock.monotonic()),
        onEnd,
      });
    workload.upstream.forward(request, reply, {
      headers,
      onFailure: ({ status, code, message }) => ({
        headers: { 'content-type': problemType },
        body: problemBody(status, code, message, id),
      }),
      onEnd,
    });
  };

  const tls = (): ServerTls | undefined => {
    const own = options.svid(options.agentId());
    if (own === undefined || snapshot === undefined) return undefined;
    const byName = new Map<string, Credential>();
    for (const service of snapshot.services) {
      const svid = options.svid(service.spiffeId);
      if (svid !== undefined) byName.set(service.serverName, svid);
    }
    return {
      ...own,
      sni: (name) => byName.get(name),
      http2: true,
      clientCertificate: weaknesses.has('mesh.client-certificate') ? 'optional' : 'required',
      ca: snapshot.bundle,
      verifyPeer: (chain) => peerFault(options.verify(chain)),
      ...(trustsLess(weaknesses) ? { judge: 'verifyPeer' } : {}),
    };
  };

  const open = async (at: AgentSnapshot): Promise<void> => {
    const current = tls();
    if (current === undefined) return;
    server = createHttpServer({ clock, log, tls: current, limits: meshHttp2Limits, onRequest });
    await server.listen({ ...at.inbound, acceptors });
  };

  return {
    apply: async (next) => {
      const former = workloads;
      workloads = compileWorkloads(next, former, clock, log);
      const moved =
        snapshot !== undefined &&
        (snapshot.inbound.port !== next.inbound.port || snapshot.inbound.host !== next.inbound.host);
      snapshot = next;
      if (moved) await server?.drain(2000);
      if (server === undefined || moved) await open(next);
      else server.setTls(tls() as ServerTls);
      for (const [name, { upstream }] of former)
        if (workloads.get(name)?.upstream !== upstream) void upstream.drain(10_000);
    },
    refreshCredentials: () => {
      const current = tls();
      if (current !== undefined) server?.setTls(current);
    },
    drain: async (timeoutMs) => server?.drain(timeoutMs),
    stop: async () => {
      await server?.stop();
      for (const { upstream } of workloads.values()) await upstream.stop();
    },
  };
}

function compileWorkloads(
  snapshot: AgentSnapshot,
  former: ReadonlyMap<string, Workload>,
  clock: Clock,
  log: Logger,
): Map<string, Workload> {
  const compiled = new Map<string, Workload>();
  for (const service of snapshot.services) {
    const before = former.get(service.serverName);
    const upstream =
      before !== undefined && isSameUpstream(before.service, service)
        ? before.upstream
        : openUpstream(service, clock, log);
    if (before?.upstream === upstream) upstream.setEndpoints(service.endpoints);
    compiled.set(service.serverName, { service, callers: new Set(service.callers), upstream });
  }
  return compiled;
}

const isSameUpstream = (one: AgentService, other: AgentService): boolean =>
  one.protocol === other.protocol && JSON.stringify(one.upstream) === JSON.stringify(other.upstream);

function openUpstream(
  { name, endpoints, upstream, protocol = 'http1' }: AgentService,
  clock: Clock,
  log: Logger,
): Upstream {
  const { limits, healthCheck, resolveMs } = upstream;
  return createUpstream({
    name,
    clock,
    log,
    endpoints,
    protocol,
    limits: protocol === 'grpc' ? { ...limits, ...meshCallLimits } : limits,
    ...(healthCheck === undefined ? {} : { healthCheck }),
    resolve: { intervalMs: resolveMs },
  });
}

function callerOf(request: ServerRequest, verify: VerifySvid): string | undefined {
  const chain = request.peerCertificate?.chain;
  if (chain === undefined) return undefined;
  const verified = verify(chain);
  return 'spiffeId' in verified ? verified.spiffeId : undefined;
}

function peerFault(verified: ReturnType<VerifySvid>): Error | undefined {
  return 'code' in verified ? new Error(verified.code) : undefined;
}

/** A test that switches a check of ours off must not find OpenSSL making the same check. */
function trustsLess(weaknesses: Weaknesses): boolean {
  return weaknesses.has('mesh.trust-domain') || weaknesses.has('mesh.expiry');
}

function mayCall(workload: Workload, caller: string | undefined, weaknesses: Weaknesses): boolean {
  return weaknesses.has('mesh.calls') || (caller !== undefined && workload.callers.has(caller));
}

/** Only the gateway speaks for users: what any other caller says of identities is dropped. The request's own fields are edited. */
function inboundHeaders(headers: Headers, caller: string | undefined, fromGateway: boolean): Headers {
  headers.prune(fromGateway ? isCallerHeader : isIdentityHeader);
  // Its characters were checked when the certificate was.
  if (caller !== undefined) headers.add(callerHeader, caller);
  return headers;
}

const isCallerHeader = (name: string): boolean => name === callerHeader;

const notAuthenticated: Denial = {
  status: 401,
  reason: {
    filter: 'mesh-authn',
    code: 'mesh.no-svid',
    message: 'the caller did not prove a workload identity',
    fixes: ['call through the address in the `<SERVICE>_URL` variable, which leads through the agent'],
  },
};

function noSuchWorkload(serverName: string | undefined): Denial {
  return {
    status: 421,
    reason: {
      filter: 'mesh-authn',
      code: 'mesh.unknown-service',
      message: 'no such service here',
      claim: 'TLS server name',
      ...(serverName === undefined ? {} : { actual: serverName }),
    },
  };
}

function undeclared({ service }: Workload, caller: string | undefined): Denial {
  const name = caller?.split('/').at(-1) ?? 'the caller';
  return {
    status: 403,
    reason: {
      filter: 'mesh-authz',
      code: 'mesh.undeclared-call',
      message: 'this workload may not call this service',
      rule: `services.${name}.calls`,
      claim: 'SPIFFE ID',
      expected: `one of ${service.callers.join(', ') || 'nobody'}`,
      actual: caller ?? 'none',
      fixes: [`add \`${service.name}\` to \`services.${name}.calls\` in the manifest, if ${name} is meant to call it`],
    },
  };
}
