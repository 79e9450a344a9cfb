import { hasBit } from '../match/sieve.ts';
import { isQuiet, lastInBlock } from './blocks.ts';
import type { Place, Step } from './foresight.ts';
import type { Transaction } from './model.ts';
import type { Shortcuts, TransactionPlan } from './plan.ts';
import { isRemoved, runRule } from './run.ts';
import type { Survey } from './survey.ts';

const isOver = ({ interruption, allowed }: Transaction): boolean => interruption !== undefined || allowed !== 'no';

/** What a survey has found out about the values of a phase. */
interface Findings {
  readonly survey: Survey;
  readonly hot: Int32Array;
}

/** Runs the entries of a phase one after the other, from a place on. */
function runEntries(
  transaction: Transaction,
  { ruleSets }: TransactionPlan,
  from: Place,
  findings: Findings | undefined,
): void {
  for (let set = from.set; set < ruleSets.length; set += 1) {
    const entries = ruleSets[set]!.phases[transaction.phase]!;
    for (let index = set === from.set ? from.entry : 0; index < entries.length; ) {
      const { link, jump } = entries[index]!;
      index += 1;
      if (transaction.mode === 'off') return;
      const bit = findings?.survey.bits.get(link);
      if (bit !== undefined && !hasBit(findings!.hot, bit)) continue;
      if (isRemoved(transaction, link)) continue;
      if (!runRule(transaction, link)) continue;
      if (isOver(transaction)) return;
      if (jump !== undefined) index = jump;
    }
  }
}

/** Where to go on after a step that has left the course. */
const after = ({ place, jump }: Step): Place => ({ set: place.set, entry: jump ?? place.entry + 1 });

/** Runs the steps that values concern. Gives the place from which on rules are to be run one by one, if so. */
function runSteps(transaction: Transaction, shortcuts: Shortcuts, hot: Int32Array): Place | undefined {
  const { phase } = transaction;
  const steps = shortcuts.course.phases[phase]!;
  const bits = shortcuts.bits[phase]!;
  const blocks = shortcuts.blocks[phase]!;
  const asks = shortcuts.asks[phase]!;
  const attempts = shortcuts.attempts[phase]!;
  for (let index = 0; index < steps.length; index += 1) {
    if (isQuiet(blocks, index, hot)) {
      index += lastInBlock;
      continue;
    }
    const bit = bits[index]!;
    if (bit >= 0 && !hasBit(hot, bit)) continue;
    const step = steps[index]!;
    transaction.standing = step.standing;
    const ask = asks[index];
    if (ask !== undefined && !ask(transaction)) continue;
    if (transaction.removed.length > 0 && isRemoved(transaction, step.link)) continue;
    const attempt = attempts[index];
    const trail = attempt?.trailOf(transaction);
    if (trail !== undefined && attempt!.skip(trail, transaction)) continue;
    const before = trail === undefined ? undefined : new Map(transaction.variables);
    if (!runRule(transaction, step.link)) {
      if (before !== undefined) attempt!.note(trail!, transaction, before);
      if (step.departsEarly) return { set: step.place.set, entry: step.place.entry + 1 };
      continue;
    }
    if (isOver(transaction)) {
      transaction.foreseen = undefined;
      return undefined;
    }
    if (step.departs) return after(step);
    if (step.leap !== undefined) index = step.leap - 1;
  }
  transaction.standing = shortcuts.course.ends[phase]!;
  transaction.foreseen = phase;
  return undefined;
}

const beginning: Place = { set: 0, entry: 0 };

function runRules(transaction: Transaction, plan: TransactionPlan): void {
  const { shortcuts } = plan;
  const { phase } = transaction;
  if (shortcuts === undefined) return runEntries(transaction, plan, beginning, undefined);
  const survey = shortcuts.surveys[phase]!;
  const findings: Findings = { survey, hot: survey.look(transaction, phase) };
  const foreseen = transaction.foreseen === phase - 1;
  transaction.foreseen = undefined;
  const place = foreseen ? runSteps(transaction, shortcuts, findings.hot) : beginning;
  if (place !== undefined) runEntries(transaction, plan, place, findings);
}

/** Runs the rules of a phase, unless an earlier one has ended the matter. */
export function enterPhase(transaction: Transaction, plan: TransactionPlan, phase: number): void {
  transaction.phase = phase;
  transaction.phaseLists.length = 0;
  transaction.groups = undefined;
  transaction.gathered = undefined;
  if (transaction.allowed === 'phase' || (transaction.allowed === 'request' && phase > 2)) transaction.allowed = 'no';
  if (phase !== 5 && isOver(transaction)) return;
  if (phase === 5) transaction.allowed = 'no';
  runRules(transaction, plan);
}
