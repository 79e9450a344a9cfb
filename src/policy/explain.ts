import type { PolicyExplanation, PolicyRequest } from '../api/policy.ts';
import { type Alternative, fewest } from './changes.ts';
import { type CompiledPolicy, inScope } from './compiled-policy.ts';
import { EvaluationError } from './evaluation-error.ts';
import { type Explained, explainPolicy, outOfScope } from './explain-policy.ts';
import type { CedarRequest } from './request.ts';

/** What one policy says of a request. */
interface Outcome {
  readonly policy: CompiledPolicy;
  readonly state: 'applies' | 'fails' | 'out-of-scope' | 'errs';
  readonly error?: string;
}

// More findings than these explain nothing. More permits than those are not examined, so that the cost of a denial has
// a bound: who is denied may come back at once.
const maxFindings = 5;
const maxExamined = 20;

/** Why `policies` decide on `request` as they do, and what would make them allow it. */
export function explainRequest(policies: readonly CompiledPolicy[], request: CedarRequest): PolicyExplanation {
  const outcomes = policies.map((policy) => outcomeOf(policy, request));
  const errors = outcomes.flatMap(({ policy, error }) =>
    error === undefined ? [] : [{ policy: policy.id, message: error }],
  );
  const applying = (effect: 'permit' | 'forbid') =>
    outcomes.filter(({ policy, state }) => state === 'applies' && policy.source.policy.effect === effect);
  const [forbidding, permitting] = [applying('forbid'), applying('permit')];
  const examined = (some: readonly Outcome[]) =>
    some.slice(0, maxExamined).map(({ policy }) => explainPolicy(policy, request));
  const nearest = permitting.length > 0 ? [] : nearMisses(outcomes, request);
  return {
    ...explanationOf(examined(forbidding), examined(permitting), nearest),
    determining: (forbidding.length > 0 ? forbidding : permitting).map(({ policy }) => policy.id),
    // What would undo some of the forbids alone would not help.
    ...(forbidding.length > maxExamined ? { fixes: [] } : {}),
    errors,
  };
}

/** Why a request is denied that asks for no route of the model, or by a method that it does not know. */
export function explainUnknownTarget({ method, route }: PolicyRequest, routeKnown: boolean): PolicyExplanation {
  const summary = routeKnown
    ? `method \`${method}\` is not known to the policies`
    : `route \`${route}\` is not known to the policies`;
  return { decision: 'deny', determining: [], findings: [], fixes: [], errors: [], summary };
}

function outcomeOf(policy: CompiledPolicy, request: CedarRequest): Outcome {
  if (!inScope(policy, request)) return { policy, state: 'out-of-scope' };
  try {
    return { policy, state: policy.holds(request) ? 'applies' : 'fails' };
  } catch (error) {
    if (!(error instanceof EvaluationError)) throw error;
    return { policy, state: 'errs', error: error.message };
  }
}

/** The permits that came closest, fewest changes first. Those for another resource are not close. */
function nearMisses(outcomes: readonly Outcome[], request: CedarRequest): readonly Explained[] {
  return outcomes
    .filter(({ policy }) => policy.source.policy.effect === 'permit')
    .map((outcome) => ({ ...outcome, missed: outOfScope(outcome.policy, request) }))
    .filter(({ missed }) => !missed.includes('resource'))
    .toSorted((a, b) => a.missed.length - b.missed.length)
    .slice(0, maxExamined)
    .map(({ policy, error }) => explainPolicy(policy, request, error))
    .toSorted((a, b) => distance(a) - distance(b))
    .slice(0, maxFindings);
}

function distance({ alternatives }: Explained): number {
  return alternatives[0]?.length ?? Number.POSITIVE_INFINITY;
}

function explanationOf(
  forbids: readonly Explained[],
  permits: readonly Explained[],
  nearest: readonly Explained[],
): Omit<PolicyExplanation, 'errors' | 'determining'> {
  if (forbids.length > 0) {
    const ordered = forbids.toSorted((a, b) => rank(a) - rank(b));
    return {
      decision: 'deny',
      findings: ordered.map(({ finding }) => finding),
      // Where nothing permits even so, undoing the forbids alone would not help.
      fixes: permits.length + nearest.length === 0 ? [] : sentences(together([...ordered, ...nearest.slice(0, 1)])),
      summary: `forbidden by ${ordered.map(({ finding }) => finding.rule).join(', ')}`,
    };
  }
  if (permits.length > 0) {
    const rules = permits.map(({ finding }) => finding.rule).join(', ');
    return {
      decision: 'allow',
      findings: permits.map(({ finding }) => finding),
      fixes: [],
      summary: `permitted by ${rules}`,
    };
  }
  const closest = nearest[0]?.finding.rule;
  return {
    decision: 'deny',
    findings: nearest.map(({ finding }) => finding),
    fixes: sentences(fewest(nearest.flatMap(({ alternatives }) => alternatives))),
    summary: closest === undefined ? 'no policy permits it' : `no policy permits it; the closest is ${closest}`,
  };
}

// What must be had first comes first: there is no use in naming a scope to somebody who has not authenticated.
const checkOrder = ['auth', 'scopes', 'roles', 'owner'];

function rank({ finding }: Explained): number {
  const at = checkOrder.indexOf(finding.check ?? '');
  return at < 0 ? checkOrder.length : at;
}

/** Ways out of all of `explained` at once; none where one of them has none. */
function together(explained: readonly Explained[]): readonly Alternative[] {
  return explained.reduce<readonly Alternative[]>(
    (combined, { alternatives }) => fewest(combined.flatMap((before) => alternatives.map((way) => merge(before, way)))),
    [[]],
  );
}

function merge(before: Alternative, way: Alternative): Alternative {
  return [...before, ...way.filter(({ fix }) => !before.some((other) => other.fix === fix))];
}

/** Each alternative as a sentence. */
export function sentences(alternatives: readonly Alternative[]): readonly string[] {
  const texts = alternatives
    .filter((changes) => changes.length > 0)
    .map((changes) => changes.map(({ fix }) => fix).join(', and '));
  return [...new Set(texts)];
}
