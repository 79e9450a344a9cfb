import { type ByteSet, intersection, isEmptySet } from './byte-set.ts';

export type AssertionKind = 'start' | 'end' | 'end-or-newline' | 'line-start' | 'line-end' | 'word' | 'not-word';

/** A parsed expression over bytes. */
export type Node =
  | { readonly kind: 'empty' }
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'cat'; readonly parts: readonly Node[] }
  | { readonly kind: 'alt'; readonly options: readonly Node[] }
  | {
      readonly kind: 'repeat';
      readonly node: Node;
      readonly min: number;
      readonly max: number;
      readonly greedy: boolean;
    }
  | { readonly kind: 'group'; readonly node: Node; readonly index: number }
  | { readonly kind: 'assert'; readonly what: AssertionKind }
  | { readonly kind: 'look'; readonly ahead: boolean; readonly negative: boolean; readonly node: Node }
  /** What a group has matched, once more. */
  | { readonly kind: 'reference'; readonly index: number; readonly ignoreCase: boolean };

export const empty: Node = { kind: 'empty' };

const mirrored: Readonly<Record<AssertionKind, AssertionKind>> = {
  start: 'end',
  end: 'start',
  'end-or-newline': 'start',
  'line-start': 'line-end',
  'line-end': 'line-start',
  word: 'word',
  'not-word': 'not-word',
};

/** The expression that matches what `node` matches, read from right to left. */
export function reverse(node: Node): Node {
  switch (node.kind) {
    case 'cat':
      return { kind: 'cat', parts: node.parts.map(reverse).reverse() };
    case 'alt':
      return { kind: 'alt', options: node.options.map(reverse) };
    case 'repeat':
      return { ...node, node: reverse(node.node) };
    case 'group':
      return reverse(node.node);
    case 'assert':
      return { kind: 'assert', what: mirrored[node.what] };
    default:
      return node;
  }
}

/** Whether every match must begin at the start of the text. */
export function isAnchored(node: Node): boolean {
  switch (node.kind) {
    case 'assert':
      return node.what === 'start';
    case 'cat': {
      const first = node.parts.find((part) => part.kind !== 'empty');
      return first !== undefined && isAnchored(first);
    }
    case 'alt':
      return node.options.every(isAnchored);
    case 'group':
      return isAnchored(node.node);
    case 'repeat':
      return node.min > 0 && isAnchored(node.node);
    default:
      return false;
  }
}

export function hasReference(node: Node): boolean {
  switch (node.kind) {
    case 'reference':
      return true;
    case 'cat':
      return node.parts.some(hasReference);
    case 'alt':
      return node.options.some(hasReference);
    case 'repeat':
    case 'group':
    case 'look':
      return hasReference(node.node);
    default:
      return false;
  }
}

const anyText: Node = {
  kind: 'repeat',
  node: { kind: 'set', set: new Uint32Array(8).fill(0xffffffff) },
  min: 0,
  max: Number.POSITIVE_INFINITY,
  greedy: true,
};

/**
 * An expression that an automaton can run and that matches wherever this one does: without look-around, with any text
 * in place of a back-reference.
 */
export function loosen(node: Node): Node {
  switch (node.kind) {
    case 'look':
      return empty;
    case 'reference':
      return anyText;
    case 'assert':
      return node.what === 'end-or-newline' ? empty : node;
    case 'cat':
      return { kind: 'cat', parts: node.parts.map(loosen) };
    case 'alt':
      return { kind: 'alt', options: node.options.map(loosen) };
    case 'repeat':
    case 'group':
      return { ...node, node: loosen(node.node) };
    default:
      return node;
  }
}

/** Whether the expression is `^.*$`: it matches any text, and all of it. */
export function isWholeText(node: Node): boolean {
  if (node.kind !== 'cat' || node.parts.length !== 3) return false;
  const [start, middle, end] = node.parts;
  const isAny = (inner: Node): boolean => inner.kind === 'set' && inner.set.every((word) => word >>> 0 === 0xffffffff);
  return (
    start?.kind === 'assert' &&
    start.what === 'start' &&
    end?.kind === 'assert' &&
    end.what === 'end' &&
    middle?.kind === 'repeat' &&
    middle.min === 0 &&
    middle.max === Number.POSITIVE_INFINITY &&
    isAny(middle.node)
  );
}

/** The expression as far as texts of these bytes alone can match it; undefined where none can. */
export function restrict(node: Node, alphabet: ByteSet): Node | undefined {
  switch (node.kind) {
    case 'set': {
      const set = intersection(node.set, alphabet);
      return isEmptySet(set) ? undefined : { kind: 'set', set };
    }
    case 'cat': {
      const parts = node.parts.map((part) => restrict(part, alphabet));
      return parts.every((part) => part !== undefined) ? { kind: 'cat', parts } : undefined;
    }
    case 'alt': {
      const options = node.options.map((option) => restrict(option, alphabet)).filter((option) => option !== undefined);
      return options.length === 0 ? undefined : { kind: 'alt', options };
    }
    case 'repeat': {
      const inner = restrict(node.node, alphabet);
      if (inner !== undefined) return { ...node, node: inner };
      return node.min === 0 ? empty : undefined;
    }
    case 'group': {
      const inner = restrict(node.node, alphabet);
      return inner === undefined ? undefined : { ...node, node: inner };
    }
    default:
      return node;
  }
}
