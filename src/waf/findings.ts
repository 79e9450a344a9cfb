import type { WafFindings, WafMatch } from '../api/record.ts';
import { type MatchedRule, scoreOf, type WafReport } from './report.ts';

const maxMatches = 32;
const severities = ['EMERGENCY', 'ALERT', 'CRITICAL', 'ERROR', 'WARNING', 'NOTICE', 'INFO', 'DEBUG'];

/** What of a report goes to the ledger: what rules say is wrong, then those that add it up; undefined where none matched. */
export function findingsOf({ matches, scores, threshold }: WafReport): WafFindings | undefined {
  if (matches.length === 0) return undefined;
  const gravity = ({ severity }: MatchedRule): number =>
    severity === undefined ? severities.length : severities.indexOf(severity.toUpperCase());
  return {
    score: Math.max(0, Math.trunc(scoreOf(scores, 'inbound'))),
    threshold: Math.max(0, threshold),
    matches: [...matches]
      .sort((a, b) => gravity(a) - gravity(b))
      .slice(0, maxMatches)
      .map(matchOf),
  };
}

function matchOf({ id, message, severity, variables }: MatchedRule): WafMatch {
  const [first] = variables;
  const rule = { rule: String(id), message: message.slice(0, 256), ...(severity === undefined ? {} : { severity }) };
  return first === undefined ? rule : { ...rule, variable: first.name.slice(0, 256), value: first.masked };
}
