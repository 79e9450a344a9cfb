import type { Clock } from '../../core/clock.ts';
import type { SieveShelf } from '../match/sieve-shelf.ts';
import type { TextMemory } from '../match/text.ts';
import { lowercase } from '../transformations/bytes.ts';
import { type Course, foresee } from './foresight.ts';
import type { EngineMode, Link, Removal, Standing, Transaction } from './model.ts';
import { openTransaction } from './open.ts';
import type { RuleSet } from './rule-set.ts';
import { planSurvey, type Survey } from './survey.ts';
import { createValue } from './value.ts';

/** What a route asks of the engine. */
export interface PlanOptions {
  /** In running order, within each phase. */
  readonly ruleSets: readonly RuleSet[];
  readonly mode: EngineMode;
  readonly clock: Clock;
  readonly maxFields: number;
  readonly maxDepth: number;
  readonly readsRequestBody: boolean;
  readonly readsResponseBody: boolean;
  readonly responseBodyTypes: readonly string[];
  readonly maxResponseBodyBytes: number;
  /** Variables of TX that are set before the first rule. */
  readonly variables: readonly (readonly [string, string])[];
  readonly removedRules: ReadonlySet<number>;
  readonly removals: readonly Removal[];
  readonly isPinned: Transaction['isPinned'];
  readonly mask: (value: string) => string;
  readonly memory: TextMemory;
  /** Every rule is tried on every value: the slow and certain way that shortcuts are held against. */
  readonly exhaustive: boolean;
}

/** How one transaction is to run. */
export interface TransactionPlan extends PlanOptions {
  readonly start: Standing;
  /** Undefined: every rule is run. */
  readonly shortcuts: Shortcuts | undefined;
}

export interface Shortcuts {
  readonly course: Course;
  /** By phase. */
  readonly surveys: readonly Survey[];
  /** Per phase, the bit of each step, or -1 where it has none. */
  readonly bits: readonly Int32Array[];
}

const noRequest = { method: '', uri: '', protocol: '', headers: [], remoteAddress: '', id: '' };

function startOf({ variables, removedRules, removals }: PlanOptions): Standing {
  return {
    variables: new Map(variables.map(([key, value]) => [lowercase(key), createValue('TX', key, value)])),
    removedRules,
    removedTags: [],
    removedMessages: [],
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
