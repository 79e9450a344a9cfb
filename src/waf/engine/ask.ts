import { namesIn } from '../language/macro.ts';
import { transformed } from '../match/text.ts';
import { collections } from './collections.ts';
import type { Condition, Link, Transaction, ValueTest } from './model.ts';

// Most rules that no survey decides fail at their first look: a count, a method, a variable. Asking first costs a fraction
// of running them, since nothing is gathered, kept or undone.

/** Whether a rule may match. It changes nothing. */
export type Ask = (transaction: Transaction) => boolean;

const isSettled = (collection: string): boolean =>
  collection === 'TX' || collection === 'XML' || collections.get(collection)?.lifetime !== 'moment';

/** Whether a condition says the same before and after the links in front of it have matched. */
const isSteady = ({ targets, parameter }: Condition): boolean =>
  targets.targets.every(({ collection }) => isSettled(collection)) &&
  namesIn(parameter).every(({ collection }) => isSettled(collection));

/** The conditions of a chain that can be asked before its first effect takes place. */
function askableIn(head: Link): Condition[] {
  const found: Condition[] = [];
  for (let link: Link | undefined = head; link !== undefined; link = link.next) {
    const { condition } = link;
    if (condition?.stages.length === 0 && (link === head || isSteady(condition))) found.push(condition);
    if (link.effects.length > 0 || link.capture) break;
  }
  return found;
}

/** Whether some value meets a condition; what is excluded or pinned is not taken out, so that it may be too many. */
function askAbout({ operator, negated, chain, targets }: Condition): Ask {
  const test: ValueTest = ({ text }, transaction) =>
    operator.matches(transformed(text, chain), transaction) !== negated;
  const list = targets.targets;
  const [only] = list;
  if (list.length === 1) return (transaction) => only!.some(transaction, test);
  return (transaction) => {
    for (let index = 0; index < list.length; index += 1) if (list[index]!.some(transaction, test)) return true;
    return false;
  };
}

/**
 * What a rule is to be asked before it is run; undefined where there is nothing to ask.
 * @param isSurveyed the survey has answered for the first link.
 */
export function askFor(head: Link, isSurveyed: boolean): Ask | undefined {
  const asks = askableIn(head)
    .filter((condition) => !isSurveyed || condition !== head.condition)
    .map(askAbout);
  if (asks.length <= 1) return asks[0];
  return (transaction) => {
    for (let index = 0; index < asks.length; index += 1) if (!asks[index]!(transaction)) return false;
    return true;
  };
}
