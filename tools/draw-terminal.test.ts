import { expect, test } from 'vitest';
import { drawTerminal, parseTerminal } from './draw-terminal.ts';

test('colours, weight and columns come from the control sequences', () => {
  const [first, second] = parseTerminal('\x1b[1m\x1b[32mok\x1b[39m\x1b[22m done\n\x1b[31mno');
  expect(first).toMatchObject([
    { column: 0, text: 'ok', style: { bold: true, colour: '#5fd38d' } },
    { column: 2, text: ' done', style: { bold: false } },
  ]);
  expect(second).toMatchObject([{ column: 0, text: 'no', style: { colour: '#ff7b72' } }]);
});

test('what a command printed cannot become markup', () => {
  const svg = drawTerminal('<script>&"', { title: 'a "quoted" <title>', command: 'echo' });
  expect(svg).not.toContain('<script>');
  expect(svg).toContain('&lt;script&gt;&amp;&quot;');
  expect(svg).toContain('<title id="title">a &quot;quoted&quot; &lt;title&gt;</title>');
});

test('the card is as wide as its longest line, wide characters counted once', () => {
  expect(drawTerminal('─'.repeat(100), { title: 'x' })).toContain('width="884"');
});
