import type { Path } from '../problem.ts';
import { at, isTree, listAt, type Tree, textAt, textsOf, treeAt } from '../tree.ts';
import type { FoundDocument } from './documents.ts';
import type { Place } from './facts.ts';

/** A Kubernetes object, and where it stands. */
export interface KubernetesObject {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly value: Tree;
  place(...path: Path): Place;
}

function objectOf(value: Tree, document: FoundDocument, base: Path): KubernetesObject[] {
  const kind = textAt(value, 'kind') ?? '';
  if (kind.endsWith('List') && Array.isArray(value.items))
    return value.items.flatMap((item, index) =>
      isTree(item) ? objectOf(item, document, [...base, 'items', index]) : [],
    );
  return [
    {
      kind,
      name: textAt(value, 'metadata', 'name') ?? '',
      namespace: textAt(value, 'metadata', 'namespace') ?? 'default',
      value,
      place: (...path) => document.place([...base, ...path]),
    },
  ];
}

/** The Kubernetes objects of a document, lists taken apart. Empty where it is something else. */
export function objectsOf(document: FoundDocument): KubernetesObject[] {
  const { value } = document;
  return isTree(value) && typeof value.apiVersion === 'string' && typeof value.kind === 'string'
    ? objectOf(value, document, [])
    : [];
}

/** The values that pods refer to by name. Of secrets, the names of their fields only. */
export interface Values {
  configMap(namespace: string, name: string): ReadonlyMap<string, string>;
  secretFields(namespace: string, name: string): readonly string[];
}

/** Gathers ConfigMaps and Secrets. */
export function valuesOf(objects: readonly KubernetesObject[]): Values {
  const key = (namespace: string, name: string) => `${namespace}/${name}`;
  const of = (kind: string) => objects.filter((object) => object.kind === kind);
  const maps = new Map(of('ConfigMap').map((map) => [key(map.namespace, map.name), textsOf(at(map.value, 'data'))]));
  const secrets = new Map(
    of('Secret').map(({ namespace, name, value }) => [
      key(namespace, name),
      [...Object.keys(treeAt(value, 'data')), ...Object.keys(treeAt(value, 'stringData'))],
    ]),
  );
  return {
    configMap: (namespace, name) => maps.get(key(namespace, name)) ?? new Map(),
    secretFields: (namespace, name) => secrets.get(key(namespace, name)) ?? [],
  };
}

/** Indexed entries of a list below `keys`, for citing their lines. */
export function entriesAt(value: unknown, ...keys: readonly string[]): [path: Path, item: unknown][] {
  return listAt(value, ...keys).map((item, index) => [[...keys, index], item]);
}
