import type { WafExclusion } from '../../api/waf.ts';
import type { Clock } from '../../core/clock.ts';
import type { TextMemory } from '../match/text.ts';
import type { Ask } from './ask.ts';
import type { Attempts } from './attempts.ts';
import type { Block } from './blocks.ts';
import type { Course } from './foresight.ts';
import type { EngineMode, Removal, Standing, Transaction } from './model.ts';
import type { RuleSet } from './rule-set.ts';
import type { Survey } from './survey.ts';

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
  /** As configured; the two below follow from them. */
  readonly exclusions: readonly WafExclusion[];
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
  /** Per phase, the same of neighbours together. */
  readonly blocks: readonly (readonly Block[])[];
  /** Per phase, what each step is to be asked before it runs. */
  readonly asks: readonly (readonly (Ask | undefined)[])[];
  /** Per phase, steps whose attempts are remembered. */
  readonly attempts: readonly (readonly (Attempts | undefined)[])[];
}
