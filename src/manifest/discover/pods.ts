import type { Path } from '../problem.ts';
import { at, listAt, portAt, type Tree, textAt, textsOf, treeAt } from '../tree.ts';
import type { Setting, Workload } from './facts.ts';
import { entriesAt, type KubernetesObject, type Values } from './objects.ts';

// Where each kind keeps the template of its pods.
const templates: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['Deployment', ['spec', 'template']],
  ['StatefulSet', ['spec', 'template']],
  ['DaemonSet', ['spec', 'template']],
  ['ReplicaSet', ['spec', 'template']],
  ['ReplicationController', ['spec', 'template']],
  ['Rollout', ['spec', 'template']],
  ['Job', ['spec', 'template']],
  ['CronJob', ['spec', 'jobTemplate', 'spec', 'template']],
  ['Pod', []],
]);

/** What reading one container needs. */
interface Container {
  readonly object: KubernetesObject;
  readonly values: Values;
  readonly value: unknown;
  readonly path: Path;
}

/** Pods that share a Secret share it in Merlon, too. */
function secretPath({ namespace }: KubernetesObject, name = ''): string {
  return namespace === 'default' ? name : `${namespace}/${name}`;
}

/** `$(NAME)` in a variable's value stands for one that was set before it. */
function expand(text: string, known: ReadonlyMap<string, string>): string {
  return text.replace(/\$\(([A-Za-z_][A-Za-z0-9_]{0,127})\)/g, (whole, name: string) => known.get(name) ?? whole);
}

function variable({ object, values }: Container, item: unknown, where: Path, known: Map<string, string>): Setting[] {
  const name = textAt(item, 'name');
  if (name === undefined) return [];
  const place = object.place(...where);
  const field = textAt(item, 'valueFrom', 'secretKeyRef', 'key');
  const path = secretPath(object, textAt(item, 'valueFrom', 'secretKeyRef', 'name'));
  if (field !== undefined) return [{ kind: 'variable', name, value: undefined, secret: { path, field }, place }];
  const map = treeAt(item, 'valueFrom', 'configMapKeyRef');
  const configured = values.configMap(object.namespace, textAt(map, 'name') ?? '').get(textAt(map, 'key') ?? '');
  const value = expand(textAt(item, 'value') ?? configured ?? '', known);
  known.set(name, value);
  return [{ kind: 'variable', name, value, place }];
}

/** Variables that come all together from a ConfigMap or a Secret. */
function variablesFrom({ object, values }: Container, item: unknown, path: Path): Setting[] {
  const place = object.place(...path);
  const prefix = textAt(item, 'prefix') ?? '';
  const map = values.configMap(object.namespace, textAt(item, 'configMapRef', 'name') ?? '');
  const secret = textAt(item, 'secretRef', 'name');
  const fields = values.secretFields(object.namespace, secret ?? '');
  return [
    ...[...map].map(([name, value]): Setting => ({ kind: 'variable', name: prefix + name, value, place })),
    ...fields.map(
      (field): Setting => ({
        kind: 'variable',
        name: prefix + field,
        value: undefined,
        secret: { path: secretPath(object, secret), field },
        place,
      }),
    ),
  ];
}

function settingsOf(container: Container): Setting[] {
  const known = new Map<string, string>();
  const { object, value, path } = container;
  const from = entriesAt(value, 'envFrom').flatMap(([below, item]) =>
    variablesFrom(container, item, [...path, ...below]),
  );
  for (const { name, value: text } of from) if (text !== undefined) known.set(name, text);
  const own = entriesAt(value, 'env').flatMap(([below, item]) => variable(container, item, [...path, ...below], known));
  const words = ['command', 'args']
    .flatMap((key) => entriesAt(value, key))
    .flatMap(([below, item]): Setting[] =>
      typeof item === 'string'
        ? [{ kind: 'argument', name: '', value: expand(item, known), place: object.place(...path, ...below) }]
        : [],
    );
  return [...from, ...own, ...words];
}

/** Files of ConfigMaps that a pod mounts. */
function mountedSettings(object: KubernetesObject, values: Values, spec: Tree, path: Path): Setting[] {
  return entriesAt(spec, 'volumes').flatMap(([below, volume]) => {
    const place = object.place(...path, ...below);
    const files = values.configMap(object.namespace, textAt(volume, 'configMap', 'name') ?? '');
    return [...files].map(([, value]): Setting => ({ kind: 'argument', name: '', value, place }));
  });
}

function healthOf(containers: readonly unknown[]): string | undefined {
  const probes = containers.flatMap((container) => [at(container, 'readinessProbe'), at(container, 'livenessProbe')]);
  return probes.map((probe) => textAt(probe, 'httpGet', 'path')).find((path) => path !== undefined);
}

/** The workload that an object describes, if it does. */
export function workloadOf(object: KubernetesObject, values: Values): Workload[] {
  const template = templates.get(object.kind);
  if (template === undefined || object.name === '') return [];
  const pod = treeAt(object.value, ...template);
  const spec = treeAt(pod, 'spec');
  const path = [...template, 'spec'];
  const containers = listAt(spec, 'containers');
  const ports = containers.flatMap((container) => listAt(container, 'ports'));
  const settings = ['containers', 'initContainers']
    .flatMap((key) => entriesAt(spec, key))
    .flatMap(([below, value]) => settingsOf({ object, values, value, path: [...path, ...below] }));
  return [
    {
      source: 'kubernetes',
      kind: object.kind,
      name: object.name,
      namespace: object.namespace,
      labels: textsOf(at(pod, 'metadata', 'labels')),
      serviceAccount: textAt(spec, 'serviceAccountName') ?? textAt(spec, 'serviceAccount'),
      image: textAt(containers[0], 'image'),
      ports: ports.flatMap((port) => portAt(port, 'containerPort') ?? []),
      portNames: new Map(
        ports.flatMap((port) => {
          const [name, number] = [textAt(port, 'name'), portAt(port, 'containerPort')];
          return name === undefined || number === undefined ? [] : [[name, number] as const];
        }),
      ),
      health: healthOf(containers),
      settings: [...settings, ...mountedSettings(object, values, spec, path)],
      after: [],
      networks: [],
      place: object.place('metadata', 'name'),
    },
  ];
}
