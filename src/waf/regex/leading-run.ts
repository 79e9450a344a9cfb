import { type ByteSet, hasByte } from './byte-set.ts';
import type { Node } from './syntax.ts';

// An expression that begins with `[\s'"]*` may begin its match at each byte of a run of these, and a backtracking engine reads the
// rest of the run from each: quadratic. What it would find from within the run it has tried from the run's first byte.

/** The bytes that the expression begins with any number of; undefined where it begins otherwise. */
function leadingSet(node: Node): ByteSet | undefined {
  switch (node.kind) {
    case 'cat': {
      const first = node.parts.find((part) => part.kind !== 'empty');
      return first === undefined ? undefined : leadingSet(first);
    }
    case 'repeat':
      return node.min === 0 && node.max === Number.POSITIVE_INFINITY && node.node.kind === 'set'
        ? node.node.set
        : undefined;
    default:
      return undefined;
  }
}

/**
 * Whether an attempt at a place may find what the attempt before it has not. What follows the leading run sees the text around it, not where
 * the attempt began; a group around the run would, and such an expression is left alone.
 */
export function placesToTry(node: Node): (text: string, at: number) => boolean {
  const set = leadingSet(node);
  if (set === undefined) return () => true;
  return (text, at) => at === 0 || !hasByte(set, text.charCodeAt(at - 1));
}
