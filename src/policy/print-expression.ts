import type { ExpressionJson } from '../api/policy.ts';
import { entityText, fieldAccess, fieldName, quote } from './cedar-text.ts';
import { operatorOf } from './expression.ts';
import { extensionFunctions } from './extensions/registry.ts';
import type { PatternPart } from './like-pattern.ts';

interface Operands {
  readonly left: ExpressionJson;
  readonly right: ExpressionJson;
}

// How tightly an operator binds; an operand that binds less tightly stands in parentheses.
const binding: ReadonlyMap<string, number> = new Map([
  ['if-then-else', 0],
  ['||', 1],
  ['&&', 2],
  ...['==', '!=', '<', '<=', '>', '>=', 'in', 'has', 'like', 'is'].map((operator) => [operator, 3] as const),
  ['+', 4],
  ['-', 4],
  ['*', 5],
  ['!', 6],
  ['neg', 6],
]);
const tightest = 7;

const methods: ReadonlySet<string> = new Set('contains containsAll containsAny getTag hasTag'.split(' '));
const constructors: ReadonlySet<string> = new Set(['ip', 'decimal', 'datetime', 'duration']);

/** An expression of the JSON policy format as Cedar text. */
export function printExpression(expression: ExpressionJson): string {
  const [operator, operand] = operatorOf(expression);
  const special = printers.get(operator);
  if (special !== undefined) return special(operand as never);
  if (extensionFunctions.has(operator)) return printCall(operator, operand as readonly ExpressionJson[]);
  const { left, right } = operand as Operands;
  if (methods.has(operator)) return `${tight(left, tightest)}.${operator}(${printExpression(right)})`;
  const level = binding.get(operator) ?? tightest;
  const chains = operator === '&&' || operator === '||' || level > 3;
  return `${tight(left, chains ? level : level + 1)} ${operator} ${tight(right, level + 1)}`;
}

function tight(expression: ExpressionJson, level: number): string {
  const text = printExpression(expression);
  return bindingOf(expression) < level ? `(${text})` : text;
}

/** A negative literal binds as the minus before it does. */
function bindingOf(expression: ExpressionJson): number {
  const [operator, operand] = operatorOf(expression);
  const negative =
    operator === 'Long'
      ? (operand as string).startsWith('-')
      : operator === 'Value' && typeof operand === 'number' && operand < 0;
  return binding.get(negative ? 'neg' : operator) ?? tightest;
}

function printCall(name: string, operands: readonly ExpressionJson[]): string {
  const texts = operands.map(printExpression);
  if (constructors.has(name)) return `${name}(${texts.join(', ')})`;
  return `${tight(operands[0] as ExpressionJson, tightest)}.${name}(${texts.slice(1).join(', ')})`;
}

function printLiteral(value: unknown): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value !== 'object' || value === null) return String(value);
  if (Array.isArray(value)) return `[${value.map(printLiteral).join(', ')}]`;
  const fields = value as Readonly<Record<string, unknown>>;
  const entity = fields.__entity as { type: string; id: string } | undefined;
  if (entity !== undefined) return entityText(entity.type, entity.id);
  return `{${Object.entries(fields)
    .map(([name, field]) => `${fieldName(name)}: ${printLiteral(field)}`)
    .join(', ')}}`;
}

function printHas({ left, attr }: { left: ExpressionJson; attr: string | readonly string[] }): string {
  const name = typeof attr === 'string' ? fieldName(attr) : attr.map(fieldName).join('.');
  return `${tight(left, 4)} has ${name}`;
}

function printPattern(pattern: readonly PatternPart[]): string {
  const parts = pattern.map((part) =>
    part === 'Wildcard' ? '*' : quote(part.Literal).slice(1, -1).replaceAll('*', '\\*'),
  );
  return `"${parts.join('')}"`;
}

const printers: ReadonlyMap<string, (operand: never) => string> = new Map<string, (operand: never) => string>([
  ['Value', (value: unknown) => printLiteral(value)],
  ['Long', (digits: string) => digits],
  ['Var', (name: string) => name],
  ['.', ({ left, attr }: { left: ExpressionJson; attr: string }) => `${tight(left, tightest)}${fieldAccess(attr)}`],
  ['has', printHas],
  ['!', ({ arg }: { arg: ExpressionJson }) => `!${tight(arg, tightest)}`],
  ['neg', ({ arg }: { arg: ExpressionJson }) => `-${tight(arg, tightest)}`],
  ['isEmpty', ({ arg }: { arg: ExpressionJson }) => `${tight(arg, tightest)}.isEmpty()`],
  [
    'like',
    ({ left, pattern }: { left: ExpressionJson; pattern: readonly PatternPart[] }) =>
      `${tight(left, 4)} like ${printPattern(pattern)}`,
  ],
  [
    'is',
    ({ left, entity_type: type, in: ancestor }: { left: ExpressionJson; entity_type: string; in?: ExpressionJson }) =>
      `${tight(left, 4)} is ${type}${ancestor === undefined ? '' : ` in ${tight(ancestor, 4)}`}`,
  ],
  [
    'if-then-else',
    (branches: { if: ExpressionJson; then: ExpressionJson; else: ExpressionJson }) =>
      `if ${printExpression(branches.if)} then ${printExpression(branches.then)} else ${printExpression(branches.else)}`,
  ],
  ['Set', (items: readonly ExpressionJson[]) => `[${items.map(printExpression).join(', ')}]`],
  [
    'Record',
    (fields: Readonly<Record<string, ExpressionJson>>) =>
      `{${Object.entries(fields)
        .map(([name, field]) => `${fieldName(name)}: ${printExpression(field)}`)
        .join(', ')}}`,
  ],
]);
