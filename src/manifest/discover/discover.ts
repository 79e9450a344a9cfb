import { basename, resolve } from 'node:path';
import { tryOutlineApi } from '../check/api-outline.ts';
import { systemFiles } from '../files.ts';
import type { Files } from '../ports.ts';
import { isTree } from '../tree.ts';
import { isComposeFile, readCompose } from './compose.ts';
import { tellCutCalls, tellDisagreement, tellSplitNetworks, tellWrongPorts } from './conflicts.ts';
import { documentsOf, type FoundDocument, readFolder } from './documents.ts';
import { draftText } from './draft-text.ts';
import { type DiscoveredEdge, type DiscoveredEgress, edgesOf, namedCalls, statedCalls } from './edges.ts';
import { type DiscoveredRoute, routesOf } from './entrances.ts';
import type { DiscoveryFinding, Facts } from './facts.ts';
import { groupFacts } from './groups.ts';
import { readKubernetes } from './kubernetes.ts';
import { readWorkspaces } from './npm.ts';
import { objectsOf } from './objects.ts';
import { type DiscoveredService, matchApis, servicesOf } from './services.ts';

/** What was found in a folder, and the manifest that was drafted from it. */
export interface Discovery {
  /** The text of a `merlon.yaml` for that folder. */
  readonly manifest: string;
  readonly services: readonly DiscoveredService[];
  readonly edges: readonly DiscoveredEdge[];
  readonly egress: readonly DiscoveredEgress[];
  readonly routes: readonly DiscoveredRoute[];
  readonly findings: readonly DiscoveryFinding[];
}

function readFacts(folder: string, files: Files): Facts {
  const facts: Facts = { workloads: [], names: [], entrances: [], policies: [], apis: [], egress: [], findings: [] };
  const found = readFolder(folder, files, facts);
  const texts = new Map(found.map(({ file, text }) => [file, text]));
  const documents = found
    .filter(({ file }) => !/(?:^|\/)\.env$/.test(file))
    .flatMap((item) => documentsOf(item, facts));
  readKubernetes(documents.flatMap(objectsOf), facts);
  for (const document of documents.filter(({ file }) => isComposeFile(file))) readCompose(document, texts, facts);
  readWorkspaces(
    documents.filter(({ file }) => basename(file) === 'package.json'),
    facts,
  );
  for (const document of documents) readApi(document, facts);
  for (const { host, ports, place } of facts.egress)
    facts.findings.push({
      severity: 'info',
      code: 'discover.unsupported',
      message: `the ServiceEntry lets every service reach \`${host}\` (${ports.join(', ')}): add it to the \`egress\` of those that need it`,
      place,
    });
  return facts;
}

function readApi({ file, value }: FoundDocument, facts: Facts): void {
  const api = isTree(value) ? tryOutlineApi(value) : undefined;
  if (api !== undefined) facts.apis.push({ file, title: api.title, paths: api.paths });
}

const severities = ['warning', 'info'];

/** Findings once each, warnings first, then by place. */
function sortFindings(findings: readonly DiscoveryFinding[]): DiscoveryFinding[] {
  const once = new Map(findings.map((finding) => [JSON.stringify(finding), finding]));
  const place = (finding: DiscoveryFinding): string =>
    `${finding.place?.file ?? ''}\n${String(finding.place?.line ?? 0).padStart(9, '0')}`;
  return [...once.values()].sort(
    (a, b) => severities.indexOf(a.severity) - severities.indexOf(b.severity) || (place(a) < place(b) ? -1 : 1),
  );
}

/**
 * Drafts a manifest for the system in `folder` from its compose files, Kubernetes and Istio manifests, OpenAPI documents
 * and npm workspaces. Nothing is run and nothing outside the folder is read; values of secrets are never given back.
 */
export function discoverManifest(folder: string, files: Files = systemFiles): Discovery {
  const facts = readFacts(folder, files);
  const grouping = groupFacts(facts);
  const { calls, egress } = namedCalls(facts, grouping);
  const edges = edgesOf([...calls, ...statedCalls(facts, grouping)], grouping);
  tellCutCalls(calls, grouping, facts);
  tellWrongPorts(calls, facts);
  tellSplitNetworks(calls, facts);
  tellDisagreement(calls, edges, grouping, facts);
  const apis = matchApis(facts, grouping);
  const services = servicesOf(facts, grouping, apis);
  const routes = routesOf(facts, grouping, apis);
  if (services.length === 0)
    facts.findings.push({
      severity: 'warning',
      code: 'discover.nothing',
      message: 'no compose file, Kubernetes manifest or npm workspace was found',
    });
  const manifest = draftText({ title: basename(resolve(folder)), services, edges, egress, routes });
  return { manifest, services, edges, egress, routes, findings: sortFindings(facts.findings) };
}
