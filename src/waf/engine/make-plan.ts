import type { SieveShelf } from '../match/sieve-shelf.ts';
import { lowercase } from '../transformations/bytes.ts';
import { foresee } from './foresight.ts';
import type { Link, Standing } from './model.ts';
import { openTransaction } from './open.ts';
import type { PlanOptions, Shortcuts, TransactionPlan } from './plan.ts';
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
  return { course, surveys, bits };
}

export function makePlan(options: PlanOptions, shelf: SieveShelf): TransactionPlan {
  const plan: TransactionPlan = { ...options, start: startOf(options), shortcuts: undefined };
  return options.exhaustive || options.mode === 'off' ? plan : { ...plan, shortcuts: takeShortcuts(plan, shelf) };
}
