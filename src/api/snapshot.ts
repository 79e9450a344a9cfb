// What control tells each role: immutable, versioned, plain data. A role compiles its snapshot into closures once.
import type { AuthnSnapshot } from './authn.ts';
import type { Deprecation, NetworkLists, ResponseMask, ScannerRules } from './edge.ts';
import type { LimitsSection } from './limits.ts';
import type { GraphqlLimits, GrpcMethod, OpenApiDocument } from './openapi.ts';
import type { GatewayPolicies } from './policy.ts';
import type { WafSection } from './waf.ts';

/** Where something is reached over TCP. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** What a service speaks. `http2`: by prior knowledge, without TLS, for it is reached on its own host. `grpc`: the same, and its calls are gRPC. */
export type ServiceProtocol = 'http1' | 'http2' | 'grpc';

/** The gateway's snapshot. It holds the TLS key of the public port, and nothing else that is secret. */
export interface GatewaySnapshot {
  readonly trustDomain: string;
  /** Origin by which callers reach the gateway. */
  readonly publicUrl: string;
  readonly listen: Endpoint;
  /** How many workers share the port. */
  readonly workers: number;
  /** PEM; undefined where the gateway speaks plain HTTP behind something that terminates TLS. */
  readonly certificate: { readonly certificate: string; readonly key: string } | undefined;
  /** Certificates for further names, which the client asks for: exact, or `*.` before the rest. */
  readonly certificates: readonly NamedCertificate[];
  readonly minTlsVersion: 'TLSv1.2' | 'TLSv1.3';
  /** Certificates of callers, and the bundle (PEM) that they are verified against. */
  readonly clientCertificates: { readonly mode: 'optional' | 'required'; readonly ca: string } | undefined;
  /** The plain port that sends everybody to https, keeping the host where it is one of `hosts`. */
  readonly redirect: (Endpoint & { readonly hosts: readonly string[] }) | undefined;
  readonly proxyProtocol: 'none' | 'required';
  /** SPIFFE trust bundle, PEM. */
  readonly bundle: string;
  /** The gateway's own SPIFFE ID. */
  readonly spiffeId: string;
  readonly http: HttpBounds;
  readonly ipAllow: NetworkLists;
  readonly ipDeny: NetworkLists;
  readonly scanners: ScannerRules | undefined;
  /** Response fields of services that callers never see; lower case. */
  readonly hideHeaders: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly authn: AuthnSnapshot;
  readonly policy: GatewayPolicies;
  readonly limits: LimitsSection;
  /** By service. */
  readonly openapi: Readonly<Record<string, OpenApiDocument>>;
  /** The methods that a gRPC service declares, by service. A service that is not here may be called by any method. */
  readonly grpc?: Readonly<Record<string, readonly GrpcMethod[]>>;
  /** Undefined: no route has a WAF. */
  readonly waf?: WafSection | undefined;
  readonly services: readonly GatewayService[];
  readonly routes: readonly GatewayRoute[];
  /** Path prefix and Unix socket of the embedded OpenID Provider. */
  readonly provider: { readonly path: string; readonly socket: string } | undefined;
}

export interface NamedCertificate {
  readonly hosts: readonly string[];
  /** PEM. */
  readonly certificate: string;
  readonly key: string;
}

/** Bounds of the listener, as far as the manifest sets them. */
export interface HttpBounds {
  readonly headerBytes: number;
  readonly headerCount: number;
  readonly headerTimeMs: number;
  readonly bodyBytes: number;
  readonly connectionsPerIp: number;
  readonly requestsPerConnection: number;
}

export interface GatewayService {
  readonly name: string;
  readonly spiffeId: string;
  /** The agent's inbound listener on the service's host. */
  readonly endpoints: readonly Endpoint[];
  /** Name asked for in TLS: `orders.shop.example`. */
  readonly serverName: string;
  /** Responses of these routes are not to be stored by any cache. */
  readonly sensitive: boolean;
  /** Absent: `http1`. */
  readonly protocol?: ServiceProtocol;
}

export interface Timeouts {
  readonly connectMs: number;
  readonly firstByteMs: number;
  readonly idleMs: number;
  /** The whole exchange; 0: no bound. */
  readonly totalMs?: number;
}

/** A service that answers a part of a route's requests. */
export interface CanaryVariant {
  readonly service: string;
  /** Percent. */
  readonly weight: number;
  /** Names in lower case, and values: all must be there. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

export interface Cors {
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  readonly headers: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeSeconds: number;
}

export interface GatewayRoute {
  /** What policies and limits call it: its host, where it has one, and its path. Unique. */
  readonly name: string;
  /** Where it stands in the manifest: `routes[3]`. */
  readonly source: string;
  readonly path: string;
  readonly host: string | undefined;
  readonly service: string;
  readonly methods: readonly string[] | undefined;
  /** Which credential a caller must show; `token` and `apiKey`: of that kind. */
  readonly auth: 'required' | 'token' | 'apiKey' | 'optional' | 'public';
  readonly bodyBytes: number;
  readonly encodedSlashes: boolean;
  readonly stripPrefix: boolean;
  readonly securityHeaders: boolean;
  readonly cors: Cors | undefined;
  readonly validate: {
    readonly requests: 'off' | 'report' | 'block';
    readonly unknownFields: 'refuse' | 'allow';
    readonly undeclared: 'refuse' | 'allow';
    readonly responses: 'off' | 'report' | 'block';
  };
  /** Set where it is a GraphQL endpoint. */
  readonly graphql: GraphqlLimits | undefined;
  readonly mask: ResponseMask | undefined;
  readonly deprecated: Deprecation | undefined;
  readonly timeouts: Timeouts;
  readonly forwardAuthorization: boolean;
  readonly canary: readonly CanaryVariant[];
  readonly sticky: 'principal' | 'address' | undefined;
}

/** The agent's snapshot: the workloads of its host and the edges between them. */
export interface AgentSnapshot {
  readonly trustDomain: string;
  readonly bundle: string;
  readonly inbound: Endpoint;
  readonly gatewayId: string;
  readonly services: readonly AgentService[];
  readonly edges: readonly OutboundEdge[];
  readonly egress: readonly EgressListener[];
}

export interface AgentService {
  readonly name: string;
  readonly spiffeId: string;
  readonly serverName: string;
  /** Where the workload itself listens; a host name stands for all of its addresses. */
  readonly endpoints: readonly Endpoint[];
  readonly upstream: UpstreamSettings;
  /** Absent: `http1`. */
  readonly protocol?: ServiceProtocol;
  /** SPIFFE IDs that may call it, the gateway's among them where a route leads to it. */
  readonly callers: readonly string[];
}

/** How the endpoints of a workload are used. Times in milliseconds. */
export interface UpstreamSettings {
  /** Host names are resolved anew so often. */
  readonly resolveMs: number;
  readonly healthCheck:
    | {
        readonly path: string;
        readonly intervalMs: number;
        readonly timeoutMs: number;
        readonly failures: number;
        readonly successes: number;
      }
    | undefined;
  readonly limits: {
    readonly connections: number;
    readonly pending: number;
    readonly connectMs: number;
    readonly firstByteMs: number;
    readonly bodyIdleMs: number;
    readonly retryRatio: number;
    readonly retryAttempts: number;
    readonly ejectAfter: number;
    readonly ejectMs: number;
    readonly ejectMaxRatio: number;
  };
}

/** One declared call: a loopback port of its own, which stands for the caller. */
export interface OutboundEdge {
  readonly caller: string;
  readonly callee: string;
  readonly port: number;
  readonly serverName: string;
  readonly calleeId: string;
  /** Inbound listener of the callee's host. */
  readonly endpoint: Endpoint;
  /** What the callee speaks. Absent: `http1`. */
  readonly protocol?: ServiceProtocol;
}

/** The forward proxy of one service, for what it may reach outside. */
export interface EgressListener {
  readonly service: string;
  readonly port: number;
  /** `host:port`; a host may begin with `*.`. */
  readonly allow: readonly string[];
}

/** What the supervisor runs. It is never written to disk: the environments hold secrets. */
export interface SupervisorSnapshot {
  readonly workloads: readonly WorkloadPlan[];
}

export interface WorkloadPlan {
  readonly service: string;
  readonly command: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly endpoint: Endpoint;
  readonly healthPath: string | undefined;
  readonly startTimeoutMs: number;
}
