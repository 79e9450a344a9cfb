import type { PolicySnapshot } from '../api/policy.ts';
import { type CompiledPolicy, compilePolicy, inScope } from './compiled-policy.ts';
import { type EntitySource, EntityStore, LayeredEntities } from './entities.ts';
import { EvaluationError } from './evaluation-error.ts';
import { PolicyIndex } from './policy-index.ts';
import type { CedarRequest } from './request.ts';

export interface PolicyError {
  readonly policy: string;
  readonly message: string;
}

/** Cedar's answer (docs.cedarpolicy.com, "Authorization"). */
export interface Verdict {
  readonly decision: 'allow' | 'deny';
  /** The satisfied forbids of a deny, or the satisfied permits of an allow; none where nothing permitted. */
  readonly determining: readonly string[];
  /** Policies that erred, and so were skipped. */
  readonly errors: readonly PolicyError[];
}

/** Decides Cedar requests over the policies of one snapshot. */
export interface Authorizer {
  authorize(request: CedarRequest): Verdict;
}

const nothing: readonly never[] = [];
/** Nothing permitted, nothing erred. */
export const defaultDeny: Verdict = { decision: 'deny', determining: nothing, errors: nothing };

/** Compiles a snapshot. Throws where it is malformed (`policy.expression`, `policy.value`, `policy.link`). */
export function createAuthorizer(snapshot: PolicySnapshot): Authorizer {
  const policies = snapshot.policies.map(compilePolicy);
  const index = new PolicyIndex(policies);
  const actions = snapshot.actions.length === 0 ? undefined : actionEntities(snapshot);
  return {
    authorize(request) {
      const tally = new Tally(actions === undefined ? request : withEntities(request, actions));
      index.visit(tally.request, (policy) => tally.count(policy));
      return tally.verdict();
    },
  };
}

/** The actions of a snapshot, with the groups that the schema puts them in. */
export function actionEntities({ actions }: PolicySnapshot): EntityStore {
  return new EntityStore(actions.map(({ uid, ancestors }) => ({ uid, parents: ancestors })));
}

function withEntities(request: CedarRequest, known: EntitySource): CedarRequest {
  const { principal, action, resource, context } = request;
  return { principal, action, resource, context, entities: new LayeredEntities(known, request.entities) };
}

/** Decides over given policies, without an index. */
export function judge(policies: readonly CompiledPolicy[], request: CedarRequest): Verdict {
  const tally = new Tally(request);
  for (const policy of policies) tally.count(policy);
  return tally.verdict();
}

/** Counts what each policy says of one request. */
class Tally {
  readonly request: CedarRequest;
  #permits: string[] | undefined;
  #forbids: string[] | undefined;
  #errors: PolicyError[] | undefined;

  constructor(request: CedarRequest) {
    this.request = request;
  }

  count(policy: CompiledPolicy): void {
    if (!inScope(policy, this.request)) return;
    try {
      if (!policy.holds(this.request)) return;
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      (this.#errors ??= []).push({ policy: policy.id, message: error.message });
      return;
    }
    if (policy.source.policy.effect === 'permit') (this.#permits ??= []).push(policy.id);
    else (this.#forbids ??= []).push(policy.id);
  }

  verdict(): Verdict {
    const errors = this.#errors ?? nothing;
    if (this.#forbids !== undefined) return { decision: 'deny', determining: this.#forbids, errors };
    if (this.#permits !== undefined) return { decision: 'allow', determining: this.#permits, errors };
    return errors.length === 0 ? defaultDeny : { ...defaultDeny, errors };
  }
}
