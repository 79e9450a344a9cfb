import type { ExpressionJson } from '../api/policy.ts';
import { operatorOf } from './expression.ts';
import { type Change, changeLeaf, evaluate } from './leaf-changes.ts';
import type { CedarRequest } from './request.ts';
import { isConstant } from './what-was-read.ts';

/** Changes that are needed together. */
export type Alternative = readonly Change[];

// Explanations are for people: more ways out than these are not read.
const maxAlternatives = 4;

interface Operands {
  readonly left: ExpressionJson;
  readonly right: ExpressionJson;
}

/**
 * The smallest sets of changes, fewest first, that would make `expression` be `wanted`: one empty set where it is that
 * already, and no set where nothing can.
 */
export function changesToMake(
  expression: ExpressionJson,
  wanted: boolean,
  request: CedarRequest,
): readonly Alternative[] {
  if (evaluate(expression, request) === wanted) return [[]];
  if (isConstant(expression)) return [];
  const [operator, operand] = operatorOf(expression);
  if (operator === '!') return changesToMake((operand as { arg: ExpressionJson }).arg, !wanted, request);
  if (operator === '&&' || operator === '||') {
    const parts = flatten(expression, operator);
    return (operator === '&&') === wanted ? allOf(parts, wanted, request) : anyOf(parts, wanted, request);
  }
  if (operator === 'if-then-else') return changeBranch(operand as Branches, wanted, request);
  return [[changeLeaf(expression, wanted, request)]];
}

interface Branches {
  readonly if: ExpressionJson;
  readonly then: ExpressionJson;
  readonly else: ExpressionJson;
}

function changeBranch(branches: Branches, wanted: boolean, request: CedarRequest): readonly Alternative[] {
  const taken = evaluate(branches.if, request);
  if (taken === undefined) return changesToMake(branches.if, true, request);
  return changesToMake(taken === true ? branches.then : branches.else, wanted, request);
}

/** The operands of a chain of one operator. */
export function flatten(expression: ExpressionJson, operator: '&&' | '||'): readonly ExpressionJson[] {
  const [own, operand] = operatorOf(expression);
  if (own !== operator) return [expression];
  const { left, right } = operand as Operands;
  return [...flatten(left, operator), ...flatten(right, operator)];
}

function allOf(parts: readonly ExpressionJson[], wanted: boolean, request: CedarRequest): readonly Alternative[] {
  let combined: readonly Alternative[] = [[]];
  let failed = false;
  for (const part of parts) {
    // What errs behind a part that failed errs because of it: `p has a && p.a == 1`.
    if (failed && evaluate(part, request) === undefined) continue;
    const ways = changesToMake(part, wanted, request);
    failed ||= ways[0]?.length !== 0;
    combined = fewest(combined.flatMap((before) => ways.map((way) => [...before, ...way])));
  }
  return combined;
}

function anyOf(parts: readonly ExpressionJson[], wanted: boolean, request: CedarRequest): readonly Alternative[] {
  return fewest(parts.flatMap((part) => changesToMake(part, wanted, request)));
}

/** The shortest alternatives, in order; those that ask for much more than the shortest does are left out. */
export function fewest(alternatives: readonly Alternative[]): readonly Alternative[] {
  const sorted = alternatives.toSorted((a, b) => a.length - b.length).slice(0, maxAlternatives);
  return sorted.filter(({ length }) => length <= (sorted[0] as Alternative).length + 1);
}
