import type { z } from 'zod';
import type { ManifestCode } from './codes.ts';
import { type JsonSchema, keysAt, manifestJsonSchema } from './json-schema.ts';
import { nearest, suggest } from './nearest.ts';
import type { Path, Problem } from './problem.ts';
import type { IssueFacts } from './schema/terms.ts';
import { isSecretPath } from './secrecy.ts';
import type { Complaint, Source } from './source.ts';

type Issue = z.core.$ZodIssue;

// Of a map of nothing but unknown keys, so many are told.
const maxKeys = 100;

const kinds: Readonly<Record<string, string>> = {
  array: 'a list',
  object: 'a map',
  record: 'a map',
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: '`true` or `false`',
};

function kindOf(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return kinds[typeof value] ?? typeof value;
}

const quoted = (values: readonly unknown[]): string => values.map((value) => `\`${String(value)}\``).join(', ');

let schema: JsonSchema | undefined;

function unknownKey(key: string, path: Path): Complaint {
  const hint = suggest(key, keysAt((schema ??= manifestJsonSchema()), path));
  return error('manifest.unknown-key', `unknown key \`${key}\``, hint);
}

function error(code: ManifestCode, message: string, hint?: string): Complaint {
  return { severity: 'error', code, message, ...(hint === undefined ? {} : { hint }) };
}

function missing(path: Path): Complaint {
  return error('manifest.missing-key', `\`${String(path.at(-1))}\` is missing`);
}

function badType(expected: string, value: unknown): Complaint {
  return error(
    'manifest.bad-type',
    `expected ${kinds[expected] ?? expected}, found ${kindOf(value)}`,
    typeHint(expected, value),
  );
}

function typeHint(expected: string, value: unknown): string | undefined {
  if (expected === 'array' && typeof value === 'string') return 'write it in brackets: `[...]`';
  if (expected === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return 'put it in quotes';
  return undefined;
}

function badChoice(values: readonly unknown[], value: unknown, path: Path): Complaint {
  const choices = `${values.length > 1 ? 'one of ' : ''}${quoted(values)}`;
  if (typeof value !== 'string' || isSecretPath(path)) return error('manifest.bad-value', `expected ${choices}`);
  if (values.some((choice) => String(choice) === value))
    return error('manifest.bad-value', `expected ${choices}, found it in quotes`, 'remove the quotes');
  const close = nearest(value, values.map(String));
  return error(
    'manifest.bad-value',
    `\`${value}\` is not ${choices}`,
    close === undefined ? undefined : `did you mean \`${close}\`?`,
  );
}

function badSize(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>): Complaint {
  const low = issue.code === 'too_small';
  const bound = low ? issue.minimum : issue.maximum;
  const [one, many] =
    { array: ['entry', 'entries'], string: ['character', 'characters'] }[issue.origin as string] ?? [];
  const unit = bound === 1 ? one : many;
  return error(
    'manifest.bad-value',
    `expected at ${low ? 'least' : 'most'} ${bound}${unit === undefined ? '' : ` ${unit}`}`,
  );
}

const isRoot = ({ code, path }: Issue): boolean =>
  path.length === 0 && (code === 'invalid_type' || code === 'invalid_value');

/** The alternative of a union that a person most likely meant: the one whose kind fits what stands there. */
function meant(branches: readonly (readonly Issue[])[]): readonly Issue[] {
  const fitting = branches.filter((issues) => issues.length > 0 && !issues.some(isRoot));
  return [...fitting].sort((a, b) => a.length - b.length)[0] ?? [];
}

function badUnion(branches: readonly (readonly Issue[])[], value: unknown, path: Path): Complaint {
  const roots = branches.flat().filter(isRoot);
  const choices = roots.flatMap((issue) => (issue.code === 'invalid_value' ? issue.values : []));
  if (typeof value === 'string' && choices.length > 0) return badChoice(choices, value, path);
  const expected = roots.map((issue) =>
    issue.code === 'invalid_value'
      ? quoted(issue.values)
      : issue.code === 'invalid_type'
        ? (kinds[issue.expected] ?? issue.expected)
        : '',
  );
  return error('manifest.bad-type', `expected ${[...new Set(expected)].join(' or ')}, found ${kindOf(value)}`);
}

/** What one issue of zod's says in this program's words. One issue may be several problems. */
function translate(issue: Issue, base: Path, source: Source): Problem[] {
  const path = [...base, ...(issue.path as (string | number)[])];
  const value = source.valueAt(path);
  const here = (complaint: Complaint): Problem[] => [source.problem(complaint, path)];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.slice(0, maxKeys).map((key) => source.problem(unknownKey(key, path), [...path, key], 'key'));
    case 'invalid_key':
      return issue.issues.flatMap((inner) => source.problem(custom(inner), path, 'key'));
    case 'invalid_union': {
      if (value === undefined) return here(missing(path));
      const best = meant(issue.errors);
      return best.length > 0
        ? best.flatMap((inner) => translate(inner, path, source))
        : here(badUnion(issue.errors, value, path));
    }
    case 'invalid_type':
      return here(value === undefined ? missing(path) : badType(issue.expected, value));
    case 'invalid_value':
      return here(value === undefined ? missing(path) : badChoice(issue.values, value, path));
    case 'too_small':
    case 'too_big':
      return here(badSize(issue));
    default:
      return here(custom(issue));
  }
}

function custom(issue: Issue): Complaint {
  if (issue.code === 'invalid_format') return error('manifest.bad-value', `this is not a valid ${issue.format}`);
  const facts = issue.code === 'custom' ? (issue.params as IssueFacts | undefined) : undefined;
  return error(
    facts?.code ?? 'manifest.bad-value',
    facts === undefined ? 'this value is not accepted' : issue.message,
    facts?.hint,
  );
}

/** Zod's issues as problems, each at its place in the file. */
export function problemsOf(issues: readonly Issue[], source: Source): Problem[] {
  return issues.flatMap((issue) => translate(issue, [], source));
}
