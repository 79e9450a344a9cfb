// How many of the attacks that the Core Rule Set's own tests hold the built-in rules refuse at paranoia 1. They are few and made to be right
// about ordinary text: most of these tests hold a word or a fragment that breaks out of nothing. What is refused must not become less.
import { describe, expect, it } from 'vitest';
import { compileWaf } from '../../src/waf/index.ts';
import { ManualClock } from '../fakes/clock.ts';
import { loadTests, present, requestOf, type Test } from './crs-suite.ts';

/** Families of rules that look for attacks in what a request says, and how many of their tests are refused at least. */
const least: Readonly<Record<string, number>> = {
  930: 23,
  931: 5,
  932: 112,
  933: 37,
  934: 34,
  941: 88,
  942: 246,
  943: 2,
  944: 292,
};

const familyOf = ({ rule }: Test): string => String(rule).slice(0, 3);
const isAttack = ({ stages }: Test): boolean =>
  stages.some(({ output: { log } }) => (log?.expect_ids?.length ?? 0) > 0 || log?.match_regex !== undefined);

describe.skipIf(!present)('the attacks of the Core Rule Set, before the built-in rules', () => {
  it('are refused as often as they were', () => {
    const route = compileWaf({}, new ManualClock()).route({ mode: 'block', paranoia: 1 });
    const attacks = loadTests().filter((test) => familyOf(test) in least && isAttack(test));
    const isRefused = ({ stages }: Test): boolean =>
      stages.some(({ input }) => route.examine(requestOf(input)).denial !== undefined);
    const refused = attacks.filter(isRefused);
    const inFamily = (tests: readonly Test[], family: string): number =>
      tests.filter((test) => familyOf(test) === family).length;
    const counts = Object.keys(least).map((family) => [family, inFamily(refused, family), inFamily(attacks, family)]);
    const list = counts.map(([family, found, all]) => `${family}: ${found}/${all}`).join(', ');
    process.stdout.write(`built-in rules, attacks of CRS 4: ${refused.length}/${attacks.length} (${list})\n`);
    for (const [family, found] of counts) expect(found, `family ${family}`).toBeGreaterThanOrEqual(least[family!]!);
  });
});
