import { lowercase } from '../transformations/bytes.ts';

/** A name inside `%{...}`. */
export interface MacroName {
  /** Upper case. */
  readonly collection: string;
  /** As written; empty for a plain variable. */
  readonly key: string;
  readonly lowerKey: string;
}

/** Text with variables in it. */
export interface Macro {
  readonly parts: readonly (string | MacroName)[];
  /** The whole text, where no variable is in it. */
  readonly constant: string | undefined;
}

/** What a macro reads from. */
export interface Scope {
  lookUp(name: MacroName): string;
}

const variable = /%\{([A-Za-z][A-Za-z0-9_]*)(?:\.([^{}]+))?\}/g;

/** Parses `%{tx.1} in %{MATCHED_VAR_NAME}`. What is not of this form stays text. */
export function parseMacro(text: string): Macro {
  const parts: (string | MacroName)[] = [];
  let from = 0;
  for (const match of text.matchAll(variable)) {
    if (match.index > from) parts.push(text.slice(from, match.index));
    const key = match[2] ?? '';
    parts.push({ collection: match[1]!.toUpperCase(), key, lowerKey: lowercase(key) });
    from = match.index + match[0].length;
  }
  if (from < text.length) parts.push(text.slice(from));
  const isConstant = parts.every((part) => typeof part === 'string');
  return { parts, constant: isConstant ? text : undefined };
}

/** The names in a macro. */
export const namesIn = ({ parts }: Macro): MacroName[] =>
  parts.filter((part): part is MacroName => typeof part !== 'string');

const maxExpandedBytes = 8192;

/** The text with each variable's value in its place; cut at 8 KiB. */
export function expand(macro: Macro, scope: Scope): string {
  if (macro.constant !== undefined) return macro.constant;
  let text = '';
  for (const part of macro.parts) {
    text += typeof part === 'string' ? part : scope.lookUp(part);
    if (text.length > maxExpandedBytes) return text.slice(0, maxExpandedBytes);
  }
  return text;
}
