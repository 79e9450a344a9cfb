import type { ExpressionJson } from '../api/policy.ts';
import { MerlonError } from '../core/errors.ts';
import { fail } from './evaluation-error.ts';
import { DateTime, Duration } from './extensions/datetime.ts';
import { extensionFunctions } from './extensions/registry.ts';
import { compileLikePattern, type PatternPart } from './like-pattern.ts';
import { add, isLong, type Long, multiply, negate, subtract } from './longs.ts';
import type { CedarRequest } from './request.ts';
import { type CedarRecord, CedarSet, EntityUid, equal, isRecord, MapRecord, typeName, type Value } from './values.ts';
import { type ValueJson, valueOfJson } from './values-json.ts';

/** A compiled expression. Throws `EvaluationError`. */
export type Evaluate<T extends Value = Value> = (request: CedarRequest) => T;

interface Operands {
  readonly left: ExpressionJson;
  readonly right: ExpressionJson;
}

/** The operator of a one-key expression, and what stands under it. */
export function operatorOf(expression: ExpressionJson): readonly [operator: string, operand: unknown] {
  const [entry, ...more] = Object.entries(expression);
  if (entry === undefined || more.length > 0) return unknownExpression(Object.keys(expression).join(', '));
  return entry;
}

/** Compiles an expression of the JSON policy format to a closure. Throws `policy.expression` where it is none. */
export function compileExpression(expression: ExpressionJson): Evaluate {
  const [operator, operand] = operatorOf(expression);
  const compile = operators.get(operator);
  if (compile !== undefined) return compile(operand);
  const found = extensionFunctions.get(operator);
  if (found === undefined || !Array.isArray(operand)) return unknownExpression(operator);
  // Cedar finds a wrong number of arguments when it calls, not when it parses.
  if (operand.length !== found.arity) return () => fail(`\`${operator}\` takes ${found.arity} arguments`);
  return compileCall(found.call, operand as ExpressionJson[]);
}

/** As `compileExpression`, where a bool is wanted; anything else is an evaluation error. */
export function compileCondition(expression: ExpressionJson): Evaluate<boolean> {
  const evaluate = compileExpression(expression);
  if (booleanOperators.has(operatorOf(expression)[0])) return evaluate as Evaluate<boolean>;
  return (request) => {
    const value = evaluate(request);
    return typeof value === 'boolean' ? value : mismatch('bool', value);
  };
}

function unknownExpression(operator: string): never {
  throw new MerlonError({ code: 'policy.expression', message: `\`${operator}\` is no Cedar operator or function` });
}

function mismatch(wanted: string, value: Value): never {
  return fail(`type error: expected ${wanted}, got ${typeName(value)}`);
}

const long = (value: Value): Long => (isLong(value) ? value : mismatch('long', value));
const text = (value: Value): string => (typeof value === 'string' ? value : mismatch('string', value));
const set = (value: Value): CedarSet => (value instanceof CedarSet ? value : mismatch('set', value));
const entity = (value: Value): EntityUid => (value instanceof EntityUid ? value : mismatch('entity', value));

/** An operator of two evaluated operands. */
function binary(run: (a: Value, b: Value, request: CedarRequest) => Value) {
  return (operand: unknown): Evaluate => {
    const { left, right } = operand as Operands;
    const a = compileExpression(left);
    const b = compileExpression(right);
    return (request) => run(a(request), b(request), request);
  };
}

function unary(run: (a: Value) => Value) {
  return (operand: unknown): Evaluate => {
    const a = compileExpression((operand as { arg: ExpressionJson }).arg);
    return (request) => run(a(request));
  };
}

function ordering(compare: (a: Long, b: Long) => boolean) {
  return binary((a, b) => {
    if (isLong(a)) return compare(a, long(b));
    if (a instanceof DateTime) return b instanceof DateTime ? compare(a.ms, b.ms) : mismatch('datetime', b);
    if (a instanceof Duration) return b instanceof Duration ? compare(a.ms, b.ms) : mismatch('duration', b);
    return mismatch('long, datetime or duration', a);
  });
}

function and(operand: unknown): Evaluate {
  const a = compileCondition((operand as Operands).left);
  const b = compileCondition((operand as Operands).right);
  return (request) => a(request) && b(request);
}

function or(operand: unknown): Evaluate {
  const a = compileCondition((operand as Operands).left);
  const b = compileCondition((operand as Operands).right);
  return (request) => a(request) || b(request);
}

function not(operand: unknown): Evaluate {
  const a = compileCondition((operand as { arg: ExpressionJson }).arg);
  return (request) => !a(request);
}

function ifThenElse(operand: unknown): Evaluate {
  const branches = operand as { if: ExpressionJson; then: ExpressionJson; else: ExpressionJson };
  const condition = compileCondition(branches.if);
  const whenTrue = compileExpression(branches.then);
  const whenFalse = compileExpression(branches.else);
  return (request) => (condition(request) ? whenTrue(request) : whenFalse(request));
}

/** `in`: every element of a set is checked to be an entity before any is compared. */
export function isInAny(request: CedarRequest, uid: EntityUid, target: Value): boolean {
  if (target instanceof EntityUid) return request.entities.isIn(uid, target);
  const targets = set(target).items.map(entity);
  return targets.some((ancestor) => request.entities.isIn(uid, ancestor));
}

function isOfType(operand: unknown): Evaluate {
  const {
    left,
    entity_type: type,
    in: ancestor,
  } = operand as {
    left: ExpressionJson;
    entity_type: string;
    in?: ExpressionJson;
  };
  const evaluate = compileExpression(left);
  if (ancestor === undefined) return (request) => entity(evaluate(request)).type === type;
  const target = compileExpression(ancestor);
  return (request) => {
    const uid = entity(evaluate(request));
    return uid.type === type && isInAny(request, uid, target(request));
  };
}

function attribute(operand: unknown): Evaluate {
  const { left, attr } = operand as { left: ExpressionJson; attr: string };
  const evaluate = compileExpression(left);
  return (request) => getAttribute(request, evaluate(request), attr);
}

function getAttribute(request: CedarRequest, owner: Value, name: string): Value {
  const record = fieldsOf(request, owner) ?? fail(`entity \`${(owner as EntityUid).type}\` does not exist`);
  return record.get(name) ?? fail(`attribute \`${name}\` does not exist`);
}

/** The fields of a record or an entity; undefined where the entity is not known. */
function fieldsOf(request: CedarRequest, owner: Value): CedarRecord | undefined {
  if (owner instanceof EntityUid) return request.entities.attributes(owner);
  return isRecord(owner) ? owner : mismatch('record or entity', owner);
}

/** `left has a.b.c`: each step is looked into only when the one before it was there. */
function has(operand: unknown): Evaluate {
  const { left, attr } = operand as { left: ExpressionJson; attr: string | readonly string[] };
  const evaluate = compileExpression(left);
  if (typeof attr === 'string') return (request) => fieldsOf(request, evaluate(request))?.get(attr) !== undefined;
  return (request) => {
    let value: Value | undefined = evaluate(request);
    for (const name of attr) {
      value = fieldsOf(request, value)?.get(name);
      if (value === undefined) return false;
    }
    return true;
  };
}

function like(operand: unknown): Evaluate {
  const { left, pattern } = operand as { left: ExpressionJson; pattern: readonly PatternPart[] };
  const evaluate = compileExpression(left);
  const matches = compileLikePattern(pattern);
  return (request) => matches(text(evaluate(request)));
}

function setOf(operand: unknown): Evaluate {
  const items = (operand as readonly ExpressionJson[]).map(compileExpression);
  const constant = tryConstant(operand as readonly ExpressionJson[], () => items.map((item) => item(nothing)));
  if (constant !== undefined) {
    const value = new CedarSet(constant);
    return () => value;
  }
  return (request) => new CedarSet(items.map((item) => item(request)));
}

function recordLiteral(operand: unknown): Evaluate {
  const fields = Object.entries(operand as Record<string, ExpressionJson>).map(
    ([name, value]) => [name, compileExpression(value)] as const,
  );
  return (request) => new MapRecord(new Map(fields.map(([name, value]) => [name, value(request)])));
}

function compileCall(call: (a: Value, b: Value) => Value, operands: readonly ExpressionJson[]): Evaluate {
  const [a, b] = operands.map(compileExpression) as [Evaluate, Evaluate | undefined];
  const constant = tryConstant(operands, () => [call(a(nothing), b?.(nothing) as Value)]);
  if (constant !== undefined) {
    const value = constant[0] as Value;
    return () => value;
  }
  return b === undefined
    ? (request) => call(a(request), undefined as never)
    : (request) => call(a(request), b(request));
}

// Literals read no request.
const nothing = undefined as unknown as CedarRequest;

/** What literals alone give, computed once; undefined where something varies, or errs (which must show per request). */
function tryConstant(operands: readonly ExpressionJson[], run: () => Value[]): Value[] | undefined {
  if (!operands.every((operand) => 'Value' in operand || 'Long' in operand)) return undefined;
  try {
    return run();
  } catch {
    return undefined;
  }
}

function literal(operand: unknown): Evaluate {
  const value = valueOfJson(operand as ValueJson);
  return () => value;
}

function variable(operand: unknown): Evaluate {
  if (operand === 'principal') return (request) => request.principal;
  if (operand === 'action') return (request) => request.action;
  if (operand === 'resource') return (request) => request.resource;
  return operand === 'context' ? (request) => request.context : unknownExpression(String(operand));
}

function getTag(owner: Value, key: Value, request: CedarRequest): Value {
  const uid = entity(owner);
  const name = text(key);
  const tags = request.entities.tags(uid) ?? fail(`entity \`${uid.type}\` does not exist`);
  return tags.get(name) ?? fail(`tag \`${name}\` does not exist`);
}

const booleanOperators = new Set(
  '&& || ! == != < <= > >= in is has like contains containsAll containsAny isEmpty hasTag'.split(' '),
);

const operators: ReadonlyMap<string, (operand: unknown) => Evaluate> = new Map([
  ['Value', literal],
  ['Long', (operand) => literal(BigInt(operand as string))],
  ['Var', variable],
  ['&&', and],
  ['||', or],
  ['!', not],
  ['if-then-else', ifThenElse],
  ['==', binary(equal)],
  ['!=', binary((a, b) => !equal(a, b))],
  ['<', ordering((a, b) => a < b)],
  ['<=', ordering((a, b) => a <= b)],
  ['>', ordering((a, b) => a > b)],
  ['>=', ordering((a, b) => a >= b)],
  ['+', binary((a, b) => add(long(a), long(b)))],
  ['-', binary((a, b) => subtract(long(a), long(b)))],
  ['*', binary((a, b) => multiply(long(a), long(b)))],
  ['neg', unary((a) => negate(long(a)))],
  ['in', binary((a, b, request) => isInAny(request, entity(a), b))],
  ['is', isOfType],
  ['.', attribute],
  ['has', has],
  ['like', like],
  ['contains', binary((a, b) => set(a).contains(b))],
  ['containsAll', binary((a, b) => set(a).containsAll(set(b)))],
  ['containsAny', binary((a, b) => set(a).containsAny(set(b)))],
  ['isEmpty', unary((a) => set(a).items.length === 0)],
  ['getTag', binary(getTag)],
  ['hasTag', binary((a, b, request) => request.entities.tags(entity(a))?.get(text(b)) !== undefined)],
  ['Set', setOf],
  ['Record', recordLiteral],
]);
