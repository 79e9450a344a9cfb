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
}

const maxInstructions = 30_000;

interface Builder {
  readonly op: number[];
  readonly x: number[];
  readonly y: number[];
  readonly sets: ByteSet[];
  readonly setIndex: Map<string, number>;
  readonly looks: Look[];
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

function emitAlternatives(builder: Builder, options: readonly Node[]): void {
  const exits: number[] = [];
  for (const [index, option] of options.entries()) {
    if (index === options.length - 1) {
      emitNode(builder, option);
      break;
    }
    const split = emit(builder, opcodes.split);
    builder.x[split] = split + 1;
    emitNode(builder, option);
    exits.push(emit(builder, opcodes.jump));
    builder.y[split] = builder.op.length;
  }
  for (const exit of exits) builder.x[exit] = builder.op.length;
}

function aim(builder: Builder, split: number, into: number, past: number, greedy: boolean): void {
  builder.x[split] = greedy ? into : past;
  builder.y[split] = greedy ? past : into;
}

function emitRepeat(builder: Builder, node: Node & { kind: 'repeat' }): void {
  for (let count = 0; count < node.min; count += 1) emitNode(builder, node.node);
  if (node.max === Number.POSITIVE_INFINITY) {
    const split = emit(builder, opcodes.split);
    emitNode(builder, node.node);
    emit(builder, opcodes.jump, split);
    aim(builder, split, split + 1, builder.op.length, node.greedy);
    return;
  }
  const splits: number[] = [];
  for (let count = node.min; count < node.max; count += 1) {
    splits.push(emit(builder, opcodes.split));
    emitNode(builder, node.node);
  }
  for (const split of splits) aim(builder, split, split + 1, builder.op.length, node.greedy);
}

function emitNode(builder: Builder, node: Node): void {
  switch (node.kind) {
    case 'empty':
      return;
    case 'set':
      emit(builder, opcodes.set, internSet(builder, node.set));
      return;
    case 'cat':
      for (const part of node.parts) emitNode(builder, part);
      return;
    case 'alt':
      emitAlternatives(builder, node.options);
      return;
    case 'repeat':
      emitRepeat(builder, node);
      return;
    case 'group':
      emit(builder, opcodes.save, node.index * 2);
      emitNode(builder, node.node);
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
  const builder: Builder = { op: [], x: [], y: [], sets: [], setIndex: new Map(), looks: [] };
  emitNode(builder, node);
  emit(builder, opcodes.match);
  return {
    op: Uint8Array.from(builder.op),
    x: Int32Array.from(builder.x),
    y: Int32Array.from(builder.y),
    sets: builder.sets,
    looks: builder.looks,
    groups,
  };
}
