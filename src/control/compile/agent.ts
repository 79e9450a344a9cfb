import type {
  AgentService,
  AgentSnapshot,
  EgressListener,
  Endpoint,
  OutboundEdge,
  ServiceProtocol,
  UpstreamSettings,
} from '../../api/snapshot.ts';
import type { Manifest, Service } from '../../manifest/index.ts';
import type { PortOf } from '../topology.ts';
import { roleId, serverName, serviceId, servicesOf } from './names.ts';

const loopback = '127.0.0.1';

/** Where a service that Merlon runs listens. */
export function workloadEndpoint(name: string, portOf: PortOf): Endpoint {
  return { host: loopback, port: portOf(`service/${name}`) };
}

function endpointsOf(name: string, { addresses }: Service, portOf: PortOf): Endpoint[] {
  if (addresses.length === 0) return [workloadEndpoint(name, portOf)];
  return addresses.map(({ host, port }) => ({ host, port }));
}

// What a caller inside the mesh is given, whatever the routes say.
const leastTimes = { connect: 3000, firstByte: 30_000, idle: 60_000 };

/** The agent gives up no earlier than the gateway would: each time is the longest that a route to the service has. */
function upstreamOf(name: string, { upstream, health }: Service, { routes, gateway }: Manifest): UpstreamSettings {
  const own = routes.filter((route) => servicesOf(route).includes(name));
  const longest = (key: keyof typeof leastTimes): number =>
    Math.max(leastTimes[key], ...own.map(({ timeouts }) => timeouts[key] ?? gateway.timeouts[key]));
  const { connections, pending, ejection, retries, healthCheck } = upstream;
  return {
    resolveMs: upstream.resolve,
    healthCheck: healthCheck && {
      path: healthCheck.path ?? health ?? '/',
      intervalMs: healthCheck.interval,
      timeoutMs: healthCheck.timeout,
      failures: healthCheck.failures,
      successes: healthCheck.successes,
    },
    limits: {
      connections,
      pending,
      connectMs: longest('connect'),
      firstByteMs: longest('firstByte'),
      bodyIdleMs: longest('idle'),
      retryRatio: retries.share,
      retryAttempts: retries.attempts,
      ejectAfter: ejection.failures,
      ejectMs: ejection.time,
      ejectMaxRatio: ejection.share,
    },
  };
}

/** What a service speaks, where that is not HTTP/1.1. */
export function protocolOf(service: Service | undefined): { readonly protocol?: ServiceProtocol } {
  return service === undefined || service.protocol === 'http1' ? {} : { protocol: service.protocol };
}

/** The agent's view of the manifest: who lives here, who may call whom, and through which ports. */
export function compileAgentSnapshot(manifest: Manifest, portOf: PortOf, bundle: string): AgentSnapshot {
  const { trustDomain } = manifest;
  const inbound = { host: loopback, port: portOf('inbound') };
  const services = Object.entries(manifest.services);
  return {
    trustDomain,
    bundle,
    inbound,
    gatewayId: roleId(trustDomain, 'gateway'),
    services: services.map(
      ([name, service]): AgentService => ({
        name,
        spiffeId: serviceId(trustDomain, name),
        serverName: serverName(trustDomain, name),
        endpoints: endpointsOf(name, service, portOf),
        upstream: upstreamOf(name, service, manifest),
        ...protocolOf(service),
        callers: callersOf(name, manifest),
      }),
    ),
    edges: services.flatMap(([caller, { calls }]) =>
      calls.map(
        (callee): OutboundEdge => ({
          caller,
          callee,
          port: portOf(`edge/${caller}/${callee}`),
          serverName: serverName(trustDomain, callee),
          calleeId: serviceId(trustDomain, callee),
          endpoint: inbound,
          ...protocolOf(manifest.services[callee]),
        }),
      ),
    ),
    egress: services
      .filter(([, { egress }]) => egress.length > 0)
      .map(
        ([service, { egress }]): EgressListener => ({
          service,
          port: portOf(`egress/${service}`),
          allow: egress.map(({ host, port }) => `${host}:${port}`),
        }),
      ),
  };
}

/** Everyone who may call `callee`: the services that declare it, and the gateway where a route leads to it. */
function callersOf(callee: string, { trustDomain, services, routes }: Manifest): string[] {
  const declared = Object.entries(services).filter(([, { calls }]) => calls.includes(callee));
  const routed = routes.some((route) => servicesOf(route).includes(callee));
  return [
    ...(routed ? [roleId(trustDomain, 'gateway')] : []),
    ...declared.map(([caller]) => serviceId(trustDomain, caller)),
  ];
}

/** Every purpose that needs a loopback port. */
export function portPurposes({ services }: Manifest): string[] {
  return [
    'control',
    'inbound',
    ...Object.entries(services).flatMap(([name, { run, calls, egress }]) => [
      ...(run === undefined ? [] : [`service/${name}`]),
      ...calls.map((callee) => `edge/${name}/${callee}`),
      ...(egress.length > 0 ? [`egress/${name}`] : []),
    ]),
  ];
}

/** Ports that the manifest itself names. */
export function fixedPorts({ services }: Manifest): Map<string, number> {
  return new Map(
    Object.entries(services).flatMap(([name, { port }]) => (port === undefined ? [] : [[`service/${name}`, port]])),
  );
}
