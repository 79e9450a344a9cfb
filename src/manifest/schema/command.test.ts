import { expect, test } from 'vitest';
import { splitCommand } from './command.ts';

test.each([
  ['node services/orders.ts', ['node', 'services/orders.ts']],
  ['  node\t--watch   x  ', ['node', '--watch', 'x']],
  [`sh -c 'echo "$HOME" > x'`, ['sh', '-c', 'echo "$HOME" > x']],
  [`a "b \\" \\\\ \\n" c`, ['a', 'b " \\ \\n', 'c']],
  ['a\\ b c', ['a b', 'c']],
  [`''`, ['']],
  [`x''y"z"`, ['xyz']],
  ['a; rm -rf $(x) && `y`', ['a;', 'rm', '-rf', '$(x)', '&&', '`y`']],
  ['', []],
])('%s', (text, words) => {
  expect(splitCommand(text)).toEqual(words);
});

test.each(['"open', "'open", `a "b'`])('%s has an open quote', (text) => {
  expect(splitCommand(text)).toBeUndefined();
});
