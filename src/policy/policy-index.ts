import type { CompiledPolicy } from './compiled-policy.ts';
import { UidMap } from './entities.ts';
import type { CedarRequest } from './request.ts';
import type { CompiledConstraint, ScopeVariable } from './scope.ts';
import type { EntityUid } from './values.ts';

// What tells policies apart best comes first: one entity rather than a group, and of the many rather than the few.
const variables: readonly ScopeVariable[] = ['resource', 'principal', 'action'];

/**
 * Policies by one entity that their scope names. A request that lies in the scope has that entity, or has it above
 * itself, so that every policy whose scope matches is found; the ones found need not match.
 */
export class PolicyIndex {
  readonly #anywhere: CompiledPolicy[] = [];
  readonly #byVariable = { principal: new ScopeIndex(), action: new ScopeIndex(), resource: new ScopeIndex() };

  constructor(policies: readonly CompiledPolicy[]) {
    for (const policy of policies) this.#add(policy);
  }

  /** Calls `visit` once for each policy whose scope may match. */
  visit(request: CedarRequest, visit: (policy: CompiledPolicy) => void): void {
    for (const policy of this.#anywhere) visit(policy);
    this.#byVariable.resource.visit(request.resource, request, visit);
    this.#byVariable.principal.visit(request.principal, request, visit);
    this.#byVariable.action.visit(request.action, request, visit);
  }

  #add(policy: CompiledPolicy): void {
    if (variables.some((variable) => policy[variable].never)) return;
    const named = variables.filter((name) => policy[name].uids.length === 1);
    const variable = named.find((name) => policy[name].exact && name !== 'action') ?? named[0];
    if (variable === undefined) this.#anywhere.push(policy);
    else this.#byVariable[variable].add(policy[variable], policy);
  }
}

class ScopeIndex {
  readonly #exact = new UidMap<CompiledPolicy[]>();
  readonly #within = new UidMap<CompiledPolicy[]>();
  #hasExact = false;
  #hasWithin = false;

  add(constraint: CompiledConstraint, policy: CompiledPolicy): void {
    const uid = constraint.uids[0] as EntityUid;
    const index = constraint.exact ? this.#exact : this.#within;
    if (constraint.exact) this.#hasExact = true;
    else this.#hasWithin = true;
    const found = index.get(uid);
    if (found === undefined) index.set(uid, [policy]);
    else found.push(policy);
  }

  visit(uid: EntityUid, request: CedarRequest, visit: (policy: CompiledPolicy) => void): void {
    if (this.#hasExact) visitAll(this.#exact.get(uid), visit);
    if (!this.#hasWithin) return;
    visitAll(this.#within.get(uid), visit);
    for (const ancestor of request.entities.ancestors(uid)) visitAll(this.#within.get(ancestor), visit);
  }
}

function visitAll(policies: readonly CompiledPolicy[] | undefined, visit: (policy: CompiledPolicy) => void): void {
  if (policies === undefined) return;
  for (const policy of policies) visit(policy);
}
