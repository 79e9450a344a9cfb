import type { CompiledPolicy } from './compiled-policy.ts';
import type { EntitySource } from './entities.ts';
import { EvaluationError } from './evaluation-error.ts';
import type { RequestTarget } from './gateway-request.ts';
import type { CedarRequest } from './request.ts';
import { defaultDeny, type PolicyError, type Verdict } from './verdict.ts';

/** What requests have in common that share a route and an action, and the policies whose scope admits both. */
export interface PreparedPolicies {
  readonly target: RequestTarget;
  /** Forbids before permits: the first that applies settles the decision. */
  readonly ordered: readonly PreparedPolicy[];
}

interface PreparedPolicy {
  readonly policy: CompiledPolicy;
  /** The answer when this policy settles it. */
  readonly verdict: Verdict;
}

/**
 * Applies the action constraint ahead of time, to policies whose resource constraint has been applied already: neither
 * can err, and neither depends on the request.
 */
export function preparePolicies(
  policies: readonly CompiledPolicy[],
  target: RequestTarget,
  entities: EntitySource,
): PreparedPolicies {
  const applicable = policies.filter((policy) => policy.action.matches(target.action, entities)).map(prepare);
  const forbids = applicable.filter(({ verdict }) => verdict.decision === 'deny');
  const permits = applicable.filter(({ verdict }) => verdict.decision === 'allow');
  return { target, ordered: [...forbids, ...permits] };
}

function prepare(policy: CompiledPolicy): PreparedPolicy {
  const decision = policy.source.policy.effect === 'permit' ? 'allow' : 'deny';
  return { policy, verdict: { decision, determining: [policy.id], errors: [] } };
}

/** Decides at the first policy that applies. A policy that errs is skipped and reported, as Cedar wants it. */
export function decidePrepared({ ordered }: PreparedPolicies, request: CedarRequest): Verdict {
  let errors: PolicyError[] | undefined;
  for (const { policy, verdict } of ordered) {
    if (!policy.principal.matches(request.principal, request.entities)) continue;
    try {
      if (policy.holds(request)) return errors === undefined ? verdict : { ...verdict, errors };
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      (errors ??= []).push({ policy: policy.id, message: error.message, effect: policy.source.policy.effect });
    }
  }
  return errors === undefined ? defaultDeny : { ...defaultDeny, errors };
}
