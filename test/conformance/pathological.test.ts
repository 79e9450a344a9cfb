// The worst text for each expression of each rule set costs no more than three times what any text of that length costs: counted in steps
// of the machines, so that no clock has a say. By time: `npm run bench -- pathological`.
import { describe, expect, test } from 'vitest';
import { defaultFlags, parseRegex } from '../../src/waf/regex/parse.ts';
import { compileRegex, type Regex } from '../../src/waf/regex/regex.ts';
import { hasReference } from '../../src/waf/regex/syntax.ts';
import { work } from '../../src/waf/regex/work.ts';
import { hostileTexts } from './hostile-texts.ts';
import { hostileWalk } from './hostile-walk.ts';
import { isThere, patternsOf, type RulePattern, randomText, ruleFolders } from './rule-patterns.ts';

const bytes = 65_536;
const most = 3;

function stepsOf(regex: Regex, text: string): number {
  const before = work.steps;
  regex.test(text);
  return work.steps - before;
}

interface Finding {
  readonly rule: string;
  readonly times: number;
}

function worstOf({ source, rule }: RulePattern, random: string): Finding {
  const regex = compileRegex(source);
  // An expression that random text fails at once would have been a smaller measure than it is fair to take.
  const fair = Math.max(bytes, stepsOf(regex, random));
  const { node } = parseRegex(source, defaultFlags);
  const worst = Math.max(0, ...hostileTexts(node, bytes).map((text) => stepsOf(regex, text)));
  return { rule, times: worst / fair };
}

/**
 * Steps a byte where each byte leads into a state that was not there before, and the table is thrown away again and again: the places that a
 * state of the worst expressions has, some 15, and those that lie between them.
 */
const mostOfNewStates = 40;
/** More than a table has room for. */
const walkBytes = 8192;

function walked({ source, rule }: RulePattern): Finding {
  const text = hostileWalk(source, walkBytes);
  const regex = compileRegex(source);
  regex.test(text);
  return { rule, times: stepsOf(regex, text) / Math.max(1000, text.length) };
}

describe.each(ruleFolders)('%s', (_, folder) => {
  test.skipIf(!isThere(folder))(
    'cost a bounded number of steps a byte where their automata are made to grow all the time',
    () => {
      const findings = patternsOf(folder)
        .filter(({ source }) => !hasReference(parseRegex(source, defaultFlags).node))
        .map(walked);
      expect(findings.filter((each) => each.times > mostOfNewStates)).toEqual([]);
    },
    300_000,
  );

  test.skipIf(!isThere(folder))(
    'cost no more than three times as much on the worst text',
    () => {
      const random = randomText(bytes);
      const findings = patternsOf(folder).map((pattern) => worstOf(pattern, random));
      expect(findings.length).toBeGreaterThan(30);
      expect(findings.filter((each) => each.times > most)).toEqual([]);
    },
    300_000,
  );
});
