import { type Macro, type MacroName, namesIn } from '../language/macro.ts';
import { type Condition, isSeen, type Link, linksOf, type Reach } from './model.ts';
import type { RuleSet } from './rule-set.ts';
import { storeNames } from './store.ts';
import { createValue } from './value.ts';

// Rule sets keep much that nobody reads: a hash of the user agent for a counter that another deployment would have, the
// marks of rules that this engine leaves out. A rule that only writes such variables need not run; nor one that asks for a
// variable that nobody writes.

/** One variable of TX, or of a collection such as IP. */
export interface Variable {
  readonly collection: string;
  /** In lower case. */
  readonly key: string;
}

/** What the report of a request tells, whether or not rules read it. */
export const isReported = ({ collection, key }: Variable): boolean =>
  collection === 'TX' && (key.endsWith('_score') || key.endsWith('_threshold'));

/** The variable that an effect writes; undefined where it does anything else, or may write several. */
function written(reach: Reach): Variable | undefined {
  if (reach.kind === 'variable') return { collection: 'TX', key: reach.key };
  return reach.kind === 'store' && reach.key !== undefined
    ? { collection: reach.collection, key: reach.key }
    : undefined;
}

function toldBy({ message, data, disruption }: Link): Macro[] {
  return [message, data, ...(disruption.kind === 'redirect' ? [disruption.location] : [])];
}

const isNamed = ({ collection, key }: Variable, name: MacroName): boolean =>
  name.collection === collection && (name.key === '' || name.lowerKey === key);

const looksAt = ({ collection, key }: Variable, { targets }: Condition): boolean => {
  const value = createValue(collection, key, '');
  return targets.targets.some(
    (target) => target.collection === collection && (target.covers === undefined || target.covers(value)),
  );
};

const isCapture = ({ collection, key }: Variable): boolean => collection === 'TX' && /^\d$/.test(key);

/** Whether a match of the link sets TX.0 to TX.9 anew, whatever was in them. */
const captures = ({ capture, condition }: Link): boolean =>
  capture && condition?.negated === false && condition.operator.captures !== undefined;

/** Whether a rule depends on what a variable was before, in any way. */
export function reads(head: Link, variable: Variable): boolean {
  let isSet = false;
  for (const link of linksOf(head)) {
    const { condition, effects } = link;
    const asked = condition === undefined ? [] : namesIn(condition.parameter);
    if (!isSet && asked.some((name) => isNamed(variable, name))) return true;
    if (!isSet && condition !== undefined && looksAt(variable, condition)) return true;
    isSet ||= isCapture(variable) && captures(link);
    const told = [...toldBy(link).flatMap(namesIn), ...effects.flatMap((effect) => effect.reads)];
    if (!isSet && told.some((name) => isNamed(variable, name))) return true;
  }
  return false;
}

/** Whether a match is noticed by something else than the readers of variables. */
const isNoticed = (head: Link): boolean =>
  isSeen(head) ||
  linksOf(head).some(
    ({ capture, skip, skipAfter, effects }) =>
      capture ||
      skip > 0 ||
      skipAfter !== undefined ||
      effects.some(({ reach }) => written(reach) === undefined || isReported(written(reach)!)),
  );

const writesOf = (head: Link): Variable[] =>
  linksOf(head).flatMap(({ effects }) => effects.map(({ reach }) => written(reach)!));

/** Heads of the rules whose match changes nothing that anyone notices. */
function unnoticed(heads: readonly Link[]): Set<Link> {
  const noticed = heads.filter(isNoticed);
  let open = heads.filter((head) => !noticed.includes(head));
  for (let at = 0; at < noticed.length; at += 1) {
    const reader = noticed[at]!;
    const found = open.filter((head) => writesOf(head).some((variable) => reads(reader, variable)));
    noticed.push(...found);
    open = open.filter((head) => !found.includes(head));
  }
  return new Set(open);
}

/** Collections other than TX that rules write, each with the keys; undefined where any key may be written. */
function storesOf(heads: readonly Link[]): Map<string, Set<string> | undefined> {
  const stores = new Map<string, Set<string> | undefined>([...storeNames].map((name) => [name, new Set()]));
  stores.delete('TX');
  for (const { reach } of heads.flatMap(linksOf).flatMap(({ effects }) => effects)) {
    if (reach.kind !== 'store') continue;
    if (reach.key === undefined) stores.set(reach.collection, undefined);
    else stores.get(reach.collection)?.add(reach.key);
  }
  return stores;
}

/** Whether a rule looks only at variables that no rule writes. */
function isVain({ condition }: Link, stores: ReadonlyMap<string, Set<string> | undefined>): boolean {
  if (condition === undefined) return false;
  return condition.targets.targets.every(({ collection, counted, covers }) => {
    const keys = stores.get(collection);
    if (counted || keys === undefined) return false;
    return ![...keys].some((key) => covers === undefined || covers(createValue(collection, key, '')));
  });
}

/** Heads of the rules that need not run, whatever the request. */
export function idleRules(ruleSets: readonly RuleSet[]): ReadonlySet<Link> {
  const heads = ruleSets.flatMap(({ phases }) => phases.flat().map(({ link }) => link));
  const stores = storesOf(heads);
  const vain = heads.filter((head) => isVain(head, stores));
  return new Set([...vain, ...unnoticed(heads)]);
}
