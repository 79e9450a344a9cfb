// Can a text be made that a rule's expression takes much longer for than for any other of that length? Each expression of each rule set
// is given texts of 64 KB built from it (what leads to a loop, what the loop takes, and an end that fits nothing), by time.
import { defaultFlags, parseRegex } from '../../src/waf/regex/parse.ts';
import { compileRegex, type Regex } from '../../src/waf/regex/regex.ts';
import { hostileTexts } from '../../test/conformance/hostile-texts.ts';
import {
  isThere,
  patternsOf,
  type RulePattern,
  randomText,
  ruleFolders,
} from '../../test/conformance/rule-patterns.ts';
import {
  describeMachine,
  formatNumber,
  printTable,
  printTargets,
  type Question,
  type Target,
  writeResult,
} from '../harness.ts';

const bytes = 65_536;
const rounds = 5;

/** The shortest of several times, in milliseconds: what disturbs a measurement makes it longer. */
function timeOf(regex: Regex, text: string): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) {
    const start = performance.now();
    regex.test(text);
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

interface Finding {
  readonly rule: string;
  /** Milliseconds for random text, or for reading the text once, whichever is more. */
  readonly fairMs: number;
  readonly worstMs: number;
  readonly times: number;
  /** How the worst text begins. */
  readonly text: string;
}

/** @param passMs what an automaton takes to read the text once, where it must read all of it. */
function worstOf({ source, rule }: RulePattern, random: string, passMs: number): Finding {
  const regex = compileRegex(source);
  const { node } = parseRegex(source, defaultFlags);
  const fairMs = Math.max(passMs, timeOf(regex, random));
  const measured = hostileTexts(node, bytes).map((text) => ({ text, ms: timeOf(regex, text) }));
  const worst = measured.reduce((a, b) => (b.ms > a.ms ? b : a), { text: random, ms: 0 });
  return { rule, fairMs, worstMs: worst.ms, times: worst.ms / fairMs, text: worst.text.slice(0, 24) };
}

export const question: Question = async (settings) => {
  const machine = describeMachine();
  const random = randomText(bytes);
  const pass = compileRegex('[a-z]{3}[0-9][a-z]\\x01');
  for (let turn = 0; turn < 20; turn += 1) timeOf(pass, random);
  const passMs = timeOf(pass, random);
  const found: Record<string, readonly Finding[]> = {};
  const targets: Target[] = [];
  for (const [name, folder] of ruleFolders) {
    if (!isThere(folder)) continue;
    const patterns = patternsOf(folder).slice(0, settings.quick ? 10 : undefined);
    const findings = patterns.map((pattern) => worstOf(pattern, random, passMs)).sort((a, b) => b.times - a.times);
    printTable(
      `${name}: ${findings.length} expressions, 64 KB; the worst ten`,
      ['rule', 'random ms', 'worst ms', 'times', 'the worst text begins'],
      findings
        .slice(0, 10)
        .map(({ rule, fairMs, worstMs, times, text }) => [
          rule,
          formatNumber(fairMs),
          formatNumber(worstMs),
          formatNumber(times),
          JSON.stringify(text),
        ]),
    );
    found[name] = findings;
    targets.push({
      what: `${name}, worst`,
      wanted: 3,
      bound: 'at most',
      found: findings[0]?.times ?? 0,
      unit: ' times',
    });
  }
  printTargets(targets);
  const worst = Object.fromEntries(Object.entries(found).map(([name, all]) => [name, all.slice(0, 10)]));
  writeResult('pathological', settings, machine, { bytes, passMs, worst, targets });
};
