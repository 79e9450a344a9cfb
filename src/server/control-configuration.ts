import { createHash, X509Certificate } from 'node:crypto';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { ApiKeyLimit } from '../api/authn.ts';
import type { RoleName } from '../api/channel.ts';
import type { Weaknesses } from '../api/protections.ts';
import type { AgentSnapshot, GatewaySnapshot, SupervisorSnapshot } from '../api/snapshot.ts';
import {
  type AcmeConfig,
  type AcmeKeeper,
  allocatePorts,
  compileAgentSnapshot,
  compileGatewaySnapshot,
  compileSupervisorSnapshot,
  fixedPorts,
  type PortOf,
  portPurposes,
  readWafRules,
  usesWaf,
  type Versioned,
} from '../control/index.ts';
import type { Clock } from '../core/clock.ts';
import { MerlonError } from '../core/errors.ts';
import { type Manifest, readIpList } from '../manifest/index.ts';
import { acmeConfigOf } from './control-acme.ts';
import type { Foundation } from './control-foundation.ts';
import type { ConfigurationInputs } from './control-inputs.ts';
import type { Provider } from './control-provider.ts';
import { readEdgeCertificates } from './edge-certificates.ts';
import { resolveAllSecrets } from './service-secrets.ts';
import type { StateLayout } from './state.ts';
import { checkWafOnce } from './waf-check.ts';

/** Everything that follows from one state of the manifest. */
export interface Configuration {
  readonly version: string;
  readonly manifest: Manifest;
  readonly gateway: GatewaySnapshot;
  readonly agent: AgentSnapshot;
  readonly supervisor: SupervisorSnapshot;
  readonly snapshots: Readonly<Record<RoleName, Versioned>>;
  readonly ports: PortOf;
  /** What is asked of ACME; undefined: nothing. */
  readonly acme: AcmeConfig | undefined;
  readonly edgeCertificateExpiresMs: number;
  /** What of the WAF's rules has no effect here, with file and line. */
  readonly wafWarnings: readonly string[];
  /** Files that it was made from, beside the manifest. */
  readonly files: readonly string[];
}

export interface ConfigurationFacts {
  readonly manifestPath: string;
  readonly layout: StateLayout;
  readonly clock: Clock;
  readonly foundation: Foundation;
  readonly provider: Provider;
  readonly acme: AcmeKeeper;
  readonly weaknesses: Weaknesses;
  /** Ports that our own roles hold already. */
  readonly inUse: PortOf | undefined;
  /** Ports that strangers hold. */
  readonly avoid: ReadonlySet<number>;
  /** The run of the supervisor that control belongs to, where there is one. */
  readonly run: string | undefined;
}

/** Compiles the manifest and what it names into the snapshots of all roles. Throws, and changes nothing, where any part is wrong. */
export async function buildConfiguration(
  manifest: Manifest,
  facts: ConfigurationFacts,
  inputs: ConfigurationInputs,
): Promise<Configuration> {
  const { manifestPath, layout, foundation, provider } = facts;
  const folder = dirname(resolve(manifestPath));
  const { documents, grpc, policyFiles, read } = inputs;
  const policy = await inputs.policy;
  const { pem: bundle } = await foundation.authority.bundle();
  const ports = await allocate(manifest, facts);
  const acme = await acmeConfigOf(manifest, manifestPath, foundation);
  const edge = { ...facts, acmeConfig: acme };
  const { files: certificateFiles, ...certificates } = await readEdgeCertificates(manifest, folder, edge);
  const waf = usesWaf(manifest) ? readWafRules(manifest, folder) : undefined;
  const gateway = compileGatewaySnapshot(manifest, {
    ipLists: readIpLists(manifest, folder, read),
    portOf: ports,
    bundle,
    ...certificates,
    authn: await provider.authn(manifest),
    apiKeyLimits: await apiKeyLimits(provider),
    policy,
    documents,
    grpc,
    waf,
    providerSocket: provider.embedded === undefined ? undefined : layout.providerSocket,
  });
  const agent = compileAgentSnapshot(manifest, ports, bundle);
  const supervisor = compileSupervisorSnapshot(manifest, {
    ...{ folder, portOf: ports, publicUrl: manifest.gateway.publicUrl, issuer: provider.issuer },
    secrets: await resolveAllSecrets(manifest, foundation, layout),
    inherited: inheritedEnvironment(),
  });
  const snapshots = { gateway: versioned(gateway), agent: versioned(agent), supervisor: versioned(supervisor) };
  return {
    version: snapshots.gateway.version,
    manifest,
    gateway,
    agent,
    supervisor,
    snapshots,
    ports,
    wafWarnings: await checkWafOnce(gateway.waf, facts.clock, foundation.store),
    acme,
    edgeCertificateExpiresMs: expiryOf(certificates.certificate?.certificate),
    files: [...policyFiles, ...policyFolders(manifest, folder), ...read, ...certificateFiles, ...(waf?.files ?? [])],
  };
}

async function apiKeyLimits({ apiKeys }: Provider): Promise<ApiKeyLimit[]> {
  return (await apiKeys.list()).flatMap(({ id, limit }) => (limit === undefined ? [] : [{ id, limit }]));
}

const expiryOf = (pem: string | undefined): number =>
  pem === undefined ? Number.POSITIVE_INFINITY : Date.parse(new X509Certificate(pem).validTo);

/** The version is the content: an unchanged snapshot keeps its version, whichever control made it. */
function versioned(body: unknown): Versioned {
  return { version: createHash('sha256').update(JSON.stringify(body)).digest('hex').slice(0, 16), body };
}

/** Folders of policies: a file that is added to one is noticed. */
function policyFolders({ policies }: Manifest, folder: string): string[] {
  return policies.flatMap((path) => foldersOf(resolve(folder, path)));
}

/** Every file of networks that the manifest names. A line that is none keeps the former list in force. */
function readIpLists({ gateway }: Manifest, folder: string, read: Set<string>): Map<string, readonly string[]> {
  const entries = [...gateway.ipAllow, ...gateway.ipDeny, ...(gateway.scanners?.friendly ?? [])];
  const lists = new Map<string, readonly string[]>();
  for (const entry of entries) {
    if (!('file' in entry) || lists.has(entry.file)) continue;
    const path = resolve(folder, entry.file);
    read.add(path);
    const { networks, faults } = readIpList(readFileSync(path, 'utf8'));
    const [fault] = faults;
    if (fault !== undefined)
      throw new MerlonError({
        code: 'manifest.bad-network',
        message: `${entry.file}:${fault.line}: \`${fault.text}\` is not a network or address`,
      });
    lists.set(entry.file, networks);
  }
  return lists;
}

/** A folder and those below it: a policy that is added to one changes the folder alone. */
function foldersOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [];
  const below = readdirSync(path, { recursive: true, withFileTypes: true });
  return [path, ...below.filter((item) => item.isDirectory()).map((item) => join(item.parentPath, item.name))];
}

async function allocate(manifest: Manifest, { foundation, inUse, run, avoid }: ConfigurationFacts): Promise<PortOf> {
  const purposes = portPurposes(manifest);
  const held = new Set(inUse === undefined ? [] : purposes.map(inUse));
  return allocatePorts(foundation.store, purposes, fixedPorts(manifest), (port) => held.has(port), run, avoid);
}

/** What a workload may need of the machine, and nothing of what a shell may hold besides. */
function inheritedEnvironment(): Record<string, string> {
  const names = ['PATH', 'HOME', 'TZ', 'LANG', 'TMPDIR'];
  return Object.fromEntries(
    names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name] as string]])),
  );
}
