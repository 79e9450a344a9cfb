import { at, isTree, listAt, portAt, textAt, treeAt } from '../tree.ts';
import type { Facts, Peer, StatedPolicy, Workload } from './facts.ts';
import { entriesAt, type KubernetesObject } from './objects.ts';
import { matchesLabels } from './selectors.ts';

const isText = (value: unknown): value is string => typeof value === 'string';

/** Splits `reviews.prod.svc.cluster.local` into name and namespace. */
function splitHost(host: string, namespace: string): { name: string; namespace: string } {
  const [name = '', space] = host.split('.');
  return { name, namespace: space ?? namespace };
}

/** A VirtualService that stands behind a Gateway is a way in; one for the mesh alone is none. */
export function readVirtualService(object: KubernetesObject, facts: Facts): void {
  const gateways = listAt(object.value, 'spec', 'gateways').filter((gateway) => gateway !== 'mesh');
  if (gateways.length === 0) return;
  const host = listAt(object.value, 'spec', 'hosts')
    .filter(isText)
    .find((name) => name !== '*');
  for (const [path, rule] of entriesAt(object.value, 'spec', 'http')) {
    const destination = listAt(rule, 'route')
      .map((route) => textAt(route, 'destination', 'host'))
      .find(isText);
    if (destination === undefined) continue;
    const matches = listAt(rule, 'match');
    for (const match of matches.length === 0 ? [{}] : matches) {
      const uri = treeAt(match, 'uri');
      const place = object.place(...path);
      if (uri.regex === undefined)
        facts.entrances.push({
          kind: 'VirtualService',
          host,
          path: textAt(uri, 'prefix') ?? textAt(uri, 'exact') ?? '/',
          ...splitHost(destination, object.namespace),
          place,
        });
      else
        facts.findings.push({
          severity: 'warning',
          code: 'discover.unsupported',
          message: `\`${object.name}\` matches paths by pattern; routes match by prefix`,
          place,
        });
    }
  }
}

/** `cluster.local/ns/shop/sa/orders`: the service account of a caller. `*` and what is not of that shape names nobody. */
function peerOfPrincipal(principal: string): Peer {
  const [, namespace, account] = /\/ns\/([a-z0-9-]{1,63})\/sa\/([a-z0-9.-]{1,253})$/.exec(principal) ?? [];
  if (account === undefined) return 'anyone';
  return (workload: Workload) => workload.namespace === namespace && workload.serviceAccount === account;
}

function allowsOf(rule: unknown): StatedPolicy['allows'] {
  const ports = listAt(rule, 'to').flatMap((to) => listAt(to, 'operation', 'ports').map((port) => Number(port)));
  const sources = listAt(rule, 'from').map((from) => treeAt(from, 'source'));
  const peers = sources.flatMap((source): Peer[] => {
    const principals = listAt(source, 'principals').filter(isText).map(peerOfPrincipal);
    return principals.length > 0 ? principals : ['anyone'];
  });
  return (sources.length === 0 ? (['anyone'] as const) : peers).map((peer) => ({ peer, ports }));
}

/** An AuthorizationPolicy that allows states who may call. One that denies is pointed out. */
export function readAuthorizationPolicy(object: KubernetesObject, facts: Facts): void {
  const spec = treeAt(object.value, 'spec');
  const place = object.place('metadata', 'name');
  const action = textAt(spec, 'action') ?? 'ALLOW';
  if (action !== 'ALLOW') {
    facts.findings.push({
      severity: 'info',
      code: 'discover.unsupported',
      message: `the AuthorizationPolicy \`${object.name}\` (${action}) is not taken over: in the manifest what is not allowed is denied`,
      place,
    });
    return;
  }
  const labels = treeAt(spec, 'selector', 'matchLabels');
  facts.policies.push({
    kind: 'AuthorizationPolicy',
    name: object.name,
    direction: 'ingress',
    subject: (workload) =>
      workload.source === 'kubernetes' &&
      workload.namespace === object.namespace &&
      matchesLabels(labels, workload.labels),
    allows: listAt(spec, 'rules').flatMap(allowsOf),
    place,
  });
}

/** Hosts outside that the mesh lets everyone reach. */
export function readServiceEntry(object: KubernetesObject, facts: Facts): void {
  if (at(object.value, 'spec', 'location') === 'MESH_INTERNAL') return;
  const ports = listAt(object.value, 'spec', 'ports').flatMap((port) =>
    isTree(port) ? (portAt(port, 'number') ?? []) : [],
  );
  for (const host of listAt(object.value, 'spec', 'hosts').filter(isText))
    facts.egress.push({ host, ports, place: object.place('metadata', 'name') });
}
