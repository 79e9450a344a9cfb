import type { PolicyPrincipal, PolicyRequest } from '../api/policy.ts';
import type { PreparedPolicies } from './prepared-policies.ts';
import type { Verdict } from './verdict.ts';

interface Remembered {
  readonly ip: string;
  readonly verdict: Verdict;
}

/** Of one principal. */
const mostRemembered = 16;

/**
 * Verdicts that rest on nothing but who asks, for what, and from which address: they are the same for the next request that is
 * so asked. It lives as long as the snapshot whose policies it remembers; a principal is the same object for as long as its
 * credential is remembered.
 */
export class VerdictMemo {
  readonly #known = new WeakMap<PolicyPrincipal, Map<PreparedPolicies, Remembered>>();

  find({ principal, ip }: PolicyRequest, policies: PreparedPolicies): Verdict | undefined {
    const remembered = this.#known.get(principal)?.get(policies);
    return remembered?.ip === ip ? remembered.verdict : undefined;
  }

  keep({ principal, ip }: PolicyRequest, policies: PreparedPolicies, verdict: Verdict): void {
    let verdicts = this.#known.get(principal);
    if (verdicts === undefined) this.#known.set(principal, (verdicts = new Map()));
    else if (verdicts.size >= mostRemembered) verdicts.clear();
    verdicts.set(policies, { ip, verdict });
  }
}
