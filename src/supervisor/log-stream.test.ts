import { stripVTControlCharacters } from 'node:util';
import { expect, test } from 'vitest';
import { createLogStream, type LogStreamOptions } from './log-stream.ts';

function stream(options: Partial<LogStreamOptions> = {}) {
  const written: string[] = [];
  return {
    written,
    logs: createLogStream({ write: (text) => written.push(text), colour: false, json: false, ...options }),
  };
}

test('each line stands behind the name of who said it, in one column', () => {
  const { logs, written } = stream();
  logs.line('orders', 'listening');
  logs.line('a-long-service-name', 'listening');
  logs.line('orders', 'again');
  expect(written).toEqual([
    'orders     | listening\n',
    'a-long-service-name | listening\n',
    'orders              | again\n',
  ]);
});

test.each([
  ['clears the screen', '\u001b[2J\u001b[Hgone', '[2J[Hgone'],
  ['sets the title', '\u001b]0;pwned\u0007text', ']0;pwnedtext'],
  ['overwrites the line before', 'good\r\u001b[1Aforged', 'good[1Aforged'],
  ['uses the eight-bit forms', '\u009b2J\u0090x\u007f', '2Jx'],
  ['breaks the line', 'one\nmerlon | forged', 'onemerlon | forged'],
  ['holds NUL and backspace', 'a\0b\bc', 'abc'],
])('a line that %s does not steer the terminal', (_, line, shown) => {
  const { logs, written } = stream();
  logs.line('orders', line);
  expect(written).toEqual([`orders     | ${shown}\n`]);
});

test('tabs, accents and pictures stay', () => {
  const { logs, written } = stream();
  logs.line('orders', 'a\tü 🛡');
  expect(written).toEqual(['orders     | a\tü 🛡\n']);
});

test('a line of our own roles is shown as a sentence with its facts, and steers nothing either', () => {
  const { logs, written } = stream();
  logs.line('control', '{"level":"warn","time":"x","name":"control","path":"/a","count":2,"msg":"a route is slow"}');
  logs.line('control', '{"level":"warn","msg":"a\\u001b[2Jb","x":"\\u001b[2J\\n"}');
  logs.line('control', '{"level":');
  expect(written[0]).toBe('control    | a route is slow path=/a count=2\n');
  expect(written[1]).toBe('control    | a[2Jb x=[2J\n');
  expect(written[2]).toBe('control    | {"level":\n');
});

test('a service that writes the same shape with other types breaks nothing', () => {
  const { logs, written } = stream({ colour: true });
  for (const line of ['{"level":null}', '{"level":{},"msg":[1]}', '{"level":"constructor","msg":"x"}', '{"level":1}'])
    logs.line('orders', line);
  expect(written).toHaveLength(4);
});

test('colours are put by us, differ by name, and only where they are wanted', () => {
  const { logs, written } = stream({ colour: true });
  logs.line('orders', '\u001b[31mred');
  logs.line('payments', 'x');
  expect(written[0]).toContain('\u001b[36m');
  expect(written[0]).not.toContain('\u001b[31m');
  expect(written[1]).not.toContain('\u001b[36m');
  expect(stripVTControlCharacters(written[1] as string)).toBe('payments   | x\n');
});

test('as JSON, each line is one object that gives back what was said', () => {
  const { logs, written } = stream({ json: true, colour: true });
  logs.line('orders', 'a "b"\u001b[2J\n');
  expect(written[0]?.split('\n')).toHaveLength(2);
  expect(JSON.parse(written[0] as string)).toEqual({ name: 'orders', line: 'a "b"\u001b[2J\n' });
});
