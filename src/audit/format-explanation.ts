// How an explanation looks in a terminal. Everything from a record is escaped: a path may hold what a terminal obeys.

import type { ExplainedStep, Explanation, Fact } from './explain.ts';

/** How to draw it. */
export interface FormatOptions {
  readonly colour: boolean;
  /** Columns of the terminal; it is drawn between 48 and 120 wide. */
  readonly width: number;
}

const codes = { bold: '1', dim: '2', red: '31', green: '32', yellow: '33', cyan: '36' } as const;
type Style = keyof typeof codes;
type Paint = (style: Style, text: string) => string;

const painted: Paint = (style, text) => `\u001b[${codes[style]}m${text}\u001b[0m`;
const plain: Paint = (_, text) => text;

const verdictStyles = { allowed: 'green', denied: 'red', failed: 'yellow', done: 'green' } as const;
const outcomeMarks = { pass: '✓', deny: '✗', report: '!', skip: '·' } as const;
const outcomeStyles = { pass: 'green', deny: 'red', report: 'yellow', skip: 'dim' } as const;

// Control characters, and those that turn the direction of text.
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** `text` with every character that a terminal would obey written as its code. */
export function escapeForTerminal(text: string): string {
  return text.replace(unsafe, (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Draws `explanation`; ends in a newline. */
export function formatExplanation(explanation: Explanation, { colour, width }: FormatOptions): string {
  const paint = colour ? painted : plain;
  const columns = Math.max(48, Math.min(width, 120));
  const sections = [
    drawHeader(explanation, columns, paint),
    [...drawFacts('who', explanation.who, columns, paint), ...drawFacts('where', explanation.where, columns, paint)],
    drawSteps(explanation.steps, paint),
    drawFacts('waf', explanation.waf, columns, paint),
    drawWhy(explanation, columns, paint),
    drawFixes(explanation.fixes, columns, paint),
  ];
  return `${sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')}\n`;
}

function drawHeader({ verdict, status, subject, time, id }: Explanation, columns: number, paint: Paint): string[] {
  const style = verdictStyles[verdict];
  const title = [verdict.toUpperCase(), status].filter((part) => part !== undefined).join(' ');
  const inner = columns - 4;
  const row = (text: string, as?: Style): string => {
    const padded = text.padEnd(inner);
    return `${paint(style, '│')} ${as === undefined ? padded : paint(as, padded)} ${paint(style, '│')}`;
  };
  return [
    `${paint(style, '╭─ ')}${paint('bold', paint(style, title))}${paint(style, ` ${'─'.repeat(columns - title.length - 5)}╮`)}`,
    ...wrap(escapeForTerminal(subject), inner).map((line) => row(line, 'bold')),
    row(time, 'dim'),
    row(escapeForTerminal(id), 'dim'),
    paint(style, `╰${'─'.repeat(columns - 2)}╯`),
  ];
}

const labelWidth = 8;
const nameWidth = 11;

// A labelled column of names beside their values: the label stands at the first line only.
function drawFacts(label: string, facts: readonly Fact[], columns: number, paint: Paint): string[] {
  const lines = facts.flatMap(({ name, value }) => {
    const shown = escapeForTerminal(name).padEnd(nameWidth);
    const [first = '', ...rest] = wrap(escapeForTerminal(value), columns - labelWidth - shown.length - 3);
    const indent = ' '.repeat(shown.length);
    return [`${paint('dim', shown)} ${first}`, ...rest.map((line) => `${indent} ${line}`)];
  });
  return lines.map((line, at) => `  ${paint('cyan', (at === 0 ? label : '').padEnd(labelWidth))}${line}`);
}

function drawSteps(steps: readonly ExplainedStep[], paint: Paint): string[] {
  if (steps.length === 0) return [];
  const nameColumns = Math.max(...steps.map(({ filter }) => escapeForTerminal(filter).length));
  const rows = steps.map(({ filter, outcome, decided }) => {
    const style = outcomeStyles[outcome];
    const name = escapeForTerminal(filter).padEnd(nameColumns);
    const text = `${paint(style, outcomeMarks[outcome])} ${outcome === 'skip' ? paint('dim', name) : name}  ${paint(style, outcome)}`;
    return `  ${paint('dim', '│')} ${text}${decided ? paint('bold', paint('red', '  ◀ decided here')) : ''}`;
  });
  return [
    `  ${paint('dim', '┌')} ${paint('cyan', 'filters, in running order')}`,
    ...rows,
    `  ${paint('dim', `└${'─'.repeat(nameColumns + 10)}`)}`,
  ];
}

function drawWhy({ why }: Explanation, columns: number, paint: Paint): string[] {
  if (why === undefined) return [];
  const { filter, code, message, detail, rule, clause, claim, expected, actual } = why;
  const named = { rule, clause, 'looked at': claim, expected, actual, detail };
  const known = Object.entries(named).flatMap(([name, value]) => (value === undefined ? [] : [{ name, value }]));
  const [first = '', ...rest] = wrap(escapeForTerminal(message), columns - labelWidth - 2);
  return [
    `  ${paint('cyan', 'why'.padEnd(labelWidth))}${paint('bold', first)}`,
    ...rest.map((line) => `  ${' '.repeat(labelWidth)}${paint('bold', line)}`),
    ...drawFacts('', [{ name: 'filter', value: filter }, { name: 'code', value: code }, ...known], columns, paint),
  ];
}

function drawFixes(fixes: readonly string[], columns: number, paint: Paint): string[] {
  if (fixes.length === 0) return [];
  const rows = fixes.flatMap((fix, at) => {
    const number = `${at + 1}.`;
    const lines = wrap(escapeForTerminal(fix), columns - 8);
    return lines.map((line, turn) => `    ${turn === 0 ? paint('green', number) : ' '.repeat(number.length)} ${line}`);
  });
  return [`  ${paint('cyan', 'the smallest change that would allow it')}`, ...rows];
}

// Breaks at spaces where it can, and anywhere where it must.
function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let rest = text;
  while (rest.length > columns) {
    const space = rest.lastIndexOf(' ', columns);
    const end = space > columns / 2 ? space : columns;
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest];
}
