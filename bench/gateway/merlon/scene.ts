// The snapshot that the secured gateway runs on: one service with an OpenAPI document, one route that needs a token with a scope,
// a limit per user, a policy of the user's own besides the generated ones.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PublicJwk } from '../../../src/api/authn.ts';
import type { GatewaySnapshot } from '../../../src/api/snapshot.ts';
import { loadOpenApi } from '../../../src/openapi/control.ts';
import { compileGatewayPolicies } from '../../../src/policy/control.ts';
import { audience, issuer } from '../tokens.ts';

export const trustDomain = 'bench.example';
export const gatewayId = `spiffe://${trustDomain}/merlon/gateway`;
export const serviceId = `spiffe://${trustDomain}/service/items`;
export const serverName = `items.${trustDomain}`;

const route: GatewaySnapshot['routes'][number] = {
  name: '/api/items',
  source: 'routes[0]',
  path: '/api/items',
  host: undefined,
  service: 'items',
  methods: ['GET', 'HEAD', 'POST'],
  auth: 'required',
  bodyBytes: 1 << 20,
  encodedSlashes: false,
  stripPrefix: false,
  securityHeaders: true,
  cors: undefined,
  validate: { requests: 'block', unknownFields: 'refuse', undeclared: 'refuse', responses: 'off' },
  graphql: undefined,
  mask: undefined,
  deprecated: undefined,
  timeouts: { connectMs: 3000, firstByteMs: 30_000, idleMs: 60_000 },
  forwardAuthorization: false,
  canary: [],
  sticky: undefined,
};

const ownPolicy = `@id("blocked-network")
forbid(principal, action, resource) when { context.ip.isInRange(ip("198.51.100.0/24")) };
`;

async function policiesOf(): Promise<GatewaySnapshot['policy']> {
  const compiled = await compileGatewayPolicies({
    model: {
      services: [{ name: 'items' }],
      routes: [
        {
          path: '/api/items',
          service: 'items',
          auth: 'required',
          scopes: { GET: ['items:read'], POST: ['items:write'] },
          source: 'routes[0]',
        },
      ],
      operations: [
        { service: 'items', id: 'getItem', method: 'GET', path: '/api/items/{itemId}', params: ['itemId'] },
        { service: 'items', id: 'createItem', method: 'POST', path: '/api/items', params: [] },
      ],
    },
    files: [{ name: 'policies/bench.cedar', text: ownPolicy }],
  });
  if ('errors' in compiled) throw new Error(JSON.stringify(compiled.errors));
  return compiled.policies;
}

export interface SceneFacts {
  /** File with the issuer's public keys. */
  readonly jwks: string;
  readonly bundle: string;
  /** Where the service, or the agent in front of it, listens. */
  readonly servicePort: number;
}

const bounds: GatewaySnapshot['http'] = {
  headerBytes: 16_384,
  headerCount: 100,
  headerTimeMs: 10_000,
  bodyBytes: 1 << 20,
  connectionsPerIp: 30_000,
  requestsPerConnection: 1_000_000_000,
};

// A limit that is counted and never reached.
const perUser: GatewaySnapshot['limits'] = {
  ipv6PrefixBits: 64,
  gateway: [],
  routes: {
    'routes[0]': [
      {
        kind: 'rate',
        id: 'routes[0].perUser',
        name: 'perUser',
        by: 'user',
        origin: 'routes[0].limits.perUser',
        text: '1000000000/min',
        count: 1e9,
        periodMs: 60_000,
      },
    ],
  },
};

export async function sceneOf({ jwks, bundle, servicePort }: SceneFacts): Promise<GatewaySnapshot> {
  const { keys } = JSON.parse(readFileSync(jwks, 'utf8')) as { keys: PublicJwk[] };
  const document = loadOpenApi(join(import.meta.dirname, '../api.yaml'), (path) => readFileSync(path, 'utf8'));
  return {
    trustDomain,
    publicUrl: 'http://127.0.0.1',
    listen: { host: '127.0.0.1', port: 0 },
    workers: 1,
    certificate: undefined,
    certificates: [],
    minTlsVersion: 'TLSv1.2',
    clientCertificates: undefined,
    redirect: undefined,
    proxyProtocol: 'none',
    bundle,
    spiffeId: gatewayId,
    http: bounds,
    ipAllow: { networks: [], files: [] },
    ipDeny: { networks: [], files: [] },
    scanners: undefined,
    hideHeaders: [],
    trustedProxies: [],
    authn: {
      realm: trustDomain,
      issuers: [{ preset: 'generic', issuer, audience: [audience], keys }],
      apiKeys: [],
      revokedTokens: [],
      revokedSubjects: [],
    },
    policy: await policiesOf(),
    limits: perUser,
    openapi: { items: document },
    services: [
      {
        name: 'items',
        spiffeId: serviceId,
        endpoints: [{ host: '127.0.0.1', port: servicePort }],
        serverName,
        sensitive: false,
      },
    ],
    routes: [route],
    provider: undefined,
  };
}
