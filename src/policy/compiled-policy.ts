import type { SnapshotPolicy } from '../api/policy.ts';
import { compileCondition, type Evaluate } from './expression.ts';
import type { CedarRequest } from './request.ts';
import { type CompiledConstraint, compileConstraint } from './scope.ts';

/** A policy as closures. */
export interface CompiledPolicy {
  readonly source: SnapshotPolicy;
  readonly id: string;
  readonly principal: CompiledConstraint;
  readonly action: CompiledConstraint;
  readonly resource: CompiledConstraint;
  /** Whether every `when` holds and no `unless` does. Throws `EvaluationError`. */
  readonly holds: Evaluate<boolean>;
}

/** Compiles one policy. Throws `policy.expression`, `policy.value` or `policy.link` where the snapshot is malformed. */
export function compilePolicy(source: SnapshotPolicy): CompiledPolicy {
  return {
    source,
    id: source.id,
    principal: compileConstraint(source, 'principal'),
    action: compileConstraint(source, 'action'),
    resource: compileConstraint(source, 'resource'),
    holds: all(source.policy.conditions.map(({ kind, body }) => clause(kind, compileCondition(body)))),
  };
}

function clause(kind: 'when' | 'unless', holds: Evaluate<boolean>): Evaluate<boolean> {
  return kind === 'when' ? holds : (request) => !holds(request);
}

function all(clauses: readonly Evaluate<boolean>[]): Evaluate<boolean> {
  const [first, second] = clauses;
  if (first === undefined) return () => true;
  if (second === undefined) return first;
  if (clauses.length === 2) return (request) => first(request) && second(request);
  return (request) => clauses.every((holds) => holds(request));
}

/** Whether the request lies in the policy's scope. */
export function inScope(policy: CompiledPolicy, request: CedarRequest): boolean {
  const { entities } = request;
  return (
    policy.resource.matches(request.resource, entities) &&
    policy.action.matches(request.action, entities) &&
    policy.principal.matches(request.principal, entities)
  );
}
