import { isSecretName } from '../secrecy.ts';
import type { DnsName, Facts, Place, Setting, Workload } from './facts.ts';
import type { Group, Grouping } from './groups.ts';
import {
  type HostReference,
  hostReferences,
  isAddressName,
  isLocalHost,
  isOutsideHost,
  portNameFor,
} from './references.ts';

/** Why a call is believed to exist. */
export interface Evidence {
  readonly kind: 'variable' | 'argument' | 'depends_on' | 'links' | 'NetworkPolicy' | 'AuthorizationPolicy';
  /** Name of the variable or policy; empty where there is none. */
  readonly name: string;
  readonly place: Place;
}

/** One service calls another. */
export interface DiscoveredEdge {
  readonly from: string;
  readonly to: string;
  /** Ports of the callee that are named, ascending. */
  readonly ports: readonly number[];
  readonly evidence: readonly Evidence[];
}

/** One service reaches a destination outside. */
export interface DiscoveredEgress {
  readonly from: string;
  readonly host: string;
  readonly port: number;
  readonly evidence: Evidence;
}

/** A call that a workload's settings name, before it is an edge between services. */
export interface NamedCall {
  readonly caller: Workload;
  readonly callee: Group;
  readonly name: DnsName | undefined;
  readonly port: number | undefined;
  readonly evidence: Evidence;
}

/** The name that `host` means for `workload`: by the rules of the cluster's DNS, of compose, or by name alone. */
export function findName(host: string, workload: Workload, facts: Facts): DnsName | undefined {
  const named = (name: string | undefined, namespace: string | undefined) =>
    facts.names.find((item) => item.source === workload.source && item.name === name && item.namespace === namespace);
  if (workload.source !== 'kubernetes') return named(host, workload.namespace);
  const [first, second, third, fourth] = host.split('.');
  if (second === undefined) return named(first, workload.namespace);
  // `name.namespace[.svc...]`, or `pod.name[.namespace[.svc...]]` of a StatefulSet.
  const direct = third === undefined || third === 'svc' ? named(first, second) : undefined;
  return (
    direct ??
    named(
      second,
      third === undefined ? workload.namespace : fourth === undefined || fourth === 'svc' ? third : undefined,
    )
  );
}

const evidenceOf = ({ kind, name, place }: Setting): Evidence => ({ kind, name, place });

/** What all workloads' settings name. */
export function namedCalls(facts: Facts, grouping: Grouping): { calls: NamedCall[]; egress: DiscoveredEgress[] } {
  const calls: NamedCall[] = [];
  const egress: DiscoveredEgress[] = [];
  for (const caller of facts.workloads) {
    for (const setting of caller.settings) {
      if (setting.value === undefined) continue;
      for (const reference of hostReferences(setting.value)) {
        if (!isLocalHost(reference.host)) readReference({ caller, setting, reference, facts, grouping, calls, egress });
      }
    }
    calls.push(...startOrder(caller, facts, grouping));
  }
  return { calls, egress };
}

interface Reading {
  readonly caller: Workload;
  readonly setting: Setting;
  readonly reference: HostReference;
  readonly facts: Facts;
  readonly grouping: Grouping;
  readonly calls: NamedCall[];
  readonly egress: DiscoveredEgress[];
}

function companionPort({ caller, setting }: Reading): number | undefined {
  const name = portNameFor(setting.name);
  const port = name === setting.name ? undefined : Number(caller.settings.find((other) => other.name === name)?.value);
  return port !== undefined && Number.isInteger(port) && port > 0 && port < 65_536 ? port : undefined;
}

function readReference(reading: Reading): void {
  const { caller, setting, reference, facts, grouping, calls, egress } = reading;
  // Of a secret only what is plainly a URL is an address; anything else could be the secret itself.
  if (reference.form !== 'url' && isSecretName(setting.name)) return;
  if (reference.form === 'word' && !isAddressName(setting.name)) return;
  const port = reference.port ?? companionPort(reading);
  const evidence = evidenceOf(setting);
  const name = findName(reference.host, caller, facts);
  const callee = name === undefined ? undefined : grouping.ofName(name);
  const from = grouping.ofWorkload(caller)?.label ?? caller.name;
  if (callee !== undefined) calls.push({ caller, callee, name, port, evidence });
  else if (isOutsideHost(reference.host) && reference.form !== 'word') {
    if (port !== undefined) egress.push({ from, host: reference.host, port, evidence });
  } else tellUnknown(reading);
}

function tellUnknown({ caller, setting, reference, facts }: Reading): void {
  if (reference.form !== 'url' && !isAddressName(setting.name)) return;
  const [first] = reference.host.split('.');
  const elsewhere = facts.names.find(({ source, name }) => source === caller.source && name === first);
  const other = elsewhere === undefined ? '' : `; there is one in \`${elsewhere.namespace}\``;
  facts.findings.push({
    severity: 'warning',
    code: 'discover.unknown-host',
    message: `\`${caller.name}\` names \`${reference.host}\`${setting.name === '' ? '' : ` in \`${setting.name}\``}, which no file here declares${other}`,
    place: setting.place,
  });
}

function startOrder(caller: Workload, facts: Facts, grouping: Grouping): NamedCall[] {
  return caller.after.flatMap(({ name: host, how, place }) => {
    const name = findName(host, caller, facts);
    const callee = name === undefined ? undefined : grouping.ofName(name);
    return callee === undefined
      ? []
      : [{ caller, callee, name, port: undefined, evidence: { kind: how, name: '', place } }];
  });
}

/** The calls that the authors' policies state, by naming who is let in or where to. */
export function statedCalls(facts: Facts, grouping: Grouping): NamedCall[] {
  return facts.policies.flatMap((policy) => {
    const evidence: Evidence = { kind: policy.kind, name: policy.name, place: policy.place };
    const subjects = facts.workloads.filter(policy.subject);
    return policy.allows.flatMap(({ peer, ports }) => {
      if (peer === 'anyone') return [];
      const peers = facts.workloads.filter(peer);
      const [callers, callees] = policy.direction === 'ingress' ? [peers, subjects] : [subjects, peers];
      const port = ports.find((item): item is number => typeof item === 'number');
      return callers.flatMap((caller) =>
        callees.flatMap((target) => {
          const callee = grouping.ofWorkload(target);
          return callee === undefined ? [] : [{ caller, callee, name: undefined, port, evidence }];
        }),
      );
    });
  });
}

/** Calls between workloads as edges between services, each once, with all that speaks for it. */
export function edgesOf(calls: readonly NamedCall[], grouping: Grouping): DiscoveredEdge[] {
  const edges = new Map<string, { from: string; to: string; ports: Set<number>; evidence: Map<string, Evidence> }>();
  for (const { caller, callee, port, evidence } of calls) {
    const from = grouping.ofWorkload(caller)?.label;
    if (from === undefined || from === callee.label) continue;
    const key = `${from} ${callee.label}`;
    const edge = edges.get(key) ?? { from, to: callee.label, ports: new Set(), evidence: new Map() };
    if (port !== undefined) edge.ports.add(port);
    edge.evidence.set(JSON.stringify(evidence), evidence);
    edges.set(key, edge);
  }
  return [...edges.values()]
    .sort((a, b) => (`${a.from} ${a.to}` < `${b.from} ${b.to}` ? -1 : 1))
    .map(({ from, to, ports, evidence }) => ({
      from,
      to,
      ports: [...ports].sort((a, b) => a - b),
      evidence: [...evidence.values()],
    }));
}
