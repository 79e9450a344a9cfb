import { namesIn } from '../language/macro.ts';
import type { Text } from '../match/text.ts';
import { collections, membersOf } from './collections.ts';
import { isSecretField } from './header-values.ts';
import { isReported, reads, type Variable } from './idle.ts';
import { type Link, linksOf, type Target, type Transaction } from './model.ts';
import { putCaptures } from './store.ts';
import type { Value } from './value.ts';

// A chain over the names of header fields, or over the media type, takes them apart and comes to nothing, each time the same
// way. For which texts it came to nothing is remembered, and which variables it left that other rules may read: for
// exactly these texts, and only where nothing else decides.

/** What an attempt that did not match has left behind. */
interface Residue {
  readonly variables: readonly (readonly [string, Value | undefined])[];
  /** TX.0 and so on; undefined: nothing was captured. */
  readonly captures: readonly (Value | undefined)[] | undefined;
}

/** What the outcome depends on: texts that are remembered, one after the other. */
export interface Trail {
  readonly next: Map<Text, Trail>;
  residue: Residue | undefined;
}

export interface Attempts {
  /** Undefined where the outcome depends on more than texts that come again. */
  trailOf(transaction: Transaction): Trail | undefined;
  /** Whether an attempt is known to come to nothing; leaves behind what it would. */
  skip(trail: Trail, transaction: Transaction): boolean;
  /** Takes in that an attempt did not match. @param before variables of TX in front of it. */
  note(trail: Trail, transaction: Transaction, before: ReadonlyMap<string, Value | undefined>): void;
}

const maxTrails = 1024;
const maxVariables = 64;

const createTrail = (): Trail => ({ next: new Map(), residue: undefined });

const ownNames: ReadonlySet<string> = new Set(['TX', 'RULE', 'MATCHED_VAR', 'MATCHED_VAR_NAME']);

/** Whether what a variable shows comes again with other requests and is no secret. */
function comesAgain({ collection, key, covers, counted }: Target): boolean {
  if (counted) return false;
  if (collection === 'REQUEST_HEADERS') return key !== undefined && !isSecretField(key);
  return collection === 'REQUEST_HEADERS_NAMES' && covers === undefined;
}

/** Whether all that decides about a chain are the values of its head and variables of TX. */
function dependsOnHeadOnly(head: Link): boolean {
  return linksOf(head).every(({ condition, effects, next }) => {
    if (condition === undefined) return false;
    const named = [...namesIn(condition.parameter), ...effects.flatMap((effect) => effect.reads)];
    const list = condition.targets.targets;
    const isOwn = condition === head.condition || list.every(({ collection }) => collection === 'TX');
    const setsVariables = effects.every(({ reach }) => reach.kind === 'variable' || reach.kind === 'variables');
    return isOwn && named.every(({ collection }) => ownNames.has(collection)) && (next === undefined || setsVariables);
  });
}

/** Follows the texts of a target from the start, a step of the way for each; bounded, and begun anew when it has grown too far. */
function createTrails({ key, collection }: Target): (values: readonly Value[]) => Trail | undefined {
  const isName = collection === 'REQUEST_HEADERS_NAMES';
  let start = createTrail();
  let count = 0;
  const extend = (trail: Trail, text: Text): Trail => {
    if (count >= maxTrails) {
      start = createTrail();
      count = 0;
    }
    count += 1;
    const made = createTrail();
    trail.next.set(text, made);
    return made;
  };
  return (values) => {
    let trail = start;
    for (let index = 0; index < values.length; index += 1) {
      const { lowerKey, text } = values[index]!;
      if (!isName && lowerKey !== key) continue;
      if (text.noted === undefined) return undefined;
      trail = trail.next.get(text) ?? extend(trail, text);
    }
    return trail;
  };
}

/** Whether variables of some names matter; each is found out once. */
function createTable(find: (variable: Variable) => boolean): (key: string) => boolean {
  const known = new Map<string, boolean>();
  return (key) => {
    const found = known.get(key) ?? find({ collection: 'TX', key });
    if (known.size >= maxVariables) known.clear();
    known.set(key, found);
    return found;
  };
}

const isDigit = (key: string): boolean => key.length === 1 && key >= '0' && key <= '9';

function capturesOf({ variables, captures }: Transaction): (Value | undefined)[] {
  return Array.from({ length: captures }, (_none, index) => variables.get(String(index)));
}

/** @param others the rules that run besides. Undefined: attempts at this rule are not worth remembering, or must not be. */
export function rememberAttempts(head: Link, others: readonly Link[]): Attempts | undefined {
  const [target, ...more] = head.condition?.targets.targets ?? [];
  if (head.next === undefined || target === undefined || more.length > 0) return undefined;
  if (!comesAgain(target) || !dependsOnHeadOnly(head)) return undefined;
  const collection = collections.get(target.collection)!;
  const follow = createTrails(target);
  const matters = createTable((variable) => reads(head, variable));
  const isPublic = createTable((variable) => isReported(variable) || others.some((other) => reads(other, variable)));
  return {
    trailOf(transaction) {
      const { variables, removals } = transaction;
      if (removals.length > 0) return undefined;
      if (variables.size > 0) for (const key of variables.keys()) if (matters(key)) return undefined;
      return follow(membersOf(transaction, collection));
    },
    skip({ residue }, transaction) {
      if (residue === undefined) return false;
      const { variables } = residue;
      for (let index = 0; index < variables.length; index += 1)
        transaction.variables.set(variables[index]![0], variables[index]![1]);
      if (residue.captures !== undefined) putCaptures(transaction, residue.captures);
      return true;
    },
    note(trail, transaction, before) {
      const written = [...transaction.variables].filter(([name, value]) => before.get(name) !== value);
      trail.residue = {
        variables: written.filter(([name]) => !isDigit(name) && isPublic(name)),
        captures: written.some(([name]) => isDigit(name) && isPublic(name)) ? capturesOf(transaction) : undefined,
      };
    },
  };
}
