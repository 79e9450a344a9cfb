import type { OperatorNode } from './ast.ts';

const form = /^(!?)\s*@([A-Za-z0-9_]+)(?:\s+(.*))?$/s;

/** Parses `!@pm a b`, or a bare expression, which means `@rx`. */
export function parseOperator(text: string): OperatorNode {
  const match = form.exec(text);
  if (match !== null) return { negated: match[1] === '!', name: match[2]!, parameter: match[3] ?? '' };
  const negated = text.startsWith('!');
  return { negated, name: 'rx', parameter: negated ? text.slice(1) : text };
}
