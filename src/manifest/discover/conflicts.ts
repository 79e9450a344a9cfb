import type { DiscoveredEdge, NamedCall } from './edges.ts';
import type { Facts, StatedPolicy, Workload } from './facts.ts';
import type { Grouping } from './groups.ts';

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

/** Tells where compose files and cluster manifests describe one service differently, and of calls that only a policy states. */
export function tellDisagreement(
  calls: readonly NamedCall[],
  edges: readonly DiscoveredEdge[],
  grouping: Grouping,
  facts: Facts,
): void {
  for (const { from, to, evidence } of edges) {
    const [first] = evidence;
    if (first !== undefined && evidence.every(({ kind }) => kind.endsWith('Policy')))
      facts.findings.push({
        severity: 'info',
        code: 'discover.unconfirmed-call',
        message: `only the ${first.kind} \`${first.name}\` says that \`${from}\` calls \`${to}\``,
        place: first.place,
      });
    const sources = new Set(
      calls
        .filter(({ caller, callee }) => grouping.ofWorkload(caller)?.label === from && callee.label === to)
        .map(({ caller }) => caller.source),
    );
    const both = (label: string) =>
      grouping.groups.find((group) => group.label === label)?.workloads.map(({ source }) => source) ?? [];
    const missing = (['kubernetes', 'compose'] as const).find(
      (source) => sources.size > 0 && !sources.has(source) && both(from).includes(source) && both(to).includes(source),
    );
    if (missing !== undefined && first !== undefined)
      facts.findings.push({
        severity: 'warning',
        code: 'discover.conflict',
        message: `that \`${from}\` calls \`${to}\` is said for ${[...sources].join(', ')}, and not for ${missing}`,
        place: first.place,
      });
  }
}
