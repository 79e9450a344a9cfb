// A gateway over real sockets with a snapshot of a test's own, and behind it a service that speaks mutual TLS with an SVID of
// its own, as an agent would for it.
import { once } from 'node:events';
import { type IncomingMessage, type RequestListener, request } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { OpenApiDocument } from '../../src/api/openapi.ts';
import { noWeaknesses, type Weaknesses } from '../../src/api/protections.ts';
import type { Decision } from '../../src/api/record.ts';
import type { GatewayRoute, GatewaySnapshot } from '../../src/api/snapshot.ts';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/log.ts';
import { createGateway } from '../../src/gateway/index.ts';
import {
  compileLimits,
  createConcurrencyLimiter,
  createLimiter,
  rateSpecOf,
  tokenRulesOf,
} from '../../src/limits/index.ts';
import { createHttpServer } from '../../src/net/index.ts';
import { createEndpointReport, type EndpointReport } from '../../src/openapi/index.ts';
import { compileGatewayPolicies } from '../../src/policy/control.ts';
import { createVerifier } from '../../src/server/svid-verifier.ts';
import { createTestAuthority, type TestAuthority } from './identity.ts';

/** What the service saw of a request. */
export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export interface TestGateway {
  readonly decisions: Decision[];
  readonly seen: Seen[];
  readonly endpoints: EndpointReport;
  readonly port: number;
  call(
    path: string,
    options?: { method?: string; headers?: Record<string, string | string[]>; body?: string },
  ): Promise<Answer>;
  stop(): Promise<void>;
}

/** A public route to the echo. */
export const defaultRoute: GatewayRoute = {
  name: '/',
  source: 'routes[0]',
  path: '/',
  host: undefined,
  service: 'echo',
  methods: undefined,
  auth: 'public',
  bodyBytes: 1000,
  encodedSlashes: false,
  stripPrefix: false,
  securityHeaders: true,
  cors: undefined,
  validate: { requests: 'block', unknownFields: 'refuse', undeclared: 'refuse', responses: 'off' },
  graphql: undefined,
  mask: undefined,
  deprecated: undefined,
  timeouts: { connectMs: 1000, firstByteMs: 2000, idleMs: 2000 },
  forwardAuthorization: false,
  canary: [],
  sticky: undefined,
};

export interface GatewayParts {
  readonly route?: Partial<GatewayRoute>;
  readonly snapshot?: Partial<GatewaySnapshot>;
  readonly weaknesses?: Weaknesses;
  /** Fields of the service's answers. */
  readonly answer?: Record<string, string>;
  /** Answers in the service's place. */
  readonly respond?: RequestListener;
  /** OpenAPI document of the service. */
  readonly document?: OpenApiDocument;
  /** Time of the gateway. Default: the machine's. */
  readonly clock?: Clock;
  /** Answers instead of the service's own way. */
  readonly serve?: (seen: Seen) => Served;
}

export interface Served {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: Buffer;
}

/** Starts a service that echoes and a gateway in front of it. */
export async function startTestGateway(parts: GatewayParts = {}): Promise<TestGateway> {
  const seen: Seen[] = [];
  const decisions: Decision[] = [];
  const authority = await createTestAuthority(systemClock, 'test.example');
  const { pem: bundle } = await authority.bundle();
  const own = await authority.issue('spiffe://test.example/merlon/gateway');
  const verifier = createVerifier(systemClock, noWeaknesses);
  verifier.trust('test.example', bundle);
  const service = await startEcho(authority, bundle, seen, parts);
  const route = { ...defaultRoute, ...parts.route };
  const snapshot = await snapshotOf(route, (service.address() as AddressInfo).port, {
    bundle,
    ...(parts.document === undefined ? {} : { openapi: { echo: parts.document } }),
    ...parts.snapshot,
  });
  const endpoints = createEndpointReport();
  const limiter = createLimiter({ maxKeys: 1000 });
  const gateway = createGateway({
    clock: parts.clock ?? systemClock,
    log: silentLogger,
    weaknesses: parts.weaknesses ?? noWeaknesses,
    record: (decision) => decisions.push(decision),
    endpoints,
    svid: () => ({ certificate: own.chain, key: own.key }),
    verify: verifier.verify,
    limits: ({ limits: section }) => {
      limiter.configure(tokenRulesOf(section).flatMap((rule) => (rule.kind === 'rate' ? [rateSpecOf(rule)] : [])));
      return compileLimits({
        section,
        limiter,
        concurrency: createConcurrencyLimiter(),
        off: parts.weaknesses ?? noWeaknesses,
      });
    },
  });
  gateway.apply('v1', snapshot);
  const server = createHttpServer({
    clock: systemClock,
    onRequest: gateway.handle,
    onRefused: gateway.refused,
    trustedProxies: snapshot.trustedProxies,
  });
  await server.listen({ host: '127.0.0.1', port: 0 });
  const { port } = server.address() as { port: number };
  return {
    decisions,
    seen,
    endpoints,
    port,
    call: (path, { method = 'GET', headers = {}, body } = {}) => call(port, path, method, headers, body),
    stop: async () => {
      await server.stop();
      await gateway.stop();
      service.closeAllConnections();
      service.close();
    },
  };
}

async function startEcho(
  authority: TestAuthority,
  ca: string,
  seen: Seen[],
  { answer = {}, serve, respond }: GatewayParts,
): Promise<Server> {
  const { chain, key } = await authority.issue('spiffe://test.example/service/echo');
  const server = createServer(
    { cert: chain, key, ca, requestCert: true, rejectUnauthorized: true },
    (incoming, outgoing) => {
      let body = '';
      incoming.on('data', (chunk) => (body += chunk));
      incoming.on('end', () => {
        const one = { method: incoming.method ?? '', url: incoming.url ?? '', headers: incoming.headers, body };
        seen.push(one);
        if (respond !== undefined) return respond(incoming, outgoing);
        const own = serve?.(one);
        if (own !== undefined) outgoing.writeHead(own.status, own.headers.flat() as string[]).end(own.body);
        else
          outgoing
            .writeHead(200, { 'content-type': 'application/json', server: 'echo/1.0', ...answer })
            .end('{"ok":true}');
      });
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** A snapshot with one route, to a service on `port`. */
export async function snapshotOf(
  route: GatewayRoute,
  port: number,
  more: Partial<GatewaySnapshot> = {},
): Promise<GatewaySnapshot> {
  const model = {
    services: [{ name: 'echo' }],
    routes: [
      {
        path: route.name,
        service: 'echo',
        auth: route.auth === 'public' || route.auth === 'optional' ? route.auth : ('required' as const),
      },
    ],
    operations: [],
  };
  const compiled = await compileGatewayPolicies({ model, files: [] });
  if (!('policies' in compiled)) throw new Error(JSON.stringify(compiled.errors));
  return {
    trustDomain: 'test.example',
    publicUrl: 'http://localhost',
    listen: { host: '127.0.0.1', port: 0 },
    workers: 1,
    certificate: undefined,
    certificates: [],
    minTlsVersion: 'TLSv1.2',
    clientCertificates: undefined,
    redirect: undefined,
    proxyProtocol: 'none',
    bundle: '',
    spiffeId: 'spiffe://test.example/merlon/gateway',
    http: {
      headerBytes: 16_384,
      headerCount: 100,
      headerTimeMs: 5000,
      bodyBytes: 1000,
      connectionsPerIp: 100,
      requestsPerConnection: 100,
    },
    ipAllow: { networks: [], files: [] },
    ipDeny: { networks: [], files: [] },
    scanners: undefined,
    hideHeaders: [],
    trustedProxies: [],
    authn: { realm: 'test', issuers: [], apiKeys: [], revokedTokens: [], revokedSubjects: [] },
    policy: compiled.policies,
    limits: { ipv6PrefixBits: 64, gateway: [], routes: {} },
    openapi: {},
    services: [
      {
        name: 'echo',
        spiffeId: 'spiffe://test.example/service/echo',
        endpoints: [{ host: '127.0.0.1', port }],
        serverName: 'echo.test.example',
        sensitive: false,
      },
    ],
    routes: [route],
    provider: undefined,
    ...more,
  };
}

function call(
  port: number,
  path: string,
  method: string,
  headers: Record<string, string | string[]>,
  body: string | undefined,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }));
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}
