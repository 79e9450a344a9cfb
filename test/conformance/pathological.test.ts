// The worst text for each expression of each rule set costs no more than three times what any text of that length costs: counted in steps
// of the machines, so that no clock has a say. Expressions with a back-reference are tried under a budget, which is theirs to spend.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseDirectives } from '../../src/waf/language/directives.ts';
import { parseMacro } from '../../src/waf/language/macro.ts';
import { parseOperator } from '../../src/waf/language/operator.ts';
import { defaultFlags, parseRegex } from '../../src/waf/regex/parse.ts';
import { compileRegex, type Regex } from '../../src/waf/regex/regex.ts';
import { hasReference } from '../../src/waf/regex/syntax.ts';
import { work } from '../../src/waf/regex/work.ts';
import { hostileTexts } from './hostile-texts.ts';

const root = resolve(import.meta.dirname, '../..');
const suites = process.env.MERLON_SUITES ?? resolve(root, '../shared/suites');
const bytes = 65_536;
/** Steps of the backtracker for each byte, and the automaton before it. */
const budget = 256 + 3;

/** The same in every run. */
function randomText(): string {
  let state = 7;
  return Array.from({ length: bytes }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return String.fromCharCode(32 + ((state >>> 8) % 95));
  }).join('');
}

function patternsOf(folder: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of readdirSync(folder)
    .filter((file) => file.endsWith('.conf'))
    .sort()) {
    const text = readFileSync(join(folder, name), 'utf8');
    for (const { name: directive, args, at } of parseDirectives(text, name)) {
      if (directive.toLowerCase() !== 'secrule' || args[1] === undefined) continue;
      const { name: operator, parameter } = parseOperator(args[1]);
      if (operator.toLowerCase() !== 'rx' || parseMacro(parameter).constant === undefined) continue;
      if (!found.has(parameter)) found.set(parameter, `${at.file}:${at.line}`);
    }
  }
  return found;
}

function stepsOf(regex: Regex, text: string): number {
  const before = work.steps;
  regex.test(text);
  return work.steps - before;
}

interface Finding {
  readonly at: string;
  readonly times: number;
  readonly most: number;
}

function worstOf(source: string, at: string, random: string): Finding {
  const regex = compileRegex(source);
  // An expression that random text fails at once would have been a smaller measure than it is fair to take.
  const fair = Math.max(bytes, stepsOf(regex, random));
  const { node } = parseRegex(source, defaultFlags);
  const worst = Math.max(0, ...hostileTexts(node, bytes).map((text) => stepsOf(regex, text)));
  return { at, times: worst / fair, most: hasReference(node) ? budget : 3 };
}

const sets: readonly (readonly [name: string, folder: string])[] = [
  ['the built-in rules', join(root, 'src/waf/builtin')],
  ['the Core Rule Set 4', join(suites, 'crs/rules')],
  ['the Core Rule Set 3.3', '/usr/share/modsecurity-crs/rules'],
];

describe.each(sets)('%s', (_, folder) => {
  test.skipIf(!existsSync(folder))(
    'cost no more than three times as much on the worst text',
    () => {
      const random = randomText();
      const findings = [...patternsOf(folder)].map(([source, at]) => worstOf(source, at, random));
      expect(findings.length).toBeGreaterThan(30);
      expect(findings.filter(({ times, most }) => times > most)).toEqual([]);
    },
    300_000,
  );
});
