import { MerlonError } from '../../core/errors.ts';
import type { ByteSet } from './byte-set.ts';
import type { AssertionKind, Node } from './syntax.ts';

// Thompson's construction: an expression as instructions of a machine that is in several places at once.

export const opcodes = { set: 0, split: 1, jump: 2, save: 3, assert: 4, look: 5, match: 6 } as const;

export const assertionCodes: Readonly<Record<AssertionKind, number>> = {
  start: 0,
  end: 1,
  'end-or-newline': 2,
  'line-start': 3,
  'line-end': 4,
  word: 5,
  'not-word': 6,
};

export interface Look {
  readonly ahead: boolean;
  readonly negative: boolean;
  readonly node: Node;
}

/** Instruction `i` is `op[i]` with operands `x[i]` (target, set, slot, assertion, look) and `y[i]` (second target). */
export interface Program {
  readonly op: Uint8Array;
  readonly x: Int32Array;
  readonly y: Int32Array;
  readonly sets: readonly ByteSet[];
  readonly looks: readonly Look[];
  readonly groups: number;
  readonly copies: readonly Copies[];
}

/**
 * The copies of what a counted repetition repeats, where they are ranked: whatever follows a place in one copy follows the same place in the
 * next better one, too. Copies are as long as each other and lie one behind the other.
 */
export interface Copies {
  /** Of the first copy. */
  readonly from: number;
  readonly length: number;
  readonly count: number;
  /** The best copy is the first (the most may still follow) or the last (the least must). */
  readonly best: 'first' | 'last';
}

/** Of the longest program. */
export const maxInstructions = 30_000;

interface Builder {
  readonly op: number[];
  readonly x: number[];
  readonly y: number[];
  readonly sets: ByteSet[];
  readonly setIndex: Map<string, number>;
  readonly looks: Look[];
  readonly copies: Copies[];
}

function emit(builder: Builder, op: number, x = 0, y = 0): number {
  if (builder.op.length >= maxInstructions) {
    throw new MerlonError({
      code: 'waf.bad-regex',
      message: 'the expression is too large',
      hint: 'lower its repetition counts',
    });
  }
  builder.op.push(op);
  builder.x.push(x);
  builder.y.push(y);
  return builder.op.length - 1;
}

function internSet(builder: Builder, set: ByteSet): number {
  const key = set.join();
  const known = builder.setIndex.get(key);
  if (known !== undefined) return known;
  builder.sets.push(set);
  builder.setIndex.set(key, builder.sets.length - 1);
  return builder.sets.length - 1;
}

function emitAlternatives(builder: Builder, options: readonly Node[], isLast: boolean): void {
  const exits: number[] = [];
  for (const [index, option] of options.entries()) {
    if (index === options.length - 1) {
      emitNode(builder, option, isLast);
      break;
    }
    const split = emit(builder, opcodes.split);
    builder.x[split] = split + 1;
    emitNode(builder, option, isLast);
    exits.push(emit(builder, opcodes.jump));
    builder.y[split] = builder.op.length;
  }
  for (const exit of exits) builder.x[exit] = builder.op.length;
}

function aim(builder: Builder, split: number, into: number, past: number, greedy: boolean): void {
  builder.x[split] = greedy ? into : past;
  builder.y[split] = greedy ? past : into;
}

/** Notes that the instructions since `from` are so many copies of one thing. */
function noteCopies(builder: Builder, from: number, count: number, best: Copies['best']): void {
  if (count > 1) builder.copies.push({ from, length: (builder.op.length - from) / count, count, best });
}

/** @param isLast nothing that the text must have comes after it. */
function emitRepeat(builder: Builder, node: Node & { kind: 'repeat' }, isLast: boolean): void {
  const start = builder.op.length;
  for (let count = 0; count < node.min; count += 1) emitNode(builder, node.node);
  // Where so many are asked for and any number more may follow, who has more of them behind is ahead.
  if (isLast || node.max === Number.POSITIVE_INFINITY) noteCopies(builder, start, node.min, 'last');
  if (node.max === Number.POSITIVE_INFINITY) {
    const split = emit(builder, opcodes.split);
    emitNode(builder, node.node);
    emit(builder, opcodes.jump, split);
    aim(builder, split, split + 1, builder.op.length, node.greedy);
    return;
  }
  const splits: number[] = [];
  const optional = builder.op.length;
  for (let count = node.min; count < node.max; count += 1) {
    splits.push(emit(builder, opcodes.split));
    emitNode(builder, node.node);
  }
  for (const split of splits) aim(builder, split, split + 1, builder.op.length, node.greedy);
  noteCopies(builder, optional, splits.length, 'first');
}

function emitNode(builder: Builder, node: Node, isLast = false): void {
  switch (node.kind) {
    case 'empty':
      return;
    case 'set':
      emit(builder, opcodes.set, internSet(builder, node.set));
      return;
    case 'cat':
      for (const [index, part] of node.parts.entries())
        emitNode(builder, part, isLast && index === node.parts.length - 1);
      return;
    case 'alt':
      emitAlternatives(builder, node.options, isLast);
      return;
    case 'repeat':
      emitRepeat(builder, node, isLast);
      return;
    case 'group':
      emit(builder, opcodes.save, node.index * 2);
      emitNode(builder, node.node, isLast);
      emit(builder, opcodes.save, node.index * 2 + 1);
      return;
    case 'assert':
      emit(builder, opcodes.assert, assertionCodes[node.what]);
      return;
    case 'look':
      builder.looks.push(node);
      emit(builder, opcodes.look, builder.looks.length - 1);
      return;
    case 'reference':
      throw new MerlonError({ code: 'waf.bad-regex', message: 'a back-reference is no step of an automaton' });
  }
}

/** @throws MerlonError `waf.bad-regex` where counted repetitions make the program too large. */
export function compileProgram(node: Node, groups: number): Program {
  const builder: Builder = { op: [], x: [], y: [], sets: [], setIndex: new Map(), looks: [], copies: [] };
  emitNode(builder, node, true);
  emit(builder, opcodes.match);
  return {
    op: Uint8Array.from(builder.op),
    x: Int32Array.from(builder.x),
    y: Int32Array.from(builder.y),
    sets: builder.sets,
    looks: builder.looks,
    groups,
    copies: builder.copies,
  };
}
