import { isDeepStrictEqual } from 'node:util';
import { at, listAt, portAt, textAt, textOf, treeAt } from '../tree.ts';
import type { DnsName, Entrance, Facts } from './facts.ts';
import { readAuthorizationPolicy, readServiceEntry, readVirtualService } from './istio.ts';
import { readNetworkPolicy } from './network-policies.ts';
import { entriesAt, type KubernetesObject, valuesOf } from './objects.ts';
import { workloadOf } from './pods.ts';
import { matchesLabels } from './selectors.ts';

function nameOf(object: KubernetesObject): DnsName {
  const spec = treeAt(object.value, 'spec');
  const selector = treeAt(spec, 'selector');
  const type = textAt(spec, 'type');
  const ports = listAt(spec, 'ports').flatMap((item) => {
    const port = portAt(item, 'port');
    return port === undefined
      ? []
      : [{ port, target: portAt(item, 'targetPort') ?? textAt(item, 'targetPort') ?? port }];
  });
  return {
    source: 'kubernetes',
    name: object.name,
    namespace: object.namespace,
    selects: (workload) =>
      workload.source === 'kubernetes' &&
      workload.namespace === object.namespace &&
      Object.keys(selector).length > 0 &&
      matchesLabels(selector, workload.labels),
    ports,
    published: type === 'LoadBalancer' || type === 'NodePort' ? ports.map(({ port }) => port) : [],
    place: object.place('metadata', 'name'),
  };
}

/** Ingress, of `networking.k8s.io/v1` and of the versions before. */
function entrancesOfIngress(object: KubernetesObject): Entrance[] {
  const entrance = (
    host: string | undefined,
    path: string,
    backend: unknown,
    where: (string | number)[],
  ): Entrance[] => {
    const name = textAt(backend, 'service', 'name') ?? textAt(backend, 'serviceName');
    return name === undefined
      ? []
      : [{ kind: 'Ingress', host, path, name, namespace: object.namespace, place: object.place(...where) }];
  };
  const ruled = entriesAt(object.value, 'spec', 'rules').flatMap(([at, rule]) =>
    entriesAt(rule, 'http', 'paths').flatMap(([below, item]) =>
      entrance(textAt(rule, 'host'), textAt(item, 'path') ?? '/', treeAt(item, 'backend'), [...at, ...below]),
    ),
  );
  const spec = treeAt(object.value, 'spec');
  return [...ruled, ...entrance(undefined, '/', at(spec, 'defaultBackend') ?? at(spec, 'backend'), ['spec'])];
}

/** HTTPRoute of the Gateway API. */
function entrancesOfHttpRoute(object: KubernetesObject): Entrance[] {
  const host = textOf(listAt(object.value, 'spec', 'hostnames')[0]);
  return entriesAt(object.value, 'spec', 'rules').flatMap(([where, rule]) => {
    const paths = listAt(rule, 'matches').map((match) => textAt(match, 'path', 'value') ?? '/');
    const name = listAt(rule, 'backendRefs')
      .map((backend) => textAt(backend, 'name'))
      .find((found) => found !== undefined);
    if (name === undefined) return [];
    return (paths.length === 0 ? ['/'] : paths).map((path) => ({
      kind: 'HTTPRoute',
      host,
      path,
      name,
      namespace: object.namespace,
      place: object.place(...where),
    }));
  });
}

/** What is said twice must be said alike. */
function tellDifferences(objects: readonly KubernetesObject[], facts: Facts): void {
  const first = new Map<string, KubernetesObject>();
  for (const object of objects) {
    const id = `${object.kind} \`${object.name}\`${object.namespace === 'default' ? '' : ` in \`${object.namespace}\``}`;
    const other = first.get(id);
    if (other === undefined) first.set(id, object);
    else if (object.name !== '' && !isDeepStrictEqual(other.value.spec, object.value.spec)) {
      const { file, line } = other.place('metadata', 'name');
      facts.findings.push({
        severity: 'warning',
        code: 'discover.conflict',
        message: `${id} is described differently in \`${file}:${line}\`; what both say is taken together`,
        place: object.place('metadata', 'name'),
      });
    }
  }
}

function tellSecret(object: KubernetesObject, facts: Facts): void {
  if (Object.keys(treeAt(object.value, 'data')).length + Object.keys(treeAt(object.value, 'stringData')).length === 0)
    return;
  facts.findings.push({
    severity: 'warning',
    code: 'discover.plain-secret',
    message: `the Secret \`${object.name}\` stands in a file with its values; base64 hides nothing. Move them to Merlon's secrets, and change them`,
    place: object.place('metadata', 'name'),
  });
}

/** What a kustomization changes is not seen here. */
function tellKustomization(object: KubernetesObject, facts: Facts): void {
  const changing = ['namePrefix', 'nameSuffix', 'namespace', 'patches', 'patchesStrategicMerge'].filter(
    (key) => object.value[key] !== undefined,
  );
  if (changing.length === 0) return;
  facts.findings.push({
    severity: 'warning',
    code: 'discover.template',
    message: `this kustomization sets \`${changing.join('`, `')}\`, which is not followed: look again at the output of \`kubectl kustomize\``,
    place: object.place(),
  });
}

/** Reads what Kubernetes and Istio objects say about services, calls and ways in. */
export function readKubernetes(objects: readonly KubernetesObject[], facts: Facts): void {
  const values = valuesOf(objects);
  const namespaces = new Map(
    objects
      .filter(({ kind }) => kind === 'Namespace')
      .map(({ name, value }) => [name, treeAt(value, 'metadata', 'labels')]),
  );
  tellDifferences(objects, facts);
  for (const object of objects) {
    facts.workloads.push(...workloadOf(object, values));
    const apiGroup = textAt(object.value, 'apiVersion')?.split('/')[0] ?? '';
    if (object.kind === 'Service' && apiGroup === 'v1') facts.names.push(nameOf(object));
    if (object.kind === 'Secret') tellSecret(object, facts);
    if (object.kind === 'Kustomization') tellKustomization(object, facts);
    if (object.kind === 'Ingress') facts.entrances.push(...entrancesOfIngress(object));
    if (object.kind === 'HTTPRoute') facts.entrances.push(...entrancesOfHttpRoute(object));
    if (object.kind === 'NetworkPolicy') facts.policies.push(...readNetworkPolicy(object, namespaces));
    if (object.kind === 'VirtualService') readVirtualService(object, facts);
    if (object.kind === 'AuthorizationPolicy') readAuthorizationPolicy(object, facts);
    if (object.kind === 'ServiceEntry') readServiceEntry(object, facts);
  }
}
