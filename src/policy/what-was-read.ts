import type { ExpressionJson } from '../api/policy.ts';
import { operatorOf } from './expression.ts';
import { printExpression } from './print-expression.ts';

// Names that callers know, for what policies call otherwise.
const known: ReadonlyMap<string, string> = new Map([
  ['context.scopes', 'scope'],
  ['context.roles', 'roles'],
  ['context.mfa', 'amr'],
  ['context.acr', 'acr'],
  ['context.client', 'client_id'],
  ['context.authenticated', 'credential'],
  ['context.ip', 'remote address'],
  ['context.method', 'method'],
  ['principal.sub', 'sub'],
  ['principal.issuer', 'iss'],
  ['principal.email', 'email'],
]);

/** The claim, parameter or field that an expression reads: `scope`, `department`, `path parameter customerId`. */
export function nameOfRead(expression: ExpressionJson): string {
  const path = printExpression(expression);
  const [operator, operand] = operatorOf(expression);
  if (operator !== '.') return known.get(path) ?? path;
  const { left, attr } = operand as { left: ExpressionJson; attr: string };
  return known.get(path) ?? nameOfField(printExpression(left), attr) ?? path;
}

/** The name of field `attr` of the record that stands at `owner`. */
export function nameOfField(owner: string, attr: string): string | undefined {
  if (owner === 'principal.claims') return attr;
  if (owner === 'context.params') return `path parameter ${attr}`;
  return known.get(`${owner}.${attr}`);
}

/** Whether an expression is a constant: nothing in it is read from the request. */
export function isConstant(expression: ExpressionJson): boolean {
  const [operator, operand] = operatorOf(expression);
  if (operator === 'Value' || operator === 'Long') return true;
  if (operator === 'Var') return false;
  const inner = Array.isArray(operand) ? operand : Object.values(operand as object);
  return inner.every((item) => typeof item !== 'object' || item === null || isConstant(item as ExpressionJson));
}
