// Can a text or a request be made that rules take much longer for than for any other of that length? Three parts: texts built from each
// expression (what leads to a loop, what the loop takes, and an end that fits nothing); texts that lead its automaton into new states all the
// time; whole requests.
import { systemClock } from '../../src/core/clock.ts';
import { builtinRuleSet } from '../../src/waf/builtin-rules.ts';
import { compileWaf, type RouteWaf } from '../../src/waf/index.ts';
import { defaultFlags, parseRegex } from '../../src/waf/regex/parse.ts';
import { compileRegex, type Regex } from '../../src/waf/regex/regex.ts';
import { hostileTexts } from '../../test/conformance/hostile-texts.ts';
import { hostileWalk } from '../../test/conformance/hostile-walk.ts';
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
  type Settings,
  type Target,
  wants,
  writeResult,
} from '../harness.ts';
import { type Load, loads } from './requests.ts';

const bytes = 65_536;
const rounds = 5;
/** What is slow at first is looked at again, so often, when some time has passed: it may have been the machine. */
const visits = 6;

const elapsed = (run: () => void): number => {
  const start = performance.now();
  run();
  return performance.now() - start;
};

/** The shortest of several times, in milliseconds: what disturbs a measurement makes it longer. */
function timeOf(run: () => void): number {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round += 1) best = Math.min(best, elapsed(run));
  return best;
}

interface Finding {
  readonly rule: string;
  readonly fairMs: number;
  worstMs: number;
  times: number;
  /** How the worst text begins. */
  readonly begins: string;
  readonly regex: Regex;
  readonly text: string;
}

/** What is fair: the time for random text, or for reading the text once, whichever is more. */
function findingOf(rule: string, regex: Regex, texts: readonly string[], random: string, passMs: number): Finding {
  const fairMs = Math.max(
    passMs,
    timeOf(() => regex.test(random)),
  );
  const measured = texts.map((text) => ({ text, ms: (timeOf(() => regex.test(text)) * random.length) / text.length }));
  const worst = measured.reduce((a, b) => (b.ms > a.ms ? b : a), { text: random, ms: 0 });
  const { ms, text } = worst;
  return { rule, fairMs, worstMs: ms, times: ms / fairMs, begins: text.slice(0, 24), regex, text };
}

/** Measures anew what seemed slow. Five rounds in a row are two milliseconds, and what disturbs one disturbs them all. */
function settle(findings: Finding[], wanted: number): Finding[] {
  for (let visit = 0; visit < visits; visit += 1) {
    for (const finding of findings.filter(({ times }) => times > wanted * 0.7)) {
      const ms = (timeOf(() => finding.regex.test(finding.text)) * bytes) / finding.text.length;
      finding.worstMs = Math.min(finding.worstMs, ms);
      finding.times = finding.worstMs / finding.fairMs;
    }
  }
  return findings.sort((a, b) => b.times - a.times);
}

interface Gauge {
  readonly random: string;
  readonly passMs: number;
}

function gauge(): Gauge {
  const random = randomText(bytes);
  const pass = compileRegex('[a-z]{3}[0-9][a-z]\\x01');
  const read = (): void => {
    pass.test(random);
  };
  for (let turn = 0; turn < 20; turn += 1) timeOf(read);
  return { random, passMs: timeOf(read) };
}

const withoutText = ({ rule, fairMs, worstMs, times, begins }: Finding) => ({ rule, fairMs, worstMs, times, begins });

interface Part {
  readonly targets: Target[];
  readonly worst: Record<string, unknown>;
}

/** One of the parts that look at each expression by itself. */
function measureExpressions(
  settings: Settings,
  { what, wanted, textsOf }: { what: string; wanted: number; textsOf: (pattern: RulePattern) => readonly string[] },
): Part {
  const { random, passMs } = gauge();
  const targets: Target[] = [];
  const worst: Record<string, unknown> = { passMs };
  for (const [name, folder] of ruleFolders.filter(([, path]) => isThere(path))) {
    const patterns = patternsOf(folder).slice(0, settings.quick ? 10 : undefined);
    const all = patterns.map((one) => findingOf(one.rule, compileRegex(one.source), textsOf(one), random, passMs));
    const findings = settle(all, wanted).slice(0, 10);
    printTable(
      `${name}, ${what}: ${all.length} expressions, for 64 KB; the worst ten`,
      ['rule', 'random ms', 'worst ms', 'times', 'the worst text begins'],
      findings.map(({ rule, fairMs, worstMs, times, begins }) => [
        rule,
        formatNumber(fairMs),
        formatNumber(worstMs),
        formatNumber(times),
        JSON.stringify(begins),
      ]),
    );
    worst[name] = findings.map(withoutText);
    const found = findings[0]?.times ?? 0;
    targets.push({ what: `${name}, ${what}, worst`, wanted, bound: 'at most', found, unit: ' times' });
  }
  return { targets, worst };
}

/** Texts from the expression. */
const backtracking = (settings: Settings): Part =>
  measureExpressions(settings, {
    what: 'texts to backtrack on',
    wanted: 3,
    textsOf: ({ source }) => hostileTexts(parseRegex(source, defaultFlags).node, bytes),
  });

/** Texts from its automaton. */
const growing = (settings: Settings): Part =>
  measureExpressions(settings, {
    what: 'texts to build new states for',
    wanted: 3,
    textsOf: ({ source }) => {
      const text = hostileWalk(source, 8192);
      return text === '' ? [] : [text];
    },
  });

const perKb = (route: RouteWaf, { request, bytes: size }: Load): number =>
  (timeOf(() => route.examine(request)) / size) * 1024;

/** Whole requests through the built-in rules. */
function requests(): Part {
  const route = compileWaf({ ruleSets: [builtinRuleSet()] }, systemClock).route({ mode: 'detect', paranoia: 1 });
  const all = loads();
  for (const load of all) perKb(route, load);
  const measured = all.map((load) => ({ ...load, msPerKb: perKb(route, load) }));
  const ordinary = (kind: Load['kind']): number => measured.find((load) => load.kind === kind)!.msPerKb;
  const findings = measured.map(({ kind, what, bytes: size, msPerKb }) => ({
    kind,
    what,
    kb: size / 1024,
    msPerKb,
    times: msPerKb / ordinary(kind),
  }));
  printTable(
    'the built-in rules, whole requests',
    ['carried as', 'what', 'KB', 'ms per KB', 'times an ordinary one'],
    findings.map(({ kind, what, kb, msPerKb, times }) => [
      kind,
      what,
      formatNumber(kb),
      msPerKb.toFixed(3),
      formatNumber(times),
    ]),
  );
  const found = Math.max(...findings.map(({ times }) => times));
  const what = 'whole requests, worst against an ordinary one of its kind';
  return { targets: [{ what, wanted: 3, bound: 'at most', found, unit: ' times' }], worst: { findings } };
}

const parts: readonly (readonly [string, (settings: Settings) => Part])[] = [
  ['expressions', backtracking],
  ['automata', growing],
  ['requests', requests],
];

export const question: Question = async (settings) => {
  const machine = describeMachine();
  const run = parts
    .filter(([name]) => wants(settings, name))
    .map(([name, measure]) => [name, measure(settings)] as const);
  const targets = run.flatMap(([, part]) => part.targets);
  printTargets(targets);
  const worst = Object.fromEntries(run.map(([name, part]) => [name, part.worst]));
  writeResult('pathological', settings, machine, { bytes, worst, targets });
};
