import type { Denial, Reason } from '../api/record.ts';
import { fieldOf } from '../api/waf-fields.ts';
import { severityName } from './engine/link.ts';
import type { Interruption, Match, Transaction } from './engine/model.ts';
import { txValue, txValues } from './engine/store.ts';
import { leadingInteger } from './operators/strings.ts';

/** One value that a rule matched, without what it says. */
export interface MatchedVariable {
  /** `ARGS:comment`. */
  readonly name: string;
  readonly masked: string;
}

/** A rule that matched and is to be told of. */
export interface MatchedRule {
  readonly id: number;
  readonly message: string;
  /** `942100.conf:12`. */
  readonly at: string;
  readonly phase: number;
  readonly severity: string | undefined;
  readonly tags: readonly string[];
  /** The rule's own account of what it found (`logdata`), values masked. */
  readonly data: string;
  readonly variables: readonly MatchedVariable[];
}

/** What the engine found in one request. */
export interface WafReport {
  readonly denial: Denial | undefined;
  /** What would have been refused, were the mode `block`. */
  readonly wouldDeny: Denial | undefined;
  /** Every score that rules have kept: `blocking_inbound_anomaly_score` ... */
  readonly scores: Readonly<Record<string, number>>;
  /** At which sum of scores a request is refused; 0 where the rules keep no scores. */
  readonly threshold: number;
  readonly matches: readonly MatchedRule[];
  /** A rule asked that the request stay out of the ledger (`ctl:auditEngine=Off`). */
  readonly audited: boolean;
}

function matchedRule(match: Match, mask: Transaction['mask']): MatchedRule {
  const { link } = match;
  return {
    id: link.id,
    message: match.message,
    at: `${link.at.file}:${link.at.line}`,
    phase: link.phase,
    severity: link.severity === undefined ? undefined : severityName(link.severity),
    tags: link.tags,
    data: match.data,
    variables: match.values.map(({ name, content }) => ({ name, masked: mask(content) })),
  };
}

/** The rules that brought a request to its threshold: those with a severity, the gravest first. */
function culprits(transaction: Transaction): readonly Match[] {
  return transaction.matches
    .filter(({ link }) => link.severity !== undefined)
    .sort((a, b) => a.link.severity! - b.link.severity!);
}

const thresholdOf = (transaction: Transaction, name: string): number =>
  leadingInteger(txValue(transaction, name)?.text.raw ?? '0');

/** What was refused by its score, and what by one rule alone. */
function weighed(
  transaction: Transaction,
  isResponse: boolean,
): { readonly actual: string; readonly expected: string } {
  const score = scoreOf(scoresOf(transaction), isResponse ? 'outbound' : 'inbound');
  const threshold = thresholdOf(transaction, `${isResponse ? 'outbound' : 'inbound'}_anomaly_score_threshold`);
  if (threshold === 0 || score < threshold) return { expected: 'no match of this rule', actual: 'a match' };
  return { expected: `a score below ${threshold}`, actual: `a score of ${score}` };
}

/** What gave it away is for the operator; an attacker learns nothing to try next. */
function publicSentence(status: number, told: string, isResponse: boolean): string {
  if (isResponse) return 'the answer holds what must not leave';
  return status === 403 || told === '' ? 'the request looks like an attack' : told;
}

function reasonOf(transaction: Transaction, interruption: Interruption): Reason {
  const gravest = culprits(transaction)[0] ?? transaction.matches.at(-1);
  const link = gravest?.link ?? interruption.link;
  const found = gravest?.values[0];
  const told = gravest?.message.toLowerCase() ?? '';
  const isResponse = interruption.link.phase === 3 || interruption.link.phase === 4;
  const { expected, actual } = weighed(transaction, isResponse);
  return {
    filter: 'waf',
    code: isResponse ? 'waf.response-denied' : 'waf.denied',
    message: publicSentence(interruption.status, told, isResponse),
    detail: [told, gravest?.data ?? ''].filter((part) => part !== '').join(': '),
    rule: `${link.id}`,
    expected,
    actual: found === undefined ? actual : `${actual}, with ${transaction.mask(found.content)}`,
    fixes: [exclusionOf(link.id, found?.name)],
    ...(found === undefined ? {} : { claim: found.name }),
  };
}

function exclusionOf(rule: number, variable: string | undefined): string {
  const field = variable === undefined ? undefined : fieldOf(variable);
  const exclusion = field === undefined ? `{ rules: ${rule} }` : `{ rules: ${rule}, fields: [${field}] }`;
  return `add \`${exclusion}\` to the \`waf.exclusions\` of this route, if it is meant to look so`;
}

export function denialOf(transaction: Transaction, interruption: Interruption | undefined): Denial | undefined {
  if (interruption === undefined) return undefined;
  const { status, location } = interruption;
  const denial: Denial = { status, reason: reasonOf(transaction, interruption) };
  return location === undefined ? denial : { ...denial, headers: { location } };
}

/** The sum that decided, under the names that rule sets give it: the Core Rule Set 4 and the built-in rules, then 3. */
export function scoreOf(scores: WafReport['scores'], way: 'inbound' | 'outbound'): number {
  const old = way === 'inbound' ? scores.anomaly_score : undefined;
  return scores[`blocking_${way}_anomaly_score`] ?? old ?? scores[`${way}_anomaly_score`] ?? 0;
}

function scoresOf(transaction: Transaction): Record<string, number> {
  const scores: Record<string, number> = Object.create(null) as Record<string, number>;
  for (const [name, value] of txValues(transaction))
    if (name.endsWith('_score')) scores[name] = leadingInteger(value.text.raw);
  return scores;
}

export function reportOf(transaction: Transaction): WafReport {
  return {
    denial: denialOf(transaction, transaction.interruption),
    wouldDeny: denialOf(transaction, transaction.wouldInterrupt),
    scores: scoresOf(transaction),
    threshold: thresholdOf(transaction, 'inbound_anomaly_score_threshold'),
    matches: transaction.matches.map((match) => matchedRule(match, transaction.mask)),
    audited: transaction.audits,
  };
}
