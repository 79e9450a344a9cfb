import type { SchemaPin } from '../api/openapi.ts';
import type { Denial } from '../api/record.ts';
import type { RouteWafConfig, VirtualPatch, WafExclusion, WafRules } from '../api/waf.ts';
import type { Clock } from '../core/clock.ts';
import { builtinRuleSet, preamble } from './builtin-rules.ts';
import { defaultWafOptions, type WafOptions } from './config.ts';
import { byId, readIds } from './engine/control.ts';
import { type KnownShortcuts, makePlan } from './engine/make-plan.ts';
import type { WafRequest, WafResponse } from './engine/message.ts';
import type { Link, Removal } from './engine/model.ts';
import { openTransaction, readBody, takeResponseBody } from './engine/open.ts';
import { enterPhase } from './engine/phase.ts';
import type { TransactionPlan } from './engine/plan.ts';
import { compileRuleSet, createWorkshop, type RuleSet, type Workshop } from './engine/rule-set.ts';
import { selects } from './engine/targets.ts';
import { parseVariables } from './language/variables.ts';
import { compilePins } from './pins.ts';
import { denialOf, reportOf, type WafReport } from './report.ts';
import { factsOf, type RuleFacts } from './rule-facts.ts';

/** One request on its way through the phases. Call in this order; stop at the first denial, then `finish`. */
export interface Inspection {
  /** Phase 1. */
  requestHead(): Denial | undefined;
  /** Phase 2. The body may arrive only now. */
  requestBody(body?: Uint8Array, truncated?: boolean): Denial | undefined;
  /** Phase 3. */
  responseHead(response: WafResponse): Denial | undefined;
  /** Phase 4. */
  responseBody(body: Uint8Array): Denial | undefined;
  /** Whether any rule that is to be told of has matched so far. Where none has, `finish` has nothing to say. */
  hasMatched(): boolean;
  /** Phase 5, and what was found. */
  finish(): WafReport;
}

/** The WAF of one route. */
export interface RouteWaf {
  readonly mode: 'off' | 'detect' | 'block';
  /** Whether rules want to read the body of requests. */
  readonly readsRequestBody: boolean;
  readonly readsResponseBody: boolean;
  /** Media types of responses that rules read, and how much of one. */
  readonly responseBodyTypes: readonly string[];
  readonly maxResponseBodyBytes: number;
  open(request: WafRequest): Inspection;
  /** Phases 1 and 2 of a whole request: the denial, or undefined. */
  inspect(request: WafRequest): Denial | undefined;
  /** The same, and phase 5, with everything that was found. */
  examine(request: WafRequest): WafReport;
}

export interface Waf {
  /** Rules that are loaded, patches not counted. */
  readonly rules: number;
  /** Directives that have no effect here. */
  readonly warnings: readonly string[];
  /** Every rule that tells of what it finds, in running order within each phase. */
  list(): readonly RuleFacts[];
  /** A route's WAF; `pins` are places whose values the API's schema has already confined. */
  route(config: Partial<RouteWafConfig>, pins?: readonly SchemaPin[]): RouteWaf;
}

const always = (): boolean => true;

function appliesOf({ rules, tag }: WafExclusion): (link: Link) => boolean {
  const hasId = rules === undefined ? always : byId(rules);
  const hasTag = tag === undefined ? always : ({ tags }: Link) => tags.includes(tag);
  return (link) => hasId(link) && hasTag(link);
}

const manifest = { file: 'exclusion', line: 1 };

function removalsOf(exclusion: WafExclusion): Removal[] {
  if (exclusion.targets === undefined) return [];
  const applies = appliesOf(exclusion);
  return parseVariables(exclusion.targets, manifest).map((node) => ({
    applies,
    collection: node.name,
    covers: selects(node.selector),
  }));
}

/** Ids of the rules that exclusions without targets take out. */
function removedIds(exclusions: readonly WafExclusion[], sets: readonly RuleSet[]): Set<number> {
  const whole = exclusions.filter(({ targets }) => targets === undefined);
  for (const { rules } of whole) if (rules !== undefined) readIds(rules);
  const tests = whole.map(appliesOf);
  const ids = sets
    .flatMap((set) => set.phases.flat())
    .filter(({ link }) => tests.some((test) => test(link)))
    .map(({ link }) => link.id);
  return new Set(ids);
}

interface Patch {
  readonly expiresAtMs: number;
  readonly rules: RuleSet;
}

function compilePatch(patch: VirtualPatch, workshop: Workshop): Patch {
  const files = [{ name: `patch ${patch.id}`, text: patch.seclang }];
  return { expiresAtMs: Date.parse(patch.expires), rules: compileRuleSet({ files, data: {} }, workshop) };
}

function variablesOf({ paranoia, threshold, variables: own = {} }: RouteWafConfig): [string, string][] {
  const variables = Object.entries(own);
  if (paranoia !== undefined)
    variables.push(
      ['blocking_paranoia_level', String(paranoia)],
      ['detection_paranoia_level', String(paranoia)],
      // Version 3 of the Core Rule Set calls it so.
      ['paranoia_level', String(paranoia)],
      ['executing_paranoia_level', String(paranoia)],
    );
  if (threshold !== undefined) variables.push(['inbound_anomaly_score_threshold', String(threshold)]);
  return variables;
}

const first = <Found>(sets: readonly RuleSet[], read: (set: RuleSet) => Found | undefined): Found | undefined =>
  sets.map(read).findLast((found) => found !== undefined);

function planOf(
  config: RouteWafConfig,
  sets: readonly RuleSet[],
  { options, clock, workshop, shortcuts }: WafContext,
  pins: readonly SchemaPin[],
): TransactionPlan {
  const declared = first(sets, (set) => set.options.mode);
  const mode = config.mode === 'off' ? 'off' : config.mode === 'detect' ? 'detection-only' : (declared ?? 'on');
  const wanted = {
    ruleSets: sets,
    mode,
    clock,
    maxFields: first(sets, (set) => set.options.maxFields) ?? options.maxFields,
    maxDepth: first(sets, (set) => set.options.maxJsonDepth) ?? options.maxDepth,
    readsRequestBody: first(sets, (set) => set.options.requestBodyAccess) ?? true,
    readsResponseBody: config.responseBody || (first(sets, (set) => set.options.responseBodyAccess) ?? false),
    responseBodyTypes: first(sets, (set) => set.options.responseBodyTypes) ?? options.responseBodyTypes,
    maxResponseBodyBytes: Math.min(
      first(sets, (set) => set.options.maxResponseBodyBytes) ?? options.maxResponseBodyBytes,
      options.maxResponseBodyBytes,
    ),
    variables: variablesOf(config),
    exclusions: config.exclusions,
    removedRules: removedIds(config.exclusions, sets),
    removals: config.exclusions.flatMap(removalsOf),
    isPinned: compilePins(pins),
    mask: options.mask,
    memory: workshop.memory,
    exhaustive: options.exhaustive,
  };
  return makePlan(wanted, workshop.sieves, shortcuts);
}

function openInspection(request: WafRequest, plan: TransactionPlan): Inspection {
  const transaction = openTransaction(request, plan);
  const after = (phase: number): Denial | undefined => {
    enterPhase(transaction, plan, phase);
    return denialOf(transaction, transaction.interruption);
  };
  return {
    requestHead: () => after(1),
    requestBody(body, truncated) {
      if (body !== undefined) {
        transaction.requestBody = body;
        transaction.isBodyTruncated = truncated ?? false;
      }
      readBody(transaction);
      return after(2);
    },
    responseHead(response) {
      transaction.response = response;
      return after(3);
    },
    responseBody(body) {
      takeResponseBody(transaction, plan, body);
      return after(4);
    },
    // No getter: on an object literal each would get a hidden class of its own, which keeps its request alive.
    hasMatched: () => transaction.matches.length > 0,
    finish() {
      enterPhase(transaction, plan, 5);
      return reportOf(transaction);
    },
  };
}

function createRoute(
  config: RouteWafConfig,
  sets: readonly RuleSet[],
  waf: WafContext,
  pins: readonly SchemaPin[],
): RouteWaf {
  const { workshop, clock } = waf;
  const patches = config.patches.map((patch) => compilePatch(patch, workshop));
  const patched = patches.length === 0 ? sets : [...patches.map(({ rules }) => rules), ...sets];
  const whole = planOf(config, patched, waf, pins);
  let plan = whole;
  let nextExpiry = patches.length === 0 ? Number.POSITIVE_INFINITY : 0;
  const current = (): TransactionPlan => {
    const now = clock.now();
    if (now < nextExpiry) return plan;
    const alive = patches.filter(({ expiresAtMs }) => expiresAtMs > now);
    nextExpiry = Math.min(Number.POSITIVE_INFINITY, ...alive.map(({ expiresAtMs }) => expiresAtMs));
    plan = makePlan(
      { ...whole, ruleSets: [...alive.map(({ rules }) => rules), ...sets] },
      workshop.sieves,
      waf.shortcuts,
    );
    return plan;
  };
  const open = (request: WafRequest): Inspection => openInspection(request, current());
  return {
    mode: config.mode,
    readsRequestBody: whole.mode !== 'off' && whole.readsRequestBody,
    readsResponseBody: whole.mode !== 'off' && whole.readsResponseBody,
    responseBodyTypes: whole.responseBodyTypes,
    maxResponseBodyBytes: whole.maxResponseBodyBytes,
    open,
    inspect(request) {
      if (whole.mode === 'off') return undefined;
      const inspection = open(request);
      return inspection.requestHead() ?? inspection.requestBody();
    },
    examine(request) {
      const inspection = open(request);
      if (inspection.requestHead() === undefined) inspection.requestBody();
      return inspection.finish();
    },
  };
}

const defaultRoute: RouteWafConfig = { mode: 'block', exclusions: [], patches: [], responseBody: false };

interface WafContext {
  readonly workshop: Workshop;
  readonly clock: Clock;
  readonly options: WafOptions;
  readonly shortcuts: KnownShortcuts;
}

/**
 * Compiles the rule sets of a snapshot. Routes share the compiled rules.
 * @throws MerlonError with file and line of the first fault in a rule.
 */
export function compileWaf(section: Partial<WafRules>, clock: Clock, options: WafOptions = defaultWafOptions): Waf {
  const workshop = createWorkshop();
  const given = section.ruleSets ?? [];
  const sources = given.length === 0 ? [builtinRuleSet()] : given;
  const sets = [compileRuleSet(preamble(), workshop), ...sources.map((source) => compileRuleSet(source, workshop))];
  const context: WafContext = { workshop, clock, options, shortcuts: new WeakMap() };
  return {
    rules: sets.reduce((sum, set) => sum + set.rules, 0),
    warnings: sets.flatMap((set) => set.options.warnings),
    list: () => sets.flatMap(factsOf),
    route: (config, pins = []) => createRoute({ ...defaultRoute, ...config }, sets, context, pins),
  };
}
