import type { ActionNode, OperatorNode, VariableNode } from '../language/ast.ts';

/** Rules that ask the world outside, or for memory between requests, are left out; the rest of their set does without. */
const dispensable = {
  /** Of rules that look at what they keep; for the others what they keep is beside the point, and they run without these. */
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

/** Collections that would outlive a transaction, had the engine a memory. */
const lasting: ReadonlySet<string> = new Set(['IP', 'SESSION', 'GLOBAL', 'RESOURCE', 'USER']);

/** One rule, or one link of a chain, as far as it was read. */
interface RulePart {
  readonly variables: readonly VariableNode[] | undefined;
  readonly operator: OperatorNode | undefined;
  readonly actions: readonly ActionNode[];
}

/** Actions that have no effect here; a rule whose purpose they are is left out. */
export const isDispensable = (action: string): boolean => dispensable.actions.has(action);

/** Why a rule, with the rest of its chain, is to be left out: `the action ...`; undefined where it is not. */
export function reasonToLeaveOut(chain: readonly RulePart[]): string | undefined {
  const looksBack = chain.some(({ variables }) => variables?.some(({ name }) => lasting.has(name)) === true);
  const found = chain
    .flatMap(({ variables = [], operator, actions }) => [
      ...actions.map(({ name }) => ['action', name, looksBack ? dispensable.actions.get(name) : undefined] as const),
      ...variables.map(({ name }) => ['variable', name, dispensable.variables.get(name)] as const),
      ['operator', `@${operator?.name}`, dispensable.operators.get(operator?.name.toLowerCase() ?? '')] as const,
    ])
    .find(([, , why]) => why !== undefined);
  return found === undefined ? undefined : `the ${found[0]} \`${found[1]}\` is not supported: ${found[2]}`;
}
