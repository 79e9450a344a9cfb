import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { ApiKeyLimit, AuthnSnapshot } from '../../api/authn.ts';
import { sensitiveData } from '../../api/data-classes.ts';
import type { GrpcMethod, OpenApiDocument } from '../../api/openapi.ts';
import type { GatewayPolicies } from '../../api/policy.ts';
import type { GatewayRoute, GatewayService, GatewaySnapshot, NamedCertificate } from '../../api/snapshot.ts';
import { parseCertificate, parseCertificatesPem } from '../../crypto/index.ts';
import type { Manifest, Route } from '../../manifest/index.ts';
import type { PortOf } from '../topology.ts';
import { protocolOf } from './agent.ts';
import { compileDeprecation, compileGraphqlLimits, compileNetworks, compileScanners, type IpLists } from './edge.ts';
import { compileLimits } from './limits.ts';
import { roleId, routeName, serverName, serviceId, servicesOf } from './names.ts';
import { compileWafSection } from './waf.ts';
import type { WafRuleFiles } from './waf-rules.ts';

/** What the gateway's snapshot is made of beside the manifest. */
export interface GatewayFacts {
  readonly portOf: PortOf;
  readonly bundle: string;
  readonly certificate: { readonly certificate: string; readonly key: string } | undefined;
  /** Those for further names. */
  readonly certificates: readonly NamedCertificate[];
  /** Bundle (PEM) of `gateway.clientCertificates`. */
  readonly clientCa: string | undefined;
  readonly authn: AuthnSnapshot;
  /** API keys that have a limit of their own. */
  readonly apiKeyLimits?: readonly ApiKeyLimit[];
  readonly policy: GatewayPolicies;
  readonly documents: ReadonlyMap<string, OpenApiDocument>;
  /** Methods of the gRPC services that declare them. */
  readonly grpc?: ReadonlyMap<string, readonly GrpcMethod[]>;
  /** Networks of every file that the manifest names, by the name it has there. */
  readonly ipLists: IpLists;
  /** Rules of the WAF, where a route has one. */
  readonly waf: WafRuleFiles | undefined;
  /** Unix socket of the embedded OpenID Provider, where it is used. */
  readonly providerSocket: string | undefined;
}

/** The gateway's view of the manifest. */
export function compileGatewaySnapshot(manifest: Manifest, facts: GatewayFacts): GatewaySnapshot {
  const { gateway, trustDomain } = manifest;
  const { limits } = gateway;
  return {
    trustDomain,
    publicUrl: gateway.publicUrl,
    listen: { host: gateway.listen.host, port: gateway.listen.port },
    workers: gateway.workers,
    certificate: facts.certificate,
    certificates: facts.certificates,
    minTlsVersion: gateway.tls.minimum === '1.3' ? 'TLSv1.3' : 'TLSv1.2',
    clientCertificates:
      gateway.clientCertificates === undefined || facts.clientCa === undefined
        ? undefined
        : { mode: gateway.clientCertificates.mode, ca: facts.clientCa },
    redirect: gateway.redirect && {
      host: gateway.redirect.host,
      port: gateway.redirect.port,
      hosts: ownHosts(manifest),
    },
    proxyProtocol: gateway.proxyProtocol,
    bundle: facts.bundle,
    spiffeId: roleId(trustDomain, 'gateway'),
    http: {
      headerBytes: limits.headerBytes,
      headerCount: limits.headerCount,
      headerTimeMs: limits.headerTimeout,
      bodyBytes: limits.bodyBytes,
      connectionsPerIp: limits.connectionsPerIp,
      requestsPerConnection: limits.requestsPerConnection,
    },
    ipAllow: compileNetworks(gateway.ipAllow, facts.ipLists),
    ipDeny: compileNetworks(gateway.ipDeny, facts.ipLists),
    scanners: compileScanners(gateway.scanners, facts.ipLists),
    hideHeaders: gateway.hideHeaders.map((name) => name.toLowerCase()),
    trustedProxies: gateway.trustedProxies.map(({ text }) => text),
    authn: { ...facts.authn, apiKeyHeader: { name: gateway.apiKeys.header, bearer: gateway.apiKeys.bearer } },
    policy: facts.policy,
    limits: compileLimits(manifest, facts.apiKeyLimits),
    openapi: Object.fromEntries(facts.documents),
    ...(facts.grpc === undefined || facts.grpc.size === 0 ? {} : { grpc: Object.fromEntries(facts.grpc) }),
    waf: compileWafSection(manifest, facts.waf),
    services: routedServices(manifest, facts.portOf),
    routes: manifest.routes.map((route, index) => compileRoute(route, index, manifest)),
    provider: facts.providerSocket === undefined ? undefined : { path: '/oidc', socket: facts.providerSocket },
  };
}

/** Names under which the gateway is known outside. */
function ownHosts({ gateway, routes }: Manifest): string[] {
  const { acme, publicUrl } = gateway;
  const names = [new URL(publicUrl).hostname, ...(acme?.domains ?? []), ...routes.map(({ host }) => host)];
  return [...new Set(names.filter((name) => name !== undefined && !name.startsWith('*')))] as string[];
}

function routedServices({ services, routes, trustDomain }: Manifest, portOf: PortOf): GatewayService[] {
  const routed = new Set(routes.flatMap(servicesOf));
  return Object.entries(services)
    .filter(([name]) => routed.has(name))
    .map(([name, service]) => ({
      name,
      spiffeId: serviceId(trustDomain, name),
      endpoints: [{ host: '127.0.0.1', port: portOf('inbound') }],
      serverName: serverName(trustDomain, name),
      sensitive: service.data.some((each) => sensitiveData.has(each)),
      ...protocolOf(service),
    }));
}

function compileRoute(route: Route, index: number, { gateway, routes }: Manifest): GatewayRoute {
  const { cors, timeouts } = route;
  return {
    name: routeName(route, routes),
    source: `routes[${index}]`,
    path: route.path,
    host: route.host,
    service: route.service,
    methods: route.methods,
    auth: route.auth,
    bodyBytes: route.bodyBytes ?? gateway.limits.bodyBytes,
    encodedSlashes: route.encodedSlashes,
    stripPrefix: route.stripPrefix,
    securityHeaders: route.headers,
    cors: cors && {
      origins: cors.origins,
      methods: cors.methods ?? route.methods ?? ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'],
      headers: cors.headers,
      credentials: cors.credentials,
      maxAgeSeconds: Math.trunc(cors.maxAge / 1000),
    },
    validate: route.validate,
    graphql: compileGraphqlLimits(route.graphql),
    mask: route.mask,
    deprecated: compileDeprecation(route.deprecated),
    timeouts: {
      connectMs: timeouts.connect ?? gateway.timeouts.connect,
      firstByteMs: timeouts.firstByte ?? gateway.timeouts.firstByte,
      idleMs: timeouts.idle ?? gateway.timeouts.idle,
      totalMs: timeouts.total ?? gateway.timeouts.total ?? 0,
    },
    forwardAuthorization: route.forwardAuthorization,
    canary: route.canary.map(({ service, weight, headers }) => ({ service, weight, headers: Object.entries(headers) })),
    sticky: route.sticky,
  };
}

interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

/** A certificate that the manifest names, with the names that it is for. Throws `x509.malformed`. */
export function readNamedCertificate(folder: string, files: CertificateFiles): NamedCertificate {
  const read = readCertificate(folder, files);
  const [leaf] = parseCertificatesPem(read.certificate);
  const names = leaf && parseCertificate(leaf).extensions.subjectAltName?.names.dnsNames;
  return { ...read, hosts: (names ?? []).map((name) => name.toLowerCase()) };
}

/** The certificate that the manifest names, read from its files. */
export function readCertificate(folder: string, { cert, key }: CertificateFiles): { certificate: string; key: string } {
  return { certificate: readFileSync(resolve(folder, cert), 'utf8'), key: readFileSync(resolve(folder, key), 'utf8') };
}
