// File and function budgets (CONTRIBUTING.md): a file that outgrows 400 lines is asked to become two, and so is a function
// of more than 50 lines of its own, those of the functions inside it not counted. An exemption needs a reason.
import { globSync, readFileSync } from 'node:fs';
import { parseSync } from '@swc/core';

const maxFileLines = 400;
const maxFunctionLines = 50;
const exemptFiles: Readonly<Record<string, string>> = {};
const exemptFunctions: Readonly<Record<string, string>> = {};

const functionTypes = new Set([
  'FunctionDeclaration',
  'FunctionExpression',
  'ArrowFunctionExpression',
  'ClassMethod',
  'PrivateMethod',
  'MethodProperty',
  'Constructor',
]);

interface Span {
  readonly start: number;
  readonly end: number;
}

interface Measured {
  readonly from: number;
  readonly own: number;
}

/** Every function below `node` with its own lines; gives how many lines the outermost of them cover. */
function measure(node: unknown, lineAt: (offset: number) => number, found: Measured[]): number {
  if (Array.isArray(node)) return node.reduce((sum: number, each) => sum + measure(each, lineAt, found), 0);
  if (typeof node !== 'object' || node === null) return 0;
  const { type, span } = node as { type?: string; span?: Span };
  const nested = Object.values(node).reduce((sum: number, each) => sum + measure(each, lineAt, found), 0);
  if (type === undefined || span === undefined || !functionTypes.has(type)) return nested;
  const from = lineAt(span.start);
  const lines = lineAt(span.end) - from + 1;
  found.push({ from, own: lines - nested });
  return lines;
}

/** Offsets count bytes of all files that were parsed so far, from 1: the first token tells where this one begins. */
function functionsOf(file: string): Measured[] {
  const source = readFileSync(file);
  const module = parseSync(source.toString('utf8'), { syntax: 'typescript', target: 'es2024' });
  const { start } = module.span;
  const text = source.toString('utf8');
  const lead = Buffer.byteLength(text.slice(0, text.search(/^(?!\s*(?:\/\/|\/\*|\*|#!|$))/m)));
  const base = start - lead;
  const lineAt = (offset: number): number =>
    source
      .subarray(0, Math.max(0, offset - base))
      .toString('utf8')
      .split('\n').length;
  const found: Measured[] = [];
  measure(module.body, lineAt, found);
  return found;
}

const complaints: string[] = [];
for (const file of globSync('{src,tools,bench,examples}/**/*.ts').filter(
  (each) => !each.endsWith('.test.ts') && !each.includes('.merlon'),
)) {
  const lines = readFileSync(file, 'utf8').split('\n').length - 1;
  if (lines > maxFileLines && exemptFiles[file] === undefined)
    complaints.push(`${file}: ${lines} lines, the budget is ${maxFileLines}`);
  for (const { from, own } of functionsOf(file)) {
    if (own > maxFunctionLines && exemptFunctions[`${file}:${from}`] === undefined)
      complaints.push(`${file}:${from}: a function of ${own} lines, the budget is ${maxFunctionLines}`);
  }
}
for (const complaint of complaints) process.stderr.write(`${complaint}\n`);
process.exitCode = complaints.length > 0 ? 1 : 0;
