import { MerlonError } from '../../core/errors.ts';
import { maxInstructions } from './program.ts';
import type { Node } from './syntax.ts';

/** How many instructions `compileProgram` makes of an expression, without making them. */
export function programLength(node: Node): number {
  return instructionsOf(node) + 1;
}

function instructionsOf(node: Node): number {
  switch (node.kind) {
    case 'cat':
      return sum(node.parts);
    case 'alt':
      return sum(node.options) + 2 * (node.options.length - 1);
    case 'repeat': {
      const once = instructionsOf(node.node);
      const optional = node.max === Number.POSITIVE_INFINITY ? once + 2 : (node.max - node.min) * (once + 1);
      return node.min * once + optional;
    }
    case 'group':
      return instructionsOf(node.node) + 2;
    case 'empty':
      return 0;
    default:
      return 1;
  }
}

const sum = (nodes: readonly Node[]): number => nodes.reduce((total, node) => total + instructionsOf(node), 0);

/** @throws MerlonError `waf.bad-regex` where counted repetitions make the program, or that of a look-around in it, too large. */
export function checkProgramLength(node: Node): void {
  if (programLength(node) > maxInstructions)
    throw new MerlonError({
      code: 'waf.bad-regex',
      message: 'the expression is too large',
      hint: 'lower its repetition counts',
    });
  checkLooks(node);
}

function checkLooks(node: Node): void {
  switch (node.kind) {
    case 'cat':
      return node.parts.forEach(checkLooks);
    case 'alt':
      return node.options.forEach(checkLooks);
    case 'repeat':
    case 'group':
      return checkLooks(node.node);
    case 'look':
      return checkProgramLength(node.node);
    default:
  }
}
