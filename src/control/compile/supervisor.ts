import { resolve } from 'node:path';
import type { SupervisorSnapshot, WorkloadPlan } from '../../api/snapshot.ts';
import type { Manifest, Service } from '../../manifest/index.ts';
import type { PortOf } from '../topology.ts';
import { workloadEndpoint } from './agent.ts';
import { serviceId, urlVariable } from './names.ts';

/** What a workload gets beside what its manifest entry says. */
export interface WorkloadFacts {
  /** Folder of the manifest. */
  readonly folder: string;
  readonly portOf: PortOf;
  readonly publicUrl: string;
  readonly issuer: string;
  /** Variables that hold secrets, or paths of files that do, by service. */
  readonly secrets: ReadonlyMap<string, Readonly<Record<string, string>>>;
  /** Variables that every workload inherits: PATH, HOME, TZ ... */
  readonly inherited: Readonly<Record<string, string>>;
}

/** What the supervisor runs, with the environment of each. */
export function compileSupervisorSnapshot(manifest: Manifest, facts: WorkloadFacts): SupervisorSnapshot {
  const workloads = Object.entries(manifest.services).filter(([, { run }]) => run !== undefined);
  return { workloads: workloads.map(([name, service]) => planOf(name, service, manifest.trustDomain, facts)) };
}

function planOf(name: string, service: Service, trustDomain: string, facts: WorkloadFacts): WorkloadPlan {
  const endpoint = workloadEndpoint(name, facts.portOf);
  return {
    service: name,
    command: service.run as readonly string[],
    cwd: resolve(facts.folder, service.cwd ?? '.'),
    env: {
      ...facts.inherited,
      HOST: endpoint.host,
      PORT: String(endpoint.port),
      MERLON_SERVICE: name,
      MERLON_SPIFFE_ID: serviceId(trustDomain, name),
      MERLON_PUBLIC_URL: facts.publicUrl,
      MERLON_ISSUER: facts.issuer,
      ...calleeVariables(name, service, facts.portOf),
      ...egressVariables(name, service, facts.portOf),
      ...service.env,
      ...facts.secrets.get(name),
    },
    endpoint,
    healthPath: service.health,
    startTimeoutMs: service.startTimeout,
  };
}

function calleeVariables(name: string, { calls }: Service, portOf: PortOf): Record<string, string> {
  return Object.fromEntries(
    calls.map((callee) => [urlVariable(callee), `http://127.0.0.1:${portOf(`edge/${name}/${callee}`)}`]),
  );
}

/** The forward proxy, by the names that HTTP clients look for. Node needs to be told to look. */
function egressVariables(name: string, { egress }: Service, portOf: PortOf): Record<string, string> {
  if (egress.length === 0) return {};
  const proxy = `http://127.0.0.1:${portOf(`egress/${name}`)}`;
  return {
    HTTPS_PROXY: proxy,
    https_proxy: proxy,
    NO_PROXY: '127.0.0.1,localhost',
    no_proxy: '127.0.0.1,localhost',
    NODE_USE_ENV_PROXY: '1',
  };
}
