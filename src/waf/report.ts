import type { Denial, Reason } from '../api/record.ts';
import { severityName } from './engine/link.ts';
import type { Interruption, Match, Transaction } from './engine/model.ts';
import { txValues } from './engine/store.ts';
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

function reasonOf(transaction: Transaction, interruption: Interruption): Reason {
  const gravest = culprits(transaction)[0] ?? transaction.matches.at(-1);
  const link = gravest?.link ?? interruption.link;
  const variable = gravest?.values[0]?.name;
  const told = gravest?.message.toLowerCase() ?? '';
  const fixes = [
    `exclude rule ${link.id}${variable === undefined ? '' : ` for \`${variable}\``} on this route, if the value is meant to look so`,
  ];
  return {
    filter: 'waf',
    code: 'waf.denied',
    // What gave it away is for the operator; an attacker learns nothing to try next.
    message: interruption.status === 403 || told === '' ? 'the request looks like an attack' : told,
    detail: [told, gravest?.data ?? ''].filter((part) => part !== '').join(': '),
    rule: String(link.id),
    fixes,
    ...(variable === undefined ? {} : { claim: variable }),
  };
}

export function denialOf(transaction: Transaction, interruption: Interruption | undefined): Denial | undefined {
  if (interruption === undefined) return undefined;
  const { status, location } = interruption;
  const denial: Denial = { status, reason: reasonOf(transaction, interruption) };
  return location === undefined ? denial : { ...denial, headers: { location } };
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
    matches: transaction.matches.map((match) => matchedRule(match, transaction.mask)),
    audited: transaction.audits,
  };
}
