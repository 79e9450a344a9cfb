import { addSet, type ByteSet, emptySet } from './byte-set.ts';
import type { Node } from './syntax.ts';

// What a match of an expression can begin with: an attempt that would fail at its first byte need not be made.

/** The bytes one of which a match begins with; undefined where a match may be empty, or where nothing is known of it. */
export function firstBytes(node: Node): ByteSet | undefined {
  switch (node.kind) {
    case 'set':
      return node.set;
    case 'group':
      return firstBytes(node.node);
    case 'repeat':
      return node.min > 0 ? firstBytes(node.node) : undefined;
    case 'alt':
      return unite(node.options.map(firstBytes));
    case 'cat':
      return firstOfSequence(node.parts);
    default:
      return undefined;
  }
}

/** The same of expressions that follow each other. */
export function firstOfSequence(parts: readonly Node[]): ByteSet | undefined {
  const before: (ByteSet | undefined)[] = [];
  for (const part of parts) {
    // These take no byte: what follows them begins where they stand.
    if (part.kind === 'empty' || part.kind === 'assert' || part.kind === 'look') continue;
    const isOptional = part.kind === 'repeat' && part.min === 0;
    before.push(firstBytes(isOptional ? part.node : part));
    if (!isOptional) return unite(before);
  }
  return undefined;
}

function unite(sets: readonly (ByteSet | undefined)[]): ByteSet | undefined {
  const union = emptySet();
  for (const set of sets) {
    if (set === undefined) return undefined;
    addSet(union, set);
  }
  return union;
}
