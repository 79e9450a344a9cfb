// The worst text for each expression of each rule set costs no more than three times what any text of that length costs: counted in steps
// of the machines, so that no clock has a say. By time: `npm run bench -- pathological`.
import { describe, expect, test } from 'vitest';
import { defaultFlags, parseRegex } from '../../src/waf/regex/parse.ts';
import { compileRegex, type Regex } from '../../src/waf/regex/regex.ts';
import { work } from '../../src/waf/regex/work.ts';
import { hostileTexts } from './hostile-texts.ts';
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

describe.each(ruleFolders)('%s', (_, folder) => {
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
