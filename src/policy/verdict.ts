/** Why a policy was skipped. */
export interface PolicyError {
  readonly policy: string;
  readonly message: string;
  /** What it would have done. A forbid that could not be evaluated has not been asked. */
  readonly effect: 'permit' | 'forbid';
}

/** Cedar's answer (docs.cedarpolicy.com, "Authorization"). */
export interface Verdict {
  readonly decision: 'allow' | 'deny';
  /** The satisfied forbids of a deny, or the satisfied permits of an allow; none where nothing permitted. */
  readonly determining: readonly string[];
  /** Policies that erred, and so were skipped. */
  readonly errors: readonly PolicyError[];
}

const nothing: readonly never[] = [];

/** Nothing permitted, nothing erred. */
export const defaultDeny: Verdict = { decision: 'deny', determining: nothing, errors: nothing };
