import type { ActionNode, OperatorNode, VariableNode } from '../language/ast.ts';

/** Rules that ask the world outside, or for memory between requests, are left out; the rest of their set does without. */
const dispensable = {
  actions: new Map([
    ['expirevar', 'collections last for one transaction'],
    ['deprecatevar', 'collections last for one transaction'],
  ]),
  operators: new Map([
    ['rbl', 'rules make no network requests'],
    ['geolookup', 'there is no geographic database'],
    ['gsblookup', 'rules make no network requests'],
  ]),
  variables: new Map([['GEO', 'there is no geographic database']]),
};

/** Actions that a rule is left out for. */
export const isDispensable = (action: string): boolean => dispensable.actions.has(action);

/** Why a rule is to be left out: `action expirevar: ...`; undefined where it is not. */
export function reasonToLeaveOut(
  variables: readonly VariableNode[],
  operator: OperatorNode | undefined,
  actions: readonly ActionNode[],
): string | undefined {
  const named = [
    ...actions.map(({ name }) => ['action', name, dispensable.actions.get(name)] as const),
    ...variables.map(({ name }) => ['variable', name, dispensable.variables.get(name)] as const),
    ['operator', `@${operator?.name}`, dispensable.operators.get(operator?.name.toLowerCase() ?? '')] as const,
  ];
  const found = named.find(([, , why]) => why !== undefined);
  return found === undefined ? undefined : `the ${found[0]} \`${found[1]}\` is not supported: ${found[2]}`;
}
