import { dirname, isAbsolute, join } from 'node:path';
import { MerlonError } from '../core/errors.ts';
import { checks } from './check/checks.ts';
import { draftOf } from './check/draft.ts';
import { readApis } from './check/files.ts';
import type { CheckInput, Finding } from './check/finding.ts';
import type { ManifestCode } from './codes.ts';
import { ManifestError } from './errors.ts';
import { systemFiles } from './files.ts';
import { problemsOf } from './issues.ts';
import type { Files, ReadApi } from './ports.ts';
import type { Problem } from './problem.ts';
import { type Manifest, manifestSchema } from './schema.ts';
import { readSource, type Source } from './source.ts';

/** Largest manifest, in bytes. */
export const maxManifestBytes = 1024 * 1024;

/** What reading a manifest needs besides its path. */
export interface LoadOptions {
  /** Default: the machine's own files. */
  readonly files?: Files;
  /** Epoch milliseconds: what has expired by then is warned of. Default: nothing is. */
  readonly nowMs?: number;
  /** Default: documents are read here. */
  readonly readApi?: ReadApi | undefined;
}

/** A manifest that holds, and what someone should look at all the same. */
export interface LoadedManifest {
  readonly manifest: Manifest;
  /** Against which the manifest's paths of files are resolved. */
  readonly folder: string;
  readonly warnings: readonly Problem[];
}

function fileProblem(path: string, code: ManifestCode, message: string, hint?: string): Problem {
  return {
    severity: 'error',
    code,
    file: path,
    line: 0,
    column: 0,
    path: '',
    message,
    ...(hint === undefined ? {} : { hint }),
  };
}

function readManifest(path: string, files: Files): string {
  try {
    const text = files.readText(path, maxManifestBytes);
    if (text !== undefined) return text;
  } catch (thrown) {
    if (!(thrown instanceof MerlonError)) throw thrown;
    throw new ManifestError([fileProblem(path, thrown.code as ManifestCode, thrown.message)]);
  }
  throw new ManifestError([
    fileProblem(
      path,
      'manifest.not-found',
      `there is no file \`${path}\``,
      'write one with `merlon init`, or name it with `--manifest`',
    ),
  ]);
}

// More than a person reads; a file of nothing but errors must not fill the screen and the memory.
const maxProblems = 1000;

const byPlace = (a: Problem, b: Problem): number => a.line - b.line || a.column - b.column;
const bySeverity = (a: Problem, b: Problem): number =>
  Number(a.severity === 'warning') - Number(b.severity === 'warning');

function lint(source: Source, whole: boolean, files: Files, { nowMs, readApi }: LoadOptions): Problem[] {
  const draft = draftOf(source.value, whole);
  const folder = dirname(source.file);
  const resolve = (name: string): string => (isAbsolute(name) ? name : join(folder, name));
  const { apis, findings } = readApis(draft, { files, resolve, readApi });
  const input: CheckInput = { draft, valueAt: source.valueAt, files, resolve, apis, nowMs };
  const all: Finding[] = [...findings, ...checks.flatMap((check) => check(input))];
  return all.map(({ path, at, ...complaint }) => source.problem(complaint, path, at));
}

/**
 * Checks the text of a manifest as if it stood in the file `path`: grammar, names, files. Gives the resolved manifest
 * where there is no error, and all problems, errors and warnings, in the order of the text. Never throws for what the
 * text holds.
 */
export function checkManifest(
  path: string,
  text: string,
  options: LoadOptions = {},
): { manifest?: Manifest; problems: Problem[] } {
  const { files = systemFiles } = options;
  const source = readSource(path, text);
  // Of what is not YAML, anything further that could be said would be a guess.
  if (source.problems.some(({ code }) => code !== 'manifest.duplicate-key' && code !== 'manifest.unknown-key'))
    return { problems: [...source.problems].sort(byPlace) };
  const result = manifestSchema.safeParse(source.value ?? {});
  const all = [
    ...source.problems,
    ...(result.success ? [] : problemsOf(result.error.issues.slice(0, maxProblems), source)),
    ...lint(source, result.success, files, options),
  ].sort(bySeverity);
  const problems = all.slice(0, maxProblems).sort(byPlace);
  return result.success && all[0]?.severity !== 'error' ? { manifest: result.data, problems } : { problems };
}

/** Reads and checks the manifest at `path`. Throws `ManifestError` with every problem that there is. */
export function loadManifest(path: string, options: LoadOptions = {}): LoadedManifest {
  const { manifest, problems } = checkManifest(path, readManifest(path, options.files ?? systemFiles), options);
  if (manifest === undefined) throw new ManifestError(problems);
  return { manifest, folder: dirname(path), warnings: problems };
}
