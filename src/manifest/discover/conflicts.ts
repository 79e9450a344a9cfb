import type { DiscoveredEdge, NamedCall } from './edges.ts';
import type { Facts, StatedPolicy, Workload } from './facts.ts';
import type { Group, Grouping } from './groups.ts';

/** The port that a caller's port comes out at in a workload, where the name maps it. */
function targetPort({ name, port }: NamedCall, workload: Workload): number | undefined {
  const target = name?.ports.find((mapping) => mapping.port === port)?.target ?? port;
  return typeof target === 'string' ? workload.portNames.get(target) : target;
}

function allows(policy: StatedPolicy, other: Workload, target: Workload, port: number | undefined): boolean {
  return policy.allows.some(({ peer, ports }) => {
    const known = peer === 'anyone' || peer(other);
    const open =
      ports.length === 0 ||
      port === undefined ||
      ports.some((item) => (typeof item === 'string' ? target.portNames.get(item) : item) === port);
    return known && open;
  });
}

/** Policies add up: where some apply and none allows, the call is cut. */
function cuts(
  policies: readonly StatedPolicy[],
  subject: Workload,
  other: Workload,
  target: Workload,
  port: number | undefined,
): StatedPolicy | undefined {
  const applying = policies.filter((policy) => policy.subject(subject));
  return applying.some((policy) => allows(policy, other, target, port)) ? undefined : applying[0];
}

function cutBy(call: NamedCall, target: Workload, facts: Facts): StatedPolicy | undefined {
  const port = targetPort(call, target);
  const of = (kind: StatedPolicy['kind'], direction: StatedPolicy['direction']) =>
    facts.policies.filter((policy) => policy.kind === kind && policy.direction === direction);
  return (
    cuts(of('NetworkPolicy', 'ingress'), target, call.caller, target, port) ??
    cuts(of('NetworkPolicy', 'egress'), call.caller, target, target, port) ??
    cuts(of('AuthorizationPolicy', 'ingress'), target, call.caller, target, port)
  );
}

/** Tells of calls that settings name and the authors' policies cut. */
export function tellCutCalls(calls: readonly NamedCall[], grouping: Grouping, facts: Facts): void {
  for (const call of calls) {
    const from = grouping.ofWorkload(call.caller)?.label;
    const policies = call.callee.workloads.map((target) => cutBy(call, target, facts));
    const [policy] = policies;
    if (from === call.callee.label || policy === undefined || policies.includes(undefined)) continue;
    const how = call.evidence.name === '' ? call.evidence.kind : `\`${call.evidence.name}\``;
    facts.findings.push({
      severity: 'warning',
      code: 'discover.conflict',
      message: `${how} has \`${call.caller.name}\` call \`${call.callee.label}\`, and the ${policy.kind} \`${policy.name}\` (\`${policy.place.file}:${policy.place.line}\`) does not let it`,
      place: call.evidence.place,
    });
  }
}

/** Tells of ports that callers name and the callee's name does not offer. */
export function tellWrongPorts(calls: readonly NamedCall[], facts: Facts): void {
  for (const { caller, name, port, evidence } of calls) {
    // In compose every port of a container is open to its neighbours, stated or not.
    if (name?.source !== 'kubernetes' || port === undefined || name.ports.length === 0) continue;
    const offered = facts.names
      .filter((other) => other.name === name.name && other.namespace === name.namespace)
      .flatMap(({ ports }) => ports.map((item) => item.port));
    if (offered.includes(port)) continue;
    facts.findings.push({
      severity: 'warning',
      code: 'discover.conflict',
      message: `\`${caller.name}\` calls \`${name.name}\` at port ${port}, which offers ${offered.join(', ')}`,
      place: evidence.place,
    });
  }
}

/** Tells of compose services that name each other and share no network. */
export function tellSplitNetworks(calls: readonly NamedCall[], facts: Facts): void {
  for (const { caller, callee, evidence } of calls) {
    const there = callee.workloads.filter(
      ({ source, namespace }) => source === 'compose' && namespace === caller.namespace,
    );
    if (caller.source !== 'compose' || there.length === 0) continue;
    if (there.some(({ networks }) => networks.some((network) => caller.networks.includes(network)))) continue;
    facts.findings.push({
      severity: 'warning',
      code: 'discover.conflict',
      message: `\`${caller.name}\` names \`${callee.label}\`, and they share no network`,
      place: evidence.place,
    });
  }
}

/** Tells where compose files and cluster manifests state different ports, or calls, for one service. */
export function tellDisagreement(
  calls: readonly NamedCall[],
  edges: readonly DiscoveredEdge[],
  grouping: Grouping,
  facts: Facts,
): void {
  for (const group of grouping.groups) tellPorts(group, facts);
  for (const { from, to, evidence } of edges) {
    const [first] = evidence;
    if (first === undefined) continue;
    if (evidence.every(({ kind }) => kind.endsWith('Policy')))
      facts.findings.push({
        severity: 'info',
        code: 'discover.unconfirmed-call',
        message: `only the ${first.kind} \`${first.name}\` says that \`${from}\` calls \`${to}\``,
        place: first.place,
      });
    const saying = new Set(
      calls
        .filter(({ caller, callee }) => grouping.ofWorkload(caller)?.label === from && callee.label === to)
        .map(({ caller }) => caller.source),
    );
    const silent = (['kubernetes', 'compose'] as const).find(
      (source) =>
        saying.size > 0 &&
        !saying.has(source) &&
        [from, to].every((label) => sourcesOf(label, grouping).includes(source)),
    );
    if (silent !== undefined)
      facts.findings.push({
        severity: 'warning',
        code: 'discover.conflict',
        message: `that \`${from}\` calls \`${to}\` is said for ${[...saying].join(', ')}, and not for ${silent}`,
        place: first.place,
      });
  }
}

function sourcesOf(label: string, grouping: Grouping): Workload['source'][] {
  return grouping.groups.find((group) => group.label === label)?.workloads.map(({ source }) => source) ?? [];
}

function tellPorts({ label, workloads }: Group, facts: Facts): void {
  const of = (source: Workload['source']) => workloads.filter((workload) => workload.source === source);
  const portsOf = (source: Workload['source']) => of(source).flatMap(({ ports }) => ports);
  const [cluster, compose] = [portsOf('kubernetes'), portsOf('compose')];
  const [place] = of('compose').map((workload) => workload.place);
  if (
    place === undefined ||
    cluster.length === 0 ||
    compose.length === 0 ||
    cluster.some((port) => compose.includes(port))
  )
    return;
  facts.findings.push({
    severity: 'warning',
    code: 'discover.conflict',
    message: `\`${label}\` listens on ${compose.join(', ')} in compose and on ${cluster.join(', ')} in kubernetes`,
    place,
  });
}
