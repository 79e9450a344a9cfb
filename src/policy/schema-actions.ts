import type { SchemaJson } from '@cedar-policy/cedar-wasm/nodejs';
import type { EntityUidJson, PolicySnapshot } from '../api/policy.ts';

/** The actions of a schema with all groups above each. */
export function actionsOf(schema: SchemaJson<string>): PolicySnapshot['actions'] {
  const parents = new Map<string, readonly EntityUidJson[]>();
  const uids: EntityUidJson[] = [];
  for (const [namespace, { actions }] of Object.entries(schema)) {
    const type = namespace === '' ? 'Action' : `${namespace}::Action`;
    for (const [id, { memberOf = [] }] of Object.entries(actions)) {
      uids.push({ type, id });
      parents.set(
        key({ type, id }),
        memberOf.map((group) => ({ type: qualified(group.type, type, namespace), id: group.id })),
      );
    }
  }
  return uids.map((uid) => ({ uid, ancestors: closure(uid, parents) }));
}

function qualified(type: string | undefined, own: string, namespace: string): string {
  if (type === undefined) return own;
  return type === 'Action' && namespace !== '' ? own : type;
}

function closure(uid: EntityUidJson, parents: ReadonlyMap<string, readonly EntityUidJson[]>): EntityUidJson[] {
  const found = new Map<string, EntityUidJson>();
  const open = [...(parents.get(key(uid)) ?? [])];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (found.has(key(next))) continue;
    found.set(key(next), next);
    open.push(...(parents.get(key(next)) ?? []));
  }
  return [...found.values()];
}

function key({ type, id }: EntityUidJson): string {
  return `${type}::${id}`;
}
