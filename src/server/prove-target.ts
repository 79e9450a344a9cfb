import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { globSync, readFileSync, statSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import type { ProbeCredentials, ProbeRequest } from '../api/admin.ts';
import type { GrpcMethod, OpenApiDocument } from '../api/openapi.ts';
import { noWeaknesses, type Weaknesses } from '../api/protections.ts';
import type { LedgerRecord } from '../api/record.ts';
import type { AgentSnapshot } from '../api/snapshot.ts';
import { parseVerifierKey, verifyLedger } from '../audit/control.ts';
import { compilePolicyModel } from '../control/index.ts';
import type { Clock } from '../core/clock.ts';
import { hasCode, MerlonError } from '../core/errors.ts';
import { tryReadText } from '../core/files.ts';
import {
  encodeName,
  exportPrivateKey,
  exportPublicKey,
  formatCertificatesPem,
  formatPem,
  generateKeyPair,
  issueCertificate,
  keyIdentifier,
} from '../crypto/index.ts';
import { readLastGood } from '../distribution/index.ts';
import type { Manifest } from '../manifest/index.ts';
import { createSampler, loadOpenApi } from '../openapi/control.ts';
import { compileMask, maskJson } from '../openapi/index.ts';
import { compileGatewayPolicies } from '../policy/control.ts';
import { createGatewayAuthorizer } from '../policy/index.ts';
import type { EdgeTls, KeyPairPem, LedgerTarget, ProveTarget, ServiceApi } from '../prove/index.ts';
import { loadGrpcMethods } from './grpc-methods.ts';
import type { StateLayout } from './state.ts';

/** The admin API of the deployment, as its operator calls it. */
export interface AdminCalls {
  readonly url: string;
  readonly token: string;
  call<T>(method: string, path: string, body?: unknown): Promise<T>;
}

export interface ProveTargetOptions {
  readonly manifest: Manifest;
  readonly manifestPath: string;
  readonly layout: StateLayout;
  readonly clock: Clock;
  readonly admin: AdminCalls;
  /** Certificates to show where the listener asks callers for one. */
  readonly clients?: Pick<EdgeTls, 'client' | 'expiredClient'>;
  /** Switches the ledger's verifier off: for tests of the attacks. */
  readonly weaknesses?: Weaknesses;
}

/** The deployment that runs on this state folder, as attacks see it. What it should do is compiled from the manifest anew. */
export async function createProveTarget(options: ProveTargetOptions): Promise<ProveTarget> {
  const { manifest, manifestPath, layout, clock, admin } = options;
  const folder = dirname(resolve(manifestPath));
  const documents = loadDocuments(manifest, folder);
  const grpcMethods = loadGrpcMethods(manifest, folder, new Set());
  const { hostname, port } = new URL(admin.url);
  const ca = tryReadText(layout.caFile) ?? '';
  return {
    manifest,
    clock,
    edge: edgeOf(manifest, { ca: manifest.gateway.certificate === 'development' ? ca : undefined, ...options.clients }),
    control: { host: hostname, port: Number(port), ca, adminToken: admin.token },
    mesh: readLastGood<AgentSnapshot>(join(layout.agent, 'snapshot-1'))?.body,
    apis: new Map(
      await Promise.all([...documents].map(async ([name, document]) => [name, await apiOf(document)] as const)),
    ),
    grpcMethods,
    authorize: await authorizerOf(manifest, documents, grpcMethods, folder),
    countMasked: ({ service, mask }, operation, body) => {
      if (mask === undefined) return { hidden: 0, readable: 0 };
      const masked = maskJson(body, compileMask(mask, documents.get(service))(operation), mask.keepLast, false);
      return { hidden: (masked?.found ?? 0) - (masked?.count ?? 0), readable: masked?.count ?? 0 };
    },
    mint: (request: ProbeRequest) => admin.call<ProbeCredentials>('POST', '/admin/probe-credentials', request),
    forgeSvid: (spiffeId) => forgeSvid(spiffeId, manifest.trustDomain, clock.now()),
    findRecord: (id) => findRecord(admin, id),
    recordsSince: (sinceMs) => admin.call<LedgerRecord[]>('GET', `/admin/records?since=${sinceMs}&limit=1000`),
    ledger: ledgerOf(options),
    externalAddresses: externalAddresses(),
  };
}

function edgeOf({ gateway }: Manifest, tls: EdgeTls): ProveTarget['edge'] {
  const { host, port, scheme } = gateway.listen;
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return {
    host: reachable,
    port,
    tls: scheme === 'http' ? undefined : tls,
    authority: new URL(gateway.publicUrl).host,
  };
}

function loadDocuments({ services }: Manifest, folder: string): Map<string, OpenApiDocument> {
  return new Map(
    Object.entries(services).flatMap(([name, { openapi }]): [string, OpenApiDocument][] =>
      openapi === undefined
        ? []
        : [[name, loadOpenApi(resolve(folder, openapi), (path) => readFileSync(path, 'utf8'), { root: folder })]],
    ),
  );
}

async function apiOf(document: OpenApiDocument): Promise<ServiceApi> {
  const { sampleRequest, mutations } = await createSampler(document);
  return { document, sampleRequest, mutations };
}

async function authorizerOf(
  manifest: Manifest,
  documents: ReadonlyMap<string, OpenApiDocument>,
  grpcMethods: ReadonlyMap<string, readonly GrpcMethod[]>,
  folder: string,
): Promise<ProveTarget['authorize']> {
  const paths = manifest.policies.map((path) => resolve(folder, path)).flatMap(policyFiles);
  const files = paths.map((path) => ({ name: relative(folder, path), text: readFileSync(path, 'utf8') }));
  const model = compilePolicyModel(manifest, documents, grpcMethods);
  const result = await compileGatewayPolicies({ model, files }, noWeaknesses);
  if (!('policies' in result))
    throw new MerlonError({
      code: 'policy.invalid',
      message: 'the policies do not hold',
      hint: 'run `merlon validate`',
    });
  const authorizer = createGatewayAuthorizer(result.policies);
  return (request) => authorizer.decide(request).decision;
}

function policyFiles(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return globSync('**/*.cedar', { cwd: path })
    .sort()
    .map((name) => join(path, name));
}

async function findRecord(admin: AdminCalls, id: string): Promise<LedgerRecord | undefined> {
  try {
    return await admin.call<LedgerRecord>('GET', `/admin/records/${id}`);
  } catch (error) {
    if (hasCode(error, 'admin.not-found')) return undefined;
    throw error;
  }
}

function ledgerOf({ admin, layout, weaknesses = noWeaknesses }: ProveTargetOptions): LedgerTarget {
  const publicKey = async (): Promise<Uint8Array> =>
    parseVerifierKey((await admin.call<{ key: string }>('GET', '/admin/ledger/key')).key).publicKey;
  const foreignKey = (): Uint8Array =>
    generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
  return {
    folder: layout.ledger,
    checkpoint: async () => (await admin.call<{ checkpoint: string }>('GET', '/admin/ledger/checkpoint')).checkpoint,
    verify: async (folder, { checkpoint, foreignKey: isForeign }) => {
      const key = isForeign === true ? foreignKey() : await publicKey();
      const options = { publicKey: key, ...(checkpoint === undefined ? {} : { checkpoint }) };
      const { ok, size, faults } = await verifyLedger(folder, options, weaknesses);
      return { ok, size, faults: faults.map(({ kind, message }) => `${kind}: ${message}`) };
    },
  };
}

const hourMs = 3_600_000;

/** A chain as the platform's own authority would make it, under a root of the attacker's. */
function forgeSvid(spiffeId: string, trustDomain: string, nowMs: number): KeyPairPem {
  const root = generateKeyPair('P-256');
  const leaf = generateKeyPair('P-256');
  const name = encodeName({ commonName: `${trustDomain} root ${randomBytes(2).toString('hex')}` });
  const rootKey = exportPublicKey(root.publicKey);
  const issuer = { name, privateKey: root.privateKey, keyId: keyIdentifier(rootKey) };
  const life = { notBeforeMs: nowMs - hourMs, notAfterMs: nowMs + hourMs };
  const ca = issueCertificate({
    ...life,
    subject: name,
    publicKey: rootKey,
    issuer,
    ca: { pathLength: 0 },
    keyUsage: ['keyCertSign', 'cRLSign'],
    altNames: { uris: [`spiffe://${new URL(spiffeId).hostname}`] },
  });
  const svid = issueCertificate({
    ...life,
    subject: Buffer.from([0x30, 0x00]),
    publicKey: exportPublicKey(leaf.publicKey),
    issuer,
    keyUsage: ['digitalSignature'],
    extendedKeyUsage: ['clientAuth', 'serverAuth'],
    altNames: { uris: [spiffeId] },
  });
  return {
    certificate: formatCertificatesPem([svid, ca]),
    key: formatPem('PRIVATE KEY', exportPrivateKey(leaf.privateKey)),
  };
}

function externalAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses) => addresses ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4')
    .map(({ address }) => address);
}
