import type { PolicyExplanation, PolicySnapshot } from '../api/policy.ts';
import { type CompiledPolicy, compilePolicy, inScope } from './compiled-policy.ts';
import { type EntitySource, EntityStore, LayeredEntities } from './entities.ts';
import { EvaluationError } from './evaluation-error.ts';
import { explainRequest } from './explain.ts';
import { PolicyIndex } from './policy-index.ts';
import type { CedarRequest } from './request.ts';
import { defaultDeny, type PolicyError, type Verdict } from './verdict.ts';

/** Decides Cedar requests over the policies of one snapshot. */
export interface Authorizer {
  authorize(request: CedarRequest): Verdict;
  /** Why: slower, for denials. */
  explain(request: CedarRequest): PolicyExplanation;
}

/** Compiles a snapshot. Throws where it is malformed (`policy.expression`, `policy.value`, `policy.link`). */
export function createAuthorizer(snapshot: PolicySnapshot): Authorizer {
  const policies = snapshot.policies.map(compilePolicy);
  const index = new PolicyIndex(policies);
  const actions = snapshot.actions.length === 0 ? undefined : actionEntities(snapshot);
  const known = (request: CedarRequest) => (actions === undefined ? request : withEntities(request, actions));
  return {
    authorize(request) {
      const tally = new Tally(known(request));
      index.visit(tally.request, (policy) => tally.count(policy));
      return tally.verdict();
    },
    explain: (request) => explainRequest(policies, known(request)),
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
      const { effect } = policy.source.policy;
      (this.#errors ??= []).push({ policy: policy.id, message: error.message, effect });
      return;
    }
    if (policy.source.policy.effect === 'permit') (this.#permits ??= []).push(policy.id);
    else (this.#forbids ??= []).push(policy.id);
  }

  verdict(): Verdict {
    const errors = this.#errors ?? [];
    if (this.#forbids !== undefined) return { decision: 'deny', determining: this.#forbids, errors };
    if (this.#permits !== undefined) return { decision: 'allow', determining: this.#permits, errors };
    return errors.length === 0 ? defaultDeny : { ...defaultDeny, errors };
  }
}
