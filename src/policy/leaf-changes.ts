import type { ExpressionJson } from '../api/policy.ts';
import { entityTypes } from './entity-model.ts';
import { EvaluationError } from './evaluation-error.ts';
import { compileExpression, operatorOf } from './expression.ts';
import { formatValue } from './format-value.ts';
import { printExpression } from './print-expression.ts';
import type { CedarRequest } from './request.ts';
import { CedarSet, EntityUid, type Value } from './values.ts';
import { isConstant, nameOfField, nameOfRead } from './what-was-read.ts';

/** One thing that would have to be otherwise. */
export interface Change {
  /** What was read: `scope`, `sub`, `path parameter customerId`. */
  readonly claim: string;
  readonly expected: string;
  readonly actual: string;
  /** A sentence that says what to do. */
  readonly fix: string;
}

interface Operands {
  readonly left: ExpressionJson;
  readonly right: ExpressionJson;
}

/** The value of an expression, or undefined where it errs. */
export function evaluate(expression: ExpressionJson, request: CedarRequest): Value | undefined {
  try {
    return compileExpression(expression)(request);
  } catch (error) {
    if (error instanceof EvaluationError) return undefined;
    throw error;
  }
}

/** Describes how to turn an expression that has no inner logic. */
export function changeLeaf(expression: ExpressionJson, wanted: boolean, request: CedarRequest): Change {
  const [operator, operand] = operatorOf(expression);
  const describe = leaves.get(operator);
  return describe?.(operand as never, wanted, request) ?? anyLeaf(expression, wanted, request);
}

type DescribeLeaf = (operand: never, wanted: boolean, request: CedarRequest) => Change | undefined;

function containsLeaf({ left, right }: Operands, wanted: boolean, request: CedarRequest): Change | undefined {
  const set = evaluate(left, request);
  const item = evaluate(right, request);
  if (!(set instanceof CedarSet) || item === undefined) return undefined;
  if (isConstant(left)) return valueLeaf(right, `one of ${formatValue(set)}`, wanted, request);
  return memberChange(nameOfRead(left), formatValue(item), formatValue(set), wanted);
}

function containsAllLeaf({ left, right }: Operands, wanted: boolean, request: CedarRequest): Change | undefined {
  const set = evaluate(left, request);
  const needed = evaluate(right, request);
  if (!wanted || !(set instanceof CedarSet) || !(needed instanceof CedarSet) || isConstant(left)) return undefined;
  const missing = needed.items.filter((item) => !set.contains(item)).map(formatValue);
  return memberChange(nameOfRead(left), missing.join(' '), formatValue(set), wanted);
}

function containsAnyLeaf({ left, right }: Operands, wanted: boolean, request: CedarRequest): Change | undefined {
  const set = evaluate(left, request);
  const accepted = evaluate(right, request);
  if (!wanted || !(set instanceof CedarSet) || !(accepted instanceof CedarSet) || isConstant(left)) return undefined;
  return memberChange(nameOfRead(left), `one of ${formatValue(accepted)}`, formatValue(set), wanted);
}

function memberChange(claim: string, item: string, actual: string, wanted: boolean): Change {
  const expected = wanted ? item : `not ${item}`;
  return { claim, expected, actual, fix: memberFix(claim, item, wanted) };
}

function memberFix(claim: string, item: string, wanted: boolean): string {
  if (claim === 'scope') return wanted ? `add scope \`${item}\` to the token` : `use a token without scope \`${item}\``;
  if (claim === 'roles') {
    return wanted ? `add the role \`${item}\` to the principal` : `remove the role \`${item}\` from the principal`;
  }
  return wanted ? `add \`${item}\` to \`${claim}\`` : `remove \`${item}\` from \`${claim}\``;
}

function inLeaf({ left, right }: Operands, wanted: boolean, request: CedarRequest): Change | undefined {
  const target = evaluate(right, request);
  const targets = target instanceof CedarSet ? target.items : target === undefined ? [] : [target];
  const roles = targets.filter((uid) => uid instanceof EntityUid && uid.type === entityTypes.role) as EntityUid[];
  if (roles.length === 0 || roles.length < targets.length || printExpression(left) !== 'principal') return undefined;
  return roleChange(roles, wanted, request);
}

/** That the principal should, or should not, have one of `roles`. */
export function roleChange(roles: readonly EntityUid[], wanted: boolean, request: CedarRequest): Change {
  const names = roles.map(({ id }) => id).join(', ');
  const held = request.entities.ancestors(request.principal).map(({ id }) => id);
  return memberChange('roles', roles.length === 1 ? names : `one of ${names}`, held.join(', ') || 'none', wanted);
}

function equalLeaf({ left, right }: Operands, wanted: boolean, request: CedarRequest): Change | undefined {
  const [a, b] = [evaluate(left, request), evaluate(right, request)];
  if (isConstant(right) && b !== undefined) return valueLeaf(left, formatValue(b), wanted, request);
  if (isConstant(left) && a !== undefined) return valueLeaf(right, formatValue(a), wanted, request);
  if (a === undefined || b === undefined) return undefined;
  // The caller's own value is what was looked at; the other is what it should have been.
  const [own, other] = printExpression(left).startsWith('principal') ? [left, right] : [right, left];
  const [actual, expected] = own === left ? [a, b] : [b, a];
  return {
    claim: nameOfRead(own),
    expected: `${wanted ? '' : 'not '}${formatValue(expected)}`,
    actual: formatValue(actual),
    fix: `${valued(own, actual)} must ${wanted ? 'equal' : 'differ from'} ${valued(other, expected)}`,
  };
}

function valued(expression: ExpressionJson, value: Value): string {
  return `\`${printExpression(expression)}\` (\`${formatValue(value)}\`)`;
}

/** `read` should, or should not, be `expected`. */
function valueLeaf(read: ExpressionJson, expected: string, wanted: boolean, request: CedarRequest): Change {
  const value = evaluate(read, request);
  const actual = value === undefined ? 'nothing' : formatValue(value);
  const must = wanted ? 'must be' : 'must not be';
  return {
    claim: nameOfRead(read),
    expected: wanted ? expected : `not ${expected}`,
    actual,
    fix: `\`${nameOfRead(read)}\` ${must} \`${expected}\`${wanted ? `, is \`${actual}\`` : ''}`,
  };
}

function hasLeaf(operand: { left: ExpressionJson; attr: string | readonly string[] }, wanted: boolean): Change {
  const names = typeof operand.attr === 'string' ? [operand.attr] : operand.attr;
  const owner = printExpression(operand.left);
  const claim = (names.length === 1 && nameOfField(owner, names[0] as string)) || `${owner}.${names.join('.')}`;
  const [expected, actual] = wanted ? ['present', 'absent'] : ['absent', 'present'];
  return { claim, expected, actual, fix: presenceFix(owner, claim, wanted) };
}

function presenceFix(owner: string, claim: string, wanted: boolean): string {
  if (owner === 'principal.claims')
    return `${wanted ? 'add' : 'remove'} the claim \`${claim}\` ${wanted ? 'to' : 'from'} the token`;
  return `\`${claim}\` must be ${wanted ? 'present' : 'absent'}`;
}

function isLeaf(
  operand: { left: ExpressionJson; entity_type: string; in?: ExpressionJson },
  wanted: boolean,
  request: CedarRequest,
): Change | undefined {
  const value = evaluate(operand.left, request);
  if (!(value instanceof EntityUid) || operand.in !== undefined) return undefined;
  return typeChange(printExpression(operand.left), operand.entity_type, value.type, wanted);
}

/** That `claim` should, or should not, be an entity of type `expected`. */
export function typeChange(claim: string, expected: string, actual: string, wanted: boolean): Change {
  const fix =
    claim === 'principal' && wanted
      ? `call as a \`${expected}\``
      : `${claim} must ${wanted ? '' : 'not '}be a \`${expected}\``;
  return { claim, expected: wanted ? expected : `not ${expected}`, actual, fix };
}

function rangeLeaf(operands: readonly ExpressionJson[], wanted: boolean, request: CedarRequest): Change | undefined {
  const [address, range] = operands.map((operand) => evaluate(operand, request));
  const read = operands[0] as ExpressionJson;
  if (address === undefined || range === undefined || isConstant(read)) return undefined;
  const where = wanted ? 'in' : 'outside';
  return {
    claim: nameOfRead(read),
    expected: `${where} ${formatValue(range)}`,
    actual: formatValue(address),
    fix: `call from an address ${where} \`${formatValue(range)}\``,
  };
}

function fieldLeaf(
  operand: { left: ExpressionJson; attr: string },
  wanted: boolean,
  request: CedarRequest,
): Change | undefined {
  const expression = { '.': operand };
  const path = printExpression(expression);
  const fix = wanted ? flagFixes.get(path) : undefined;
  const change = valueLeaf(expression, String(wanted), true, request);
  return fix === undefined ? change : { ...change, fix };
}

const flagFixes: ReadonlyMap<string, string> = new Map([
  ['context.authenticated', 'authenticate the request'],
  ['context.mfa', 'authenticate with a second factor'],
]);

/** Any other expression: its text, and the value of what it reads. */
function anyLeaf(expression: ExpressionJson, wanted: boolean, request: CedarRequest): Change {
  const [, operand] = operatorOf(expression);
  const operands = (Array.isArray(operand) ? operand : Object.values(operand as object)) as ExpressionJson[];
  const read = operands.find((item) => typeof item === 'object' && item !== null && isRead(item));
  const value = read === undefined ? evaluate(expression, request) : evaluate(read, request);
  const text = printExpression(expression);
  return {
    claim: read === undefined ? text : nameOfRead(read),
    expected: wanted ? text : `not ${text}`,
    actual: value === undefined ? 'nothing' : formatValue(value),
    fix: `\`${text}\` must ${wanted ? '' : 'not '}hold`,
  };
}

function isRead(item: ExpressionJson): boolean {
  const operator = Object.keys(item)[0];
  return operator === '.' || operator === 'Var';
}

const leaves: ReadonlyMap<string, DescribeLeaf> = new Map<string, DescribeLeaf>([
  ['contains', containsLeaf],
  ['containsAll', containsAllLeaf],
  ['containsAny', containsAnyLeaf],
  ['in', inLeaf],
  ['==', equalLeaf],
  ['!=', (operands: Operands, wanted, request) => equalLeaf(operands, !wanted, request)],
  ['has', hasLeaf],
  ['is', isLeaf],
  ['isInRange', rangeLeaf],
  ['.', fieldLeaf],
]);
