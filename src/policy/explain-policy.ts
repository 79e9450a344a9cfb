import type { PolicyClause, PolicyFinding } from '../api/policy.ts';
import { type Alternative, changesToMake, fewest, flatten } from './changes.ts';
import type { CompiledPolicy } from './compiled-policy.ts';
import { entityTypes } from './entity-model.ts';
import { formatValue } from './format-value.ts';
import { type Change, evaluate, roleChange, typeChange } from './leaf-changes.ts';
import { printScope } from './print-scope.ts';
import type { CedarRequest } from './request.ts';
import type { ScopeVariable } from './scope.ts';

/** A finding, and the ways to turn its policy: to make a permit apply, or a forbid not. */
export interface Explained {
  readonly finding: PolicyFinding;
  readonly alternatives: readonly Alternative[];
}

/** Why `policy` applies to the request, or does not. `error`: why it erred. */
export function explainPolicy(policy: CompiledPolicy, request: CedarRequest, error?: string): Explained {
  const { effect } = policy.source.policy;
  const missed = outOfScope(policy, request);
  const decided = missed.length > 0 ? undefined : decidingClause(policy, request);
  const alternatives = effect === 'permit' ? waysToApply(policy, missed, request) : waysNotToApply(policy, request);
  return { finding: findingOf(policy, missed, decided, alternatives, error), alternatives };
}

const variables: readonly ScopeVariable[] = ['principal', 'action', 'resource'];

/** The variables whose constraint the request does not meet. */
export function outOfScope(policy: CompiledPolicy, request: CedarRequest): readonly ScopeVariable[] {
  return variables.filter((variable) => !policy[variable].matches(request[variable], request.entities));
}

/** A clause as its author wrote it, or the part of it that decided. */
interface Decided {
  readonly text: string;
  readonly line: number;
}

/** Of a policy in whose scope the request lies: the first clause that fails, or the last that let it apply. */
function decidingClause({ source }: CompiledPolicy, request: CedarRequest): Decided | undefined {
  const { conditions } = source.policy;
  for (const [at, { kind, body }] of conditions.entries()) {
    const parts = flatten(body, kind === 'when' ? '&&' : '||');
    const failing = parts.findIndex((part) => evaluate(part, request) !== (kind === 'when'));
    if (failing >= 0) return partOf(source.clauses[at], parts.length, failing);
  }
  const last = source.clauses.at(-1);
  return last === undefined ? undefined : { text: last.text, line: last.line };
}

function partOf(clause: PolicyClause | undefined, count: number, at: number): Decided | undefined {
  if (clause === undefined) return undefined;
  const part = clause.parts[at];
  // Where the author's parentheses group what the parser flattened, parts and operands do not correspond.
  if (part === undefined || clause.parts.length !== count || count === 1)
    return { text: clause.text, line: clause.line };
  return { text: `${clause.kind} { ${part.text} }`, line: part.line };
}

function waysToApply(
  policy: CompiledPolicy,
  missed: readonly ScopeVariable[],
  request: CedarRequest,
): readonly Alternative[] {
  const inScope = missed.map((variable) => scopeChange(policy, variable, request));
  return policy.source.policy.conditions.reduce<readonly Alternative[]>(
    (combined, { kind, body }) => {
      const ways = changesToMake(body, kind === 'when', request);
      return fewest(combined.flatMap((before) => ways.map((way) => [...before, ...way])));
    },
    [inScope],
  );
}

/** One clause that fails is enough. An exception that the author foresaw is better than undoing the condition. */
function waysNotToApply({ source }: CompiledPolicy, request: CedarRequest): readonly Alternative[] {
  const ways = (kind: 'when' | 'unless') =>
    source.policy.conditions
      .filter((condition) => condition.kind === kind)
      .flatMap(({ body }) => changesToMake(body, kind === 'unless', request));
  const exceptions = ways('unless');
  return fewest(exceptions.length > 0 ? exceptions : ways('when'));
}

function scopeChange(policy: CompiledPolicy, variable: ScopeVariable, request: CedarRequest): Change {
  const { uids, type, exact } = policy[variable];
  const actual = request[variable];
  if (type !== undefined && actual.type !== type) return typeChange(variable, type, actual.type, true);
  const roles = uids.filter((uid) => uid.type === entityTypes.role);
  if (variable === 'principal' && roles.length > 0 && !exact) return roleChange(roles, true, request);
  const expected = uids.map(formatValue).join(' or ') || 'nothing';
  const change = { claim: variable, expected, actual: formatValue(actual) };
  if (variable !== 'action') return { ...change, fix: `${variable} must be ${exact ? '' : 'in '}\`${expected}\`` };
  const methods = uids.map(({ id }) => `\`${id}\``).join(' or ');
  return { ...change, fix: `use ${methods}, or list \`${actual.id}\` in ${ruleName(policy)}` };
}

function findingOf(
  policy: CompiledPolicy,
  missed: readonly ScopeVariable[],
  decided: Decided | undefined,
  alternatives: readonly Alternative[],
  error: string | undefined,
): PolicyFinding {
  const { id, origin, file, annotations, policy: json } = policy.source;
  const [first] = missed;
  const clause = first === undefined ? decided?.text : printScope(json[first], first);
  const line = first === undefined ? decided?.line : policy.source.line;
  return {
    policy: id,
    effect: json.effect,
    origin,
    ...(origin === 'baseline' && annotations.check !== undefined ? { check: annotations.check } : {}),
    rule: ruleName(policy),
    ...(clause === undefined ? {} : { clause }),
    ...(origin === 'user' && line !== undefined ? { at: `${file}:${line}` } : {}),
    ...readings(alternatives[0] ?? []),
    fixes: alternatives.filter((way) => way.length > 0).map((way) => way.map(({ fix }) => fix).join(', and ')),
    ...(error === undefined ? {} : { error }),
  };
}

/** What the best alternative would change: the claim that comes first, with all that is expected of it. */
function readings(best: Alternative): Pick<PolicyFinding, 'claim' | 'expected' | 'actual'> {
  const [first] = best;
  if (first === undefined) return {};
  const expected = best.filter(({ claim }) => claim === first.claim).map((change) => change.expected);
  return { claim: first.claim, expected: [...new Set(expected)].join(' '), actual: first.actual };
}

/** `policies/orders.cedar:12 (orders-write)`; of the baseline, the place in the manifest. */
function ruleName({ source: { id, origin, file, line, annotations } }: CompiledPolicy): string {
  if (origin === 'baseline') return annotations.manifest ?? id;
  const place = `${file}:${line}`;
  return id.startsWith(place) ? id : `${place} (${id})`;
}
