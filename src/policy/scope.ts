import type { EntityUidJson, ScopeConstraint, SnapshotPolicy } from '../api/policy.ts';
import { MerlonError } from '../core/errors.ts';
import type { EntitySource } from './entities.ts';
import { type EntityUid, same } from './values.ts';
import { uidOf } from './values-json.ts';

/** One constraint of a policy's scope, its slots filled. Never errs. */
export interface CompiledConstraint {
  /** The entities of which `==` wants one exactly, and `in` one at or above. Empty: any entity. */
  readonly uids: readonly EntityUid[];
  readonly exact: boolean;
  /** Of `is`. */
  readonly type: string | undefined;
  /** `in []` holds for nothing. */
  readonly never: boolean;
  matches(uid: EntityUid, entities: EntitySource): boolean;
}

export type ScopeVariable = 'principal' | 'action' | 'resource';

/** Compiles the constraint that `policy` puts on `variable`. Throws `policy.link` where a slot has no value. */
export function compileConstraint(policy: SnapshotPolicy, variable: ScopeVariable): CompiledConstraint {
  const json = policy.policy[variable];
  const uids = namedEntities(json, policy.slots ?? {});
  const type = json.op === 'is' ? json.entity_type : undefined;
  const exact = json.op === '==';
  const never = json.op === 'in' && uids.length === 0;
  return { uids, exact, type, never, matches: matcher(uids, exact, type, never) };
}

function namedEntities(json: ScopeConstraint, slots: Readonly<Record<string, EntityUidJson>>): readonly EntityUid[] {
  if (json.entities !== undefined) return json.entities.map(uidOf);
  const target = json.op === 'is' ? json.in : json;
  if (target === undefined) return [];
  if (target.entity !== undefined) return [uidOf(target.entity)];
  return target.slot === undefined ? [] : [uidOf(slotValue(slots, target.slot))];
}

function slotValue(slots: Readonly<Record<string, EntityUidJson>>, slot: string): EntityUidJson {
  const value = Object.hasOwn(slots, slot) ? slots[slot] : undefined;
  if (value === undefined) throw new MerlonError({ code: 'policy.link', message: `slot \`${slot}\` has no value` });
  return value;
}

function matcher(
  uids: readonly EntityUid[],
  exact: boolean,
  type: string | undefined,
  never: boolean,
): CompiledConstraint['matches'] {
  const [only, ...more] = uids;
  if (never) return () => false;
  if (only === undefined) return type === undefined ? () => true : (uid) => uid.type === type;
  if (exact) return (uid) => same(uid, only);
  if (type !== undefined) return (uid, entities) => uid.type === type && entities.isIn(uid, only);
  if (more.length === 0) return (uid, entities) => entities.isIn(uid, only);
  return (uid, entities) => uids.some((ancestor) => entities.isIn(uid, ancestor));
}
