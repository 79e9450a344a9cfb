import { severityName } from './engine/link.ts';
import type { RuleSet } from './engine/rule-set.ts';

/** What there is to know of a rule. */
export interface RuleFacts {
  readonly id: number;
  /** `rules/REQUEST-942.conf:17`. */
  readonly at: string;
  readonly phase: number;
  readonly severity: string | undefined;
  /** At which it begins to run; 1 where the rule does not say. */
  readonly paranoia: number;
  readonly message: string;
  readonly tags: readonly string[];
}

/** The rules of a set that have something to say. */
export function factsOf({ phases }: RuleSet): RuleFacts[] {
  return phases.flat().flatMap(({ link }) => {
    const { id, at, phase, severity, tags, log } = link;
    if (!log || severity === undefined) return [];
    const level = tags.map((tag) => /^paranoia-level\/(\d)$/.exec(tag)?.[1]).find((found) => found !== undefined);
    return [
      {
        id,
        at: `${at.file}:${at.line}`,
        phase,
        severity: severityName(severity),
        paranoia: Number(level ?? 1),
        message: link.message.parts.map((part) => (typeof part === 'string' ? part : '...')).join(''),
        tags,
      },
    ];
  });
}
