import { compileXPath } from '../body/xpath.ts';
import { type Position, placed, ruleFault, unsupported } from '../errors.ts';
import type { SelectorNode, VariableNode } from '../language/ast.ts';
import { compileRegex } from '../regex/regex.ts';
import { lowercase } from '../transformations/bytes.ts';
import { collections, membersOf } from './collections.ts';
import type { Exclusion, Target, TargetSet, Transaction, ValueTest } from './model.ts';
import { txSelected, txValue } from './store.ts';
import { unsupportedVariables } from './unsupported.ts';
import { createValue, type Value } from './value.ts';

/** A test of members of a collection; names are compared without regard to case. */
export function selects(selector: SelectorNode | undefined): ((value: Value) => boolean) | undefined {
  if (selector === undefined) return undefined;
  if (selector.kind === 'key') {
    const key = lowercase(selector.key);
    return (value) => value.lowerKey === key;
  }
  const regex = compileRegex(selector.source, { ignoreCase: true });
  return (value) => regex.test(value.key);
}

function checkName(node: VariableNode, at: Position): void {
  if (node.name === 'XML' || collections.has(node.name)) return;
  const reason = unsupportedVariables.get(node.name);
  if (reason !== undefined) throw unsupported(at, `the variable \`${node.name}\``, reason);
  throw ruleFault(at, 'waf.unknown-name', `there is no variable \`${node.name}\``);
}

function xmlTarget(node: VariableNode): Target {
  const path = node.selector?.kind === 'key' ? node.selector.key : '/*';
  const find = compileXPath(path);
  return {
    collection: 'XML',
    key: path,
    counted: node.counted,
    covers: undefined,
    some(transaction, test) {
      const { xml } = transaction.body;
      const texts = xml === undefined ? [] : find(xml);
      if (node.counted) return test(createValue('&XML', path, String(texts.length)), transaction);
      return texts.some((text) => test(createValue('XML', path, text), transaction));
    },
  };
}

const maxKeptCount = 64;

/** Values of `&NAME:key`. Those of small counts are kept. */
function counter(collection: string, key: string): (count: number) => Value {
  const kept: Value[] = [];
  const create = (count: number): Value => createValue(`&${collection}`, key, String(count));
  return (count) => (count < maxKeptCount ? (kept[count] ??= create(count)) : create(count));
}

/** One variable of TX: the most frequent of all targets. */
function txTarget(node: VariableNode, key: string): Target {
  const lower = lowercase(key);
  const count = counter('TX', key);
  return {
    collection: 'TX',
    key: lower,
    counted: node.counted,
    covers: selects(node.selector),
    some(transaction, test) {
      const value = txValue(transaction, lower);
      if (node.counted) return test(count(value === undefined ? 0 : 1), transaction);
      return value !== undefined && test(value, transaction);
    },
  };
}

/** What a selector is called in a record. */
const selectorText = (selector: SelectorNode | undefined): string =>
  selector === undefined ? '' : selector.kind === 'key' ? selector.key : `/${selector.source}/`;

function someOf(
  values: readonly Value[],
  covers: Target['covers'],
  transaction: Transaction,
  test: ValueTest,
): boolean {
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index]!;
    if ((covers === undefined || covers(value)) && test(value, transaction)) return true;
  }
  return false;
}

function countOf(values: readonly Value[], covers: Target['covers']): number {
  if (covers === undefined) return values.length;
  let count = 0;
  for (let index = 0; index < values.length; index += 1) if (covers(values[index]!)) count += 1;
  return count;
}

function plainTarget(node: VariableNode): Target {
  const { name, selector, counted } = node;
  if (name === 'TX' && selector?.kind === 'key') return txTarget(node, selector.key);
  const collection = collections.get(name)!;
  const covers = selects(selector);
  const isTx = name === 'TX' && covers !== undefined;
  const standing = new WeakMap<ReadonlyMap<string, Value>, readonly Value[]>();
  const count = counter(name, selectorText(selector));
  return {
    collection: name,
    key: selector?.kind === 'key' ? lowercase(selector.key) : undefined,
    counted,
    covers,
    some(transaction, test) {
      const values = isTx ? txSelected(transaction, covers, standing) : membersOf(transaction, collection);
      const chosen = isTx ? undefined : covers;
      if (counted) return test(count(countOf(values, chosen)), transaction);
      return someOf(values, chosen, transaction, test);
    },
  };
}

/** Adds all values of a target. */
export function collectFrom(target: Target, transaction: Transaction, into: Value[]): void {
  target.some(transaction, (value) => {
    into.push(value);
    return false;
  });
}

function keyOf(nodes: readonly VariableNode[]): string {
  return nodes
    .map(({ name, selector, excluded, counted }) => {
      const of = selector === undefined ? '' : `:${selectorText(selector)}`;
      return `${excluded ? '!' : ''}${counted ? '&' : ''}${name}${of}`;
    })
    .join('|');
}

function sameXml(a: VariableNode, b: VariableNode): boolean {
  const path = (node: VariableNode): string => (node.selector?.kind === 'key' ? node.selector.key : '/*');
  return a.name === 'XML' && b.name === 'XML' && path(a) === path(b);
}

/** Interns lists of variables, so that rules with equal lists share what they gather. */
export interface TargetTable {
  compile(nodes: readonly VariableNode[], at: Position): TargetSet;
}

export function createTargetTable(): TargetTable {
  const known = new Map<string, TargetSet>();
  return {
    compile: (nodes, at) =>
      placed(at, () => {
        const key = keyOf(nodes);
        let set = known.get(key);
        if (set === undefined) {
          for (const node of nodes) checkName(node, at);
          set = buildSet(nodes, known.size);
          known.set(key, set);
        }
        return set;
      }),
  };
}

/** Whether it takes as much to look a value up as to gather it. */
const isSingle = ({ name, counted, selector }: VariableNode): boolean =>
  counted || selector?.kind === 'key' || collections.get(name)?.single === true;

function buildSet(nodes: readonly VariableNode[], id: number): TargetSet {
  const excluded = nodes.filter((node) => node.excluded);
  const included = nodes.filter((node) => !node.excluded && !excluded.some((one) => sameXml(one, node)));
  const stable = included.every(({ name }) => name === 'XML' || collections.get(name)?.lifetime !== 'moment');
  return {
    id,
    targets: included.map((node) => (node.name === 'XML' ? xmlTarget(node) : plainTarget(node))),
    exclusions: excluded
      .filter(({ name }) => name !== 'XML')
      .map((node): Exclusion => ({ collection: node.name, covers: selects(node.selector) })),
    stable,
    kept: stable && (included.length > 1 || included.some((node) => node.name === 'XML' || !isSingle(node))),
  };
}

const covered = (exclusions: readonly Exclusion[], value: Value): boolean =>
  exclusions.some(
    ({ collection, covers }) => collection === value.collection && (covers === undefined || covers(value)),
  );

/** Takes out what the exclusions cover. */
export function without(values: readonly Value[], exclusions: readonly Exclusion[]): readonly Value[] {
  return exclusions.length === 0 ? values : values.filter((value) => !covered(exclusions, value));
}
