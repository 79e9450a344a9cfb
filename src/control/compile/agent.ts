import type { AgentService, AgentSnapshot, EgressListener, OutboundEdge, ServiceProtocol } from '../../api/snapshot.ts';
import type { Manifest, Service } from '../../manifest/index.ts';
import type { PortOf } from '../topology.ts';
import { roleId, serverName, serviceId } from './names.ts';

const loopback = '127.0.0.1';

/** Where a service's workload listens. */
export function workloadEndpoint(name: string, { address }: Service, portOf: PortOf): { host: string; port: number } {
  return address === undefined
    ? { host: loopback, port: portOf(`service/${name}`) }
    : { host: address.host, port: address.port };
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
        endpoint: workloadEndpoint(name, service, portOf),
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
  const routed = routes.some(({ service }) => service === callee);
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
