import type { Field, GraphqlDocument, OperationDefinition, Selection } from './document.ts';
import { GraphqlFault } from './lexer.ts';

/** How much one operation asks for. */
export interface Measure {
  readonly depth: number;
  readonly aliases: number;
  readonly cost: number;
  /** It asks for `__schema` or `__type`. */
  readonly introspects: boolean;
}

const nothing: Measure = { depth: 0, aliases: 0, cost: 0, introspects: false };
// Sums stop here: a fragment used twice within a fragment used twice within ... doubles at each step.
const saturated = 1e12;

/** Measures `operation`; each fragment is measured once, wherever it is used. Throws `GraphqlFault` where fragments run in a circle. */
export function measureOperation(
  document: GraphqlDocument,
  operation: OperationDefinition,
  variables: Readonly<Record<string, unknown>>,
): Measure {
  const known = new Map<string, Measure | 'open'>();
  const sizeOf = (size: number | string): number => {
    const value =
      typeof size === 'number' ? size : Object.hasOwn(variables, size) ? variables[size] : operation.defaults.get(size);
    return typeof value === 'number' && value > 0 ? value : 1;
  };
  const fragment = (name: string): Measure => {
    const measured = known.get(name);
    if (measured === 'open') throw new GraphqlFault('has fragments that lead back to themselves');
    if (measured !== undefined) return measured;
    const selections = document.fragments.get(name);
    if (selections === undefined) throw new GraphqlFault('uses a fragment that it does not define');
    known.set(name, 'open');
    const result = all(selections);
    known.set(name, result);
    return result;
  };
  const field = ({ name, isAliased, pageSizes, selections }: Field): Measure => {
    const inner = all(selections);
    const pages = pageSizes.reduce<number>((product, size) => product * sizeOf(size), 1);
    return {
      depth: inner.depth + 1,
      aliases: inner.aliases + (isAliased ? 1 : 0),
      cost: Math.min(saturated, 1 + pages * inner.cost),
      introspects: inner.introspects || name === '__schema' || name === '__type',
    };
  };
  const one = (selection: Selection): Measure => {
    if (selection.kind === 'field') return field(selection);
    return selection.kind === 'spread' ? fragment(selection.fragment) : all(selection.selections);
  };
  const all = (selections: readonly Selection[]): Measure => selections.map(one).reduce(add, nothing);
  return all(operation.selections);
}

function add(a: Measure, b: Measure): Measure {
  return {
    depth: Math.max(a.depth, b.depth),
    aliases: Math.min(saturated, a.aliases + b.aliases),
    cost: Math.min(saturated, a.cost + b.cost),
    introspects: a.introspects || b.introspects,
  };
}
