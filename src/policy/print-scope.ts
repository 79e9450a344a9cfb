import type { EntityUidJson, ScopeConstraint } from '../api/policy.ts';
import { entityText } from './cedar-text.ts';
import type { ScopeVariable } from './scope.ts';

/** A scope constraint as Cedar text: `principal in Merlon::Role::"manager"`. */
export function printScope(constraint: ScopeConstraint, variable: ScopeVariable): string {
  const { op, entities } = constraint;
  if (op === 'All') return variable;
  if (op === 'is') {
    const within = constraint.in === undefined ? '' : ` in ${printTarget(constraint.in)}`;
    return `${variable} is ${constraint.entity_type}${within}`;
  }
  const target = entities === undefined ? printTarget(constraint) : `[${entities.map(printUid).join(', ')}]`;
  return `${variable} ${op} ${target}`;
}

function printTarget({ entity, slot }: { readonly entity?: EntityUidJson; readonly slot?: string }): string {
  return entity === undefined ? (slot ?? '') : printUid(entity);
}

/** The parser writes entities of the scope with and without the escape. */
function printUid(uid: EntityUidJson | { readonly __entity: EntityUidJson }): string {
  const { type, id } = '__entity' in uid ? uid.__entity : uid;
  return entityText(type, id);
}
