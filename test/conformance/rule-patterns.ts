// The regular expressions of rule sets, wherever they lie.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseDirectives } from '../../src/waf/language/directives.ts';
import { parseMacro } from '../../src/waf/language/macro.ts';
import { parseOperator } from '../../src/waf/language/operator.ts';

const root = resolve(import.meta.dirname, '../..');
const suites = process.env.MERLON_SUITES ?? resolve(root, '../shared/suites');

export interface RulePattern {
  readonly source: string;
  /** Its rule; where it stands for a rule that has no number: the later ones of a chain. */
  readonly rule: string;
}

/** The rule sets that there may be: name and folder. */
export const ruleFolders: readonly (readonly [name: string, folder: string])[] = [
  ['the built-in rules', join(root, 'src/waf/builtin')],
  ['the Core Rule Set 4', join(suites, 'crs/rules')],
  ['the Core Rule Set 3.3', '/usr/share/modsecurity-crs/rules'],
];

export const isThere = (folder: string): boolean => existsSync(folder);

/** Each expression of a folder once. */
export function patternsOf(folder: string): RulePattern[] {
  const found = new Map<string, string>();
  const files = readdirSync(folder).filter((file) => file.endsWith('.conf'));
  for (const name of files.sort()) {
    for (const { name: directive, args, at } of parseDirectives(readFileSync(join(folder, name), 'utf8'), name)) {
      if (directive.toLowerCase() !== 'secrule' || args[1] === undefined) continue;
      const { name: operator, parameter } = parseOperator(args[1]);
      if (operator.toLowerCase() !== 'rx' || parseMacro(parameter).constant === undefined) continue;
      const id = /\bid:(\d+)/.exec(args[2] ?? '')?.[1];
      if (!found.has(parameter)) found.set(parameter, id ?? `${at.file}:${at.line}`);
    }
  }
  return [...found].map(([source, rule]) => ({ source, rule }));
}

/** Printable text of no meaning, the same in every run. */
export function randomText(bytes: number): string {
  let state = 7;
  return Array.from({ length: bytes }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return String.fromCharCode(32 + ((state >>> 8) % 95));
  }).join('');
}
