import { checkManifest, formatProblems, type Manifest, memoryFiles } from '../../src/manifest/index.ts';

/** The manifest that `text` writes, with `files` beside it. Throws what is wrong with it. */
export function manifestOf(text: string, files: Readonly<Record<string, string>> = {}): Manifest {
  const { manifest, problems } = checkManifest('merlon.yaml', text, {
    files: memoryFiles(new Map(Object.entries({ 'merlon.yaml': text, ...files }))),
  });
  if (manifest === undefined) throw new Error(formatProblems(problems));
  return manifest;
}

/** A small shop: a gateway, three services, calls, egress, secrets and routes that share a path. */
export const shopText = `version: 1
trustDomain: shop.example
issuers: [embedded]
gateway:
  listen: https://127.0.0.1:8443
  ipDeny: [192.0.2.0/24]
  limits: { perIp: 600/min, bodyBytes: 1MiB }
services:
  orders:
    run: node orders.ts
    health: /healthz
    data: [payment]
    calls: [payments, catalog-search]
    egress: [api.stripe.com:443]
    env: { MODE: shop }
    secrets: { DB_PASSWORD: { path: secret/orders#password, generate: true } }
  payments:
    run: node payments.ts
    port: 7101
    calls: [catalog-search]
  catalog-search:
    address: http://10.0.0.7:8080
roles:
  customer: { scopes: [orders:read] }
routes:
  - { path: /api/orders, service: orders, methods: [GET], scopes: { GET: [orders:read] } }
  - { path: /api/orders, service: orders, methods: [POST], limits: { perUser: 60/min, quota: 10000/day, concurrency: 5 } }
  - { path: /api/catalog, service: catalog-search, auth: optional, limits: { quota: 100/hour } }
`;
