import { depthChange, tokenize } from './source-tokens.ts';

// The official parser recurses on a stack of fixed size, and once that has overflowed it fails on everything until the
// process ends. Measured, alone: about 125 brackets, 400 `if`s or 1,200 operators exhaust it. These together do not.
const maxDepth = 32;
const maxIfs = 50;
const maxOperators = 500;

const operators: ReadonlySet<string> = new Set(['&&', '||', '!', '.', '+', '-', '*']);

/** Why `text` is too complex to be parsed safely; undefined where it is not. */
export function excessOf(text: string): string | undefined {
  let depth = 0;
  let deepest = 0;
  let ifs = 0;
  let used = 0;
  for (const token of tokenize(text)) {
    depth += depthChange(token);
    deepest = Math.max(deepest, depth);
    if (token.text === 'if') ifs++;
    else if (operators.has(token.text)) used++;
  }
  if (deepest > maxDepth) return `policy nests ${deepest} brackets deep, at most ${maxDepth} are accepted`;
  if (ifs > maxIfs) return `policy has ${ifs} \`if\`s, at most ${maxIfs} are accepted`;
  return used > maxOperators ? `policy has ${used} operators, at most ${maxOperators} are accepted` : undefined;
}
