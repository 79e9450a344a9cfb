import type { ManifestCode } from './codes.ts';

/** One thing that is wrong with a manifest (an error), or that someone should look at (a warning). */
export interface Problem {
  readonly severity: 'error' | 'warning';
  readonly code: ManifestCode;
  readonly file: string;
  /** From 1; 0 where the file as a whole is meant. */
  readonly line: number;
  /** From 1, in UTF-16 code units; 0 where the line as a whole is meant. */
  readonly column: number;
  /** Where in the manifest: `routes[2].service`. Empty at the top. */
  readonly path: string;
  /** What stands there, shortened; `[redacted]` where it may be a secret. */
  readonly value?: string;
  readonly message: string;
  readonly hint?: string;
  /** The line of the file, with values that may be secrets blanked. */
  readonly excerpt?: string;
  /** How many columns of the excerpt are meant. */
  readonly width?: number;
}

/** Steps into a manifest: keys and indexes. */
export type Path = readonly (string | number)[];

const plainKey = /^[A-Za-z_][A-Za-z0-9_-]*$/;

/** `routes[2].service`; keys that are not words are quoted: `services["a b"]`. */
export function formatPath(path: Path): string {
  return path
    .map((step, at) => {
      if (typeof step === 'number') return `[${step}]`;
      if (!plainKey.test(step)) return `[${JSON.stringify(step)}]`;
      return at === 0 ? step : `.${step}`;
    })
    .join('');
}

/** How problems are shown. */
export interface FormatOptions {
  /** ANSI colours. Default: false. */
  readonly color?: boolean;
}

const styles = { error: '31', warning: '33', strong: '1', faint: '2' } as const;
type Paint = (style: keyof typeof styles, text: string) => string;

const plain: Paint = (_, text) => text;
const ansi: Paint = (style, text) => `\x1b[${styles[style]}m${text}\x1b[0m`;

// What a file holds may not steer the terminal that shows it.
const control = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g;
const printable = (text: string): string => text.replace(control, '·');

function formatExcerpt({ excerpt, line, column, width = 1 }: Problem, paint: Paint): string[] {
  if (excerpt === undefined) return [];
  const gutter = String(line);
  const caret =
    column > 0 ? ' '.repeat(column - 1) + '^'.repeat(Math.max(1, Math.min(width, excerpt.length - column + 1))) : '';
  const lines = [`  ${paint('faint', `${gutter} |`)} ${printable(excerpt)}`];
  if (caret !== '') lines.push(`  ${paint('faint', `${' '.repeat(gutter.length)} |`)} ${paint('strong', caret)}`);
  return lines;
}

/** `merlon.yaml:3:5`. */
export function formatPlace({ file, line, column }: Problem): string {
  if (line === 0) return file;
  return column === 0 ? `${file}:${line}` : `${file}:${line}:${column}`;
}

function formatProblem(problem: Problem, paint: Paint): string {
  const { severity, path, message, hint, code } = problem;
  const where = path === '' ? '' : `${path}: `;
  return [
    `${paint('strong', printable(formatPlace(problem)))}: ${paint(severity, severity)}: ${printable(where + message)} ${paint('faint', `[${code}]`)}`,
    ...formatExcerpt(problem, paint),
    ...(hint === undefined ? [] : [`  ${paint('faint', 'hint:')} ${printable(hint)}`]),
  ].join('\n');
}

/** Problems as text for a terminal: place, sentence and code, the line with a caret, the hint. Ends with a line break unless empty. */
export function formatProblems(problems: readonly Problem[], { color = false }: FormatOptions = {}): string {
  const paint = color ? ansi : plain;
  return problems.map((problem) => `${formatProblem(problem, paint)}\n`).join('');
}
