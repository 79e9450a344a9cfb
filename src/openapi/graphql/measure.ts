import { isObject } from '../json.ts';
import {
  type Field,
  type GraphqlDocument,
  type OperationDefinition,
  type PageSize,
  pageSizeNames,
  type Selection,
} from './document.ts';
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
  const held = new Map<string, number>();
  const heldIn = (name: string): number => {
    let product = held.get(name);
    if (product === undefined) {
      const given = Object.hasOwn(variables, name)
        ? sizesWithin(variables[name])
        : operation.defaults.get(name)?.within;
      held.set(name, (product = (given ?? []).reduce((all, size) => all * atLeastOne(size), 1)));
    }
    return product;
  };
  const sizeOf = (size: PageSize): number => {
    if (typeof size === 'number') return atLeastOne(size);
    if ('within' in size) return heldIn(size.within);
    return atLeastOne(Object.hasOwn(variables, size.is) ? variables[size.is] : operation.defaults.get(size.is)?.value);
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
    const pages = Math.min(
      saturated,
      pageSizes.reduce<number>((product, size) => product * sizeOf(size), 1),
    );
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

const atLeastOne = (value: unknown): number => (typeof value === 'number' && value > 1 ? value : 1);

/** The page sizes that a variable's value holds, however deep. */
function sizesWithin(value: unknown): number[] {
  if (Array.isArray(value)) return value.flatMap(sizesWithin);
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, member]) =>
    typeof member === 'number' && pageSizeNames.has(name) ? [member] : sizesWithin(member),
  );
}

function add(a: Measure, b: Measure): Measure {
  return {
    depth: Math.max(a.depth, b.depth),
    aliases: Math.min(saturated, a.aliases + b.aliases),
    cost: Math.min(saturated, a.cost + b.cost),
    introspects: a.introspects || b.introspects,
  };
}
