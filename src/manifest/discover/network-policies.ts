import { at, isTree, listAt, type Tree, textAt, treeAt } from '../tree.ts';
import type { Peer, StatedPolicy, Workload } from './facts.ts';
import type { KubernetesObject } from './objects.ts';
import { isEmptySelector, matchesSelector } from './selectors.ts';

type Namespaces = ReadonlyMap<string, Tree>;

/** A namespace's labels; each has its own name as one (since Kubernetes 1.22). */
function namespaceLabels(name: string, namespaces: Namespaces): ReadonlyMap<string, string> {
  const own = Object.entries(namespaces.get(name) ?? {}).map(([key, value]) => [key, String(value)] as const);
  return new Map([...own, ['kubernetes.io/metadata.name', name]]);
}

/** The peers of one `from` or `to` entry. One that selects everything names nobody. */
function peerOf(item: unknown, object: KubernetesObject, namespaces: Namespaces): Peer | undefined {
  if (at(item, 'ipBlock') !== undefined) return undefined;
  const pods = at(item, 'podSelector');
  const spaces = at(item, 'namespaceSelector');
  if (!isTree(pods) || isEmptySelector(pods)) return 'anyone';
  return (workload: Workload) =>
    workload.source === 'kubernetes' &&
    matchesSelector(pods, workload.labels) &&
    (isTree(spaces)
      ? matchesSelector(spaces, namespaceLabels(workload.namespace, namespaces))
      : workload.namespace === object.namespace);
}

function allowsOf(
  rules: readonly unknown[],
  side: 'from' | 'to',
  object: KubernetesObject,
  namespaces: Namespaces,
): StatedPolicy['allows'] {
  return rules.flatMap((rule) => {
    const numbers = listAt(rule, 'ports').map((port) => at(port, 'port'));
    const ports = numbers.filter((port) => typeof port === 'number' || typeof port === 'string');
    const items = listAt(rule, side);
    const peers = items.length === 0 ? ['anyone' as const] : items.map((item) => peerOf(item, object, namespaces));
    return peers.flatMap((peer) => (peer === undefined ? [] : [{ peer, ports }]));
  });
}

/** What a NetworkPolicy states, each direction by itself. */
export function readNetworkPolicy(object: KubernetesObject, namespaces: Namespaces): StatedPolicy[] {
  const spec = treeAt(object.value, 'spec');
  const selector = treeAt(spec, 'podSelector');
  const types = listAt(spec, 'policyTypes');
  // Without `policyTypes`: ingress always, egress where there are rules for it.
  const has = (type: string, rules: string): boolean =>
    types.length > 0 ? types.includes(type) : type === 'Ingress' || at(spec, rules) !== undefined;
  const stated = (direction: 'ingress' | 'egress', side: 'from' | 'to'): StatedPolicy => ({
    kind: 'NetworkPolicy',
    name: textAt(object.value, 'metadata', 'name') ?? '',
    direction,
    subject: (workload) =>
      workload.source === 'kubernetes' &&
      workload.namespace === object.namespace &&
      matchesSelector(selector, workload.labels),
    allows: allowsOf(listAt(spec, direction), side, object, namespaces),
    place: object.place('metadata', 'name'),
  });
  return [
    ...(has('Ingress', 'ingress') ? [stated('ingress', 'from')] : []),
    ...(has('Egress', 'egress') ? [stated('egress', 'to')] : []),
  ];
}
