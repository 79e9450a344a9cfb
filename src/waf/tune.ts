import type { WafExclusion } from '../api/waf.ts';
import { fieldOf, variablesOf } from '../api/waf-fields.ts';
import type { RouteWaf } from './index.ts';
import { requestWith } from './probe.ts';

/** A rule that matched something harmless. */
export interface FalseAlarm {
  readonly rule: string;
  readonly message: string;
  readonly severity: string;
  /** In SecLang's words: `ARGS:json.note`. */
  readonly variable: string | undefined;
  /** What the value looks like, masked. */
  readonly value: string | undefined;
}

/** A request that does no harm, and what rules say of it. */
export interface HarmlessRequest {
  /** Name of the route. */
  readonly route: string;
  readonly score: number;
  /** Sum of scores at which it is refused; 0 where each rule refuses by itself. */
  readonly threshold: number;
  readonly alarms: readonly FalseAlarm[];
  /** Whether it passes with these exclusions; absent where the request itself is not at hand, and its scores must do. */
  readonly passes?: (exclusions: readonly WafExclusion[]) => boolean;
}

/** Rule, field and route: nothing narrower can be said. */
export interface Proposal {
  readonly route: string;
  readonly rule: string;
  readonly message: string;
  /** In the manifest's words. */
  readonly field: string;
  /** How many requests it is for. */
  readonly requests: number;
  readonly example: string | undefined;
  /** Attacks on the field that would get through with this exclusion and those before it, and do not without it. */
  readonly opens: readonly string[];
  /** How many attacks on the field are refused without it. */
  readonly guarded: number;
}

/** A rule that is wrong, and that no exclusion of one field can keep quiet. */
export interface Rejected {
  readonly route: string;
  readonly rule: string;
  readonly message: string;
  readonly requests: number;
}

export interface Tuning {
  readonly proposals: readonly Proposal[];
  readonly rejected: readonly Rejected[];
}

export interface TuneOptions {
  /** The WAF of a route with exclusions beside those that it has. */
  readonly compile: (route: string, exclusions: readonly WafExclusion[]) => RouteWaf;
  /** Values that are attacks: what of them an exclusion would let through is told with it. */
  readonly attacks: readonly string[];
}

interface Candidate extends Omit<Proposal, 'requests' | 'opens' | 'guarded'> {
  readonly points: number;
}

/** At least so many points for a rule of this severity; rules of `builtin/` that come in pairs give fewer than five. */
const points: Readonly<Record<string, number>> = { CRITICAL: 5, ERROR: 4, WARNING: 3, NOTICE: 2 };
const lastOfBuiltin = 9999;
const leastCritical = 3;

function pointsOf({ rule, severity }: FalseAlarm): number {
  const most = points[severity.toUpperCase()] ?? leastCritical;
  return Number(rule) <= lastOfBuiltin ? Math.min(most, leastCritical) : most;
}

export const exclusionOf = ({ rule, field }: Pick<Proposal, 'rule' | 'field'>): WafExclusion => ({
  rules: rule,
  targets: variablesOf(field).join('|'),
});

const keyOf = ({ route, rule, field }: Pick<Proposal, 'route' | 'rule' | 'field'>): string =>
  JSON.stringify([route, rule, field]);

/**
 * For each harmless request that is refused the exclusions that let it through and as few attacks as can be: of the rules that matched it those
 * that others make up for, and no more of them than it needs. What an exclusion would open is told with it.
 */
export function proposeExclusions(requests: readonly HarmlessRequest[], options: TuneOptions): Tuning {
  const chosen = new Map<string, Proposal>();
  const rejected = new Map<string, Rejected>();
  const openingOf = createOpenings(options);
  for (const group of grouped(requests)) {
    const [request] = group as [HarmlessRequest];
    const candidates = candidatesOf(request);
    const kept = candidates.filter((each) => chosen.has(keyOf(each)));
    const fresh = candidates.filter((each) => !chosen.has(keyOf(each)));
    const picked = cheapest(request, kept, fresh, (each) => openingOf(each).opens.length);
    for (const each of [...kept, ...(picked ?? [])]) {
      const before = chosen.get(keyOf(each));
      const count = (before?.requests ?? 0) + group.length;
      const { points: _, ...proposal } = each;
      chosen.set(keyOf(each), { ...proposal, ...(before ?? openingOf(each)), requests: count });
    }
    if (picked === undefined) noteFieldless(request, group.length, rejected);
  }
  const byRequests = (a: { requests: number }, b: { requests: number }): number => b.requests - a.requests;
  return {
    proposals: openedInTurn([...chosen.values()].sort(byRequests), options),
    rejected: [...rejected.values()].sort(byRequests),
  };
}

/** Requests that are refused, those with the same alarms together, the most frequent first. */
function grouped(requests: readonly HarmlessRequest[]): HarmlessRequest[][] {
  const groups = new Map<string, HarmlessRequest[]>();
  for (const request of requests) {
    if (request.score < request.threshold) continue;
    const alarms = request.alarms.map((alarm) => [alarm.rule, requestField(alarm)]);
    const key = JSON.stringify([request.route, alarms]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [request]);
    else group.push(request);
  }
  return [...groups.values()].sort((a, b) => b.length - a.length);
}

/** Of a chain's links some count what rules have found, and look at no field of the request. */
const ofRules = /^&|^(?:TX|MATCHED_)/;

const requestField = ({ variable }: FalseAlarm): string | undefined =>
  variable === undefined || ofRules.test(variable) ? undefined : fieldOf(variable);

function candidatesOf({ route, alarms }: HarmlessRequest): Candidate[] {
  const found = new Map<string, Candidate>();
  for (const alarm of alarms) {
    const field = requestField(alarm);
    if (field === undefined) continue;
    const { rule, message, value } = alarm;
    const candidate = { route, rule, message, field, example: value, points: pointsOf(alarm) };
    if (!found.has(keyOf(candidate))) found.set(keyOf(candidate), candidate);
  }
  return [...found.values()];
}

const maxTried = 10;

/** Of the sets of candidates with which the request passes the one that opens least, and then the smallest; undefined where none does. */
function cheapest(
  request: HarmlessRequest,
  kept: readonly Candidate[],
  fresh: readonly Candidate[],
  cost: (candidate: Candidate) => number,
): readonly Candidate[] | undefined {
  const some = fresh.toSorted((a, b) => cost(a) - cost(b)).slice(0, maxTried);
  let best: { readonly set: readonly Candidate[]; readonly price: number } | undefined;
  for (let bits = 0; bits < 1 << some.length; bits += 1) {
    const set = some.filter((_, index) => (bits & (1 << index)) !== 0);
    const price = set.reduce((sum, each) => sum + cost(each) + 0.01, 0);
    if (best !== undefined && price >= best.price) continue;
    if (isQuiet(request, [...kept, ...set])) best = { set, price };
  }
  return best?.set;
}

function isQuiet(request: HarmlessRequest, excluded: readonly Candidate[]): boolean {
  if (request.passes !== undefined) return request.passes(excluded.map(exclusionOf));
  const all = candidatesOf(request);
  const left = all.length - excluded.length;
  if (request.threshold === 0) return left === 0 && all.length > 0;
  const [first] = excluded;
  if (first === undefined) return false;
  // A rule that matched several fields scores until it is quiet on all of them.
  const quiet = [...new Set(excluded.map(({ rule }) => rule))].filter(
    (rule) =>
      !all.some(
        (each) => each.rule === rule && !excluded.some(({ field }) => field === each.field && rule === each.rule),
      ),
  );
  const sum = quiet.reduce((total, rule) => total + (all.find((each) => each.rule === rule)?.points ?? 0), 0);
  return request.score - sum < request.threshold;
}

function noteFieldless({ route, alarms }: HarmlessRequest, requests: number, rejected: Map<string, Rejected>): void {
  for (const { rule, message } of alarms) {
    if (alarms.some((each) => each.rule === rule && requestField(each) !== undefined)) continue;
    const key = JSON.stringify([route, rule]);
    rejected.set(key, { route, rule, message, requests: (rejected.get(key)?.requests ?? 0) + requests });
  }
}

/** What each lets through where those before it are in force, too: two rules may have guarded what neither guards alone. */
function openedInTurn(proposals: readonly Proposal[], { compile, attacks }: TuneOptions): Proposal[] {
  return proposals.map((proposal, index) => {
    const { route, field } = proposal;
    const before = proposals.slice(0, index).filter((each) => each.route === route);
    const exclusions = before.map(exclusionOf);
    const refused = refusedIn(compile(route, exclusions), field, attacks);
    const still = new Set(refusedIn(compile(route, [...exclusions, exclusionOf(proposal)]), field, attacks));
    return { ...proposal, guarded: refused.length, opens: refused.filter((attack) => !still.has(attack)) };
  });
}

type Opening = Pick<Proposal, 'opens' | 'guarded'>;

/** What each exclusion by itself would let through, tried once. */
function createOpenings({ compile, attacks }: TuneOptions): (candidate: Candidate) => Opening {
  const known = new Map<string, Opening>();
  return (candidate) => {
    const key = keyOf(candidate);
    const found = known.get(key);
    if (found !== undefined) return found;
    const before = refusedIn(compile(candidate.route, []), candidate.field, attacks);
    const after = new Set(refusedIn(compile(candidate.route, [exclusionOf(candidate)]), candidate.field, attacks));
    const opening = { guarded: before.length, opens: before.filter((attack) => !after.has(attack)) };
    known.set(key, opening);
    return opening;
  };
}

function refusedIn(waf: RouteWaf, field: string, attacks: readonly string[]): readonly string[] {
  return attacks.filter((attack) => {
    const { denial, wouldDeny } = waf.examine(requestWith(field, attack));
    return (denial ?? wouldDeny) !== undefined;
  });
}
