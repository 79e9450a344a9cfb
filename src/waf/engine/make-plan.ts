import type { SieveShelf } from '../match/sieve-shelf.ts';
import { lowercase } from '../transformations/bytes.ts';
import { askFor } from './ask.ts';
import { type Attempts, rememberAttempts } from './attempts.ts';
import { blocksOf } from './blocks.ts';
import { foresee, type Step } from './foresight.ts';
import type { Link, Standing } from './model.ts';
import { openTransaction } from './open.ts';
import type { PlanOptions, Shortcuts, TransactionPlan } from './plan.ts';
import type { RuleSet } from './rule-set.ts';
import { planSurvey } from './survey.ts';
import { createValue } from './value.ts';

const noRequest = { method: '', uri: '', protocol: '', headers: [], remoteAddress: '', id: '' };

function startOf({ variables, removedRules, removals }: PlanOptions): Standing {
  return {
    variables: new Map(variables.map(([key, value]) => [lowercase(key), createValue('TX', key, value)])),
    removed: removedRules.size === 0 ? [] : [({ id }) => removedRules.has(id)],
    removals,
  };
}

function takeShortcuts(plan: TransactionPlan, shelf: SieveShelf): Shortcuts {
  const course = foresee(plan.ruleSets, openTransaction(noRequest, plan));
  const request = planSurvey(course, [1, 2], shelf);
  const response = planSurvey(course, [3, 4, 5], shelf);
  const surveys = [request, request, request, response, response, response];
  const bitOf = (link: Link, phase: number): number => surveys[phase]!.bits.get(link) ?? -1;
  const bits = course.phases.map((steps, phase) => Int32Array.from(steps, ({ link }) => bitOf(link, phase)));
  const asks = course.phases.map((steps, phase) => steps.map(({ link }) => askFor(link, bitOf(link, phase) >= 0)));
  const heads = plan.ruleSets.flatMap(({ phases }) => phases.flat().map(({ link }) => link));
  const attemptsAt = ({ link, departsEarly }: Step): Attempts | undefined => {
    const others = heads.filter((head) => head !== link);
    return departsEarly ? undefined : rememberAttempts(link, others);
  };
  const attempts = course.phases.map((steps) => steps.map(attemptsAt));
  return { course, surveys, bits, blocks: bits.map(blocksOf), asks, attempts };
}

/** Shortcuts by the rules and the settings that they follow from: routes that differ in pinned fields only share them. */
export type KnownShortcuts = WeakMap<readonly RuleSet[], Map<string, Shortcuts>>;

function shortcutsFor(plan: TransactionPlan, shelf: SieveShelf, known: KnownShortcuts): Shortcuts {
  const ofRules = known.get(plan.ruleSets) ?? new Map<string, Shortcuts>();
  known.set(plan.ruleSets, ofRules);
  const key = JSON.stringify([plan.variables, plan.exclusions]);
  const found = ofRules.get(key) ?? takeShortcuts(plan, shelf);
  ofRules.set(key, found);
  return found;
}

/** @param known where shortcuts are kept for the next plan. */
export function makePlan(options: PlanOptions, shelf: SieveShelf, known: KnownShortcuts): TransactionPlan {
  const plan: TransactionPlan = { ...options, start: startOf(options), shortcuts: undefined };
  if (options.exhaustive || options.mode === 'off') return plan;
  return { ...plan, shortcuts: shortcutsFor(plan, shelf, known) };
}
