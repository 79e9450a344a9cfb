import { formatPath, type Path, type Problem } from './problem.ts';
import { isSecretPath } from './secrecy.ts';
import { type Located, readYaml, type Span } from './yaml-text.ts';

/** What a problem says, without where. */
export type Complaint = Pick<Problem, 'severity' | 'code' | 'message' | 'hint'>;

/** A YAML file, read: plain values, and where each of them stands. */
export interface Source {
  readonly file: string;
  /** Maps without prototypes, arrays and scalars; undefined where the text is not YAML. */
  readonly value: unknown;
  /** What is wrong with the text itself. */
  readonly problems: readonly Problem[];
  /** What stands at `path`; undefined where nothing does. */
  valueAt(path: Path): unknown;
  /** A problem with the key at `path`, or with its value. Climbs to what exists. */
  problem(complaint: Complaint, path: Path, at?: 'key' | 'value'): Problem;
}

/** Where each line of a text begins. */
function lineStarts(text: string): number[] {
  const starts = [0];
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return starts;
}

function lineOf(starts: readonly number[], offset: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((starts[middle] as number) <= offset) low = middle;
    else high = middle - 1;
  }
  return low;
}

function blank(text: string, spans: readonly Span[]): string {
  const characters = [...spans].sort((a, b) => a.from - b.from);
  let out = '';
  let at = 0;
  for (const { from, to } of characters) {
    if (to <= at) continue;
    const start = Math.max(at, from);
    out += text.slice(at, start) + text.slice(start, to).replace(/[^\r\n]/g, '*');
    at = to;
  }
  return out + text.slice(at);
}

const longestExcerpt = 200;

/** Gives lines of a file that are safe to show. */
function excerpts(text: string, masked: readonly Span[], broken: boolean) {
  const starts = lineStarts(text);
  const safe = blank(text, masked);
  return (offset: number, width: number): Partial<Problem> => {
    const line = lineOf(starts, offset);
    const from = starts[line] as number;
    const end = safe.indexOf('\n', from);
    const shown = safe.slice(from, end === -1 ? undefined : end).replace(/\r$/, '');
    // Where the text is not YAML it is not known what is a secret: of such a line only the key is shown.
    const key = /^\s*(?:- )?[\w.-]{1,64}\s*:/.exec(shown)?.[0];
    const column = offset - from + 1;
    const place = { line: line + 1, column };
    if (shown.length > longestExcerpt || (broken && key === undefined)) return place;
    const excerpt = broken && key !== undefined ? key + shown.slice(key.length).replace(/\S/g, '*') : shown;
    return { ...place, excerpt, width: Math.max(1, Math.min(width, excerpt.length - column + 1)) };
  };
}

function showValue(value: unknown, path: Path): string | undefined {
  if (value === undefined) return undefined;
  if (isSecretPath(path)) return '[redacted]';
  if (typeof value === 'object' && value !== null) return undefined;
  const text = String(value);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}

function step(value: unknown, key: string | number): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string | number, unknown>)[key];
}

/** Reads one YAML document. What is not YAML, or out of bounds, is told in `problems`. */
export function readSource(file: string, text: string): Source {
  const { value, faults, locate, masked } = readYaml(text);
  const excerpt = excerpts(
    text,
    masked,
    faults.some(({ code }) => code === 'manifest.syntax'),
  );
  const place = (span: Span) => excerpt(span.from, span.to - span.from);
  const valueAt = (path: Path): unknown => path.reduce(step, value);

  function spanAt(path: Path, at: 'key' | 'value'): Span {
    for (let depth = path.length; depth >= 0; depth--) {
      const located: Located = locate(path.slice(0, depth)) ?? {};
      const missing = depth < path.length;
      const span = at === 'key' || missing ? (located.key ?? located.value) : (located.value ?? located.key);
      if (span !== undefined) return span;
    }
    return { from: 0, to: 1 };
  }

  const build = (complaint: Complaint, path: Path, span: Span, shown: string | undefined): Problem => ({
    file,
    line: 1,
    column: 1,
    ...complaint,
    path: formatPath(path),
    ...(shown === undefined ? {} : { value: shown }),
    ...place(span),
  });

  return {
    file,
    value,
    problems: faults.map(({ span, path = [], ...fault }) =>
      build({ severity: 'error', ...fault }, path, span, undefined),
    ),
    valueAt,
    problem: (complaint, path, at = 'value') =>
      build(complaint, path, spanAt(path, at), at === 'key' ? undefined : showValue(valueAt(path), path)),
  };
}
