import type { Decision } from '../api/record.ts';
import type { Proposal, Tuning, WrittenRequest } from '../waf/control.ts';
import { findingsOf, type WafReport } from '../waf/index.ts';
import { formatTable } from './table.ts';
import { paint } from './terminal.ts';

/** A request, and what the rules of its route say of it. */
export interface Tested {
  readonly request: WrittenRequest;
  readonly route: string | undefined;
  /** `off`: no route has the path, or its firewall is off. */
  readonly verdict: 'pass' | 'block' | 'off';
  readonly report: WafReport | undefined;
}

const colours = { pass: 'green', block: 'red', off: 'dim' } as const;
const maxCell = 60;
const cut = (text: string): string => (text.length > maxCell ? `${text.slice(0, maxCell - 1)}…` : text);

/** One line a request, and below it one for each rule. */
export function formatTested(results: readonly Tested[]): string {
  const rows = results.flatMap((tested) => {
    const { request, route = '(no route)', verdict } = tested;
    const findings = tested.report && findingsOf(tested.report);
    const score = findings === undefined ? '' : `${findings.score}/${findings.threshold}`;
    const head = [paint(colours[verdict], verdict), cut(`${request.method} ${request.target}`), route, score, '', ''];
    const rules = (findings?.matches ?? []).map(({ rule, message, variable = '', value = '' }) => [
      '',
      `  ${cut(message)}`,
      '',
      '',
      rule,
      variable === '' ? '' : `${variable} = ${cut(value)}`,
    ]);
    return [head, ...rules];
  });
  const count = (verdict: Tested['verdict']): number => results.filter((each) => each.verdict === verdict).length;
  const sum = `${results.length} requests: ${count('pass')} pass, ${count('block')} blocked, ${count('off')} not looked at`;
  return `${formatTable(['verdict', 'request', 'route', 'score', 'rule', 'looked at'], rows)}\n${sum}\n`;
}

/** The same as JSON. */
export function resultOf({ request, route, verdict, report }: Tested): Readonly<Record<string, unknown>> {
  const { name, method, target } = request;
  return { name, method, target, route: route ?? null, verdict, ...(report && findingsOf(report)) };
}

export function formatRecorded(decisions: readonly Decision[]): string {
  const rows = decisions.flatMap(({ id, method, path, route = '', verdict, status, waf }) => {
    const colour = verdict === 'allow' ? 'green' : 'red';
    const head = [
      paint(colour, `${verdict} ${status}`),
      cut(`${method} ${path}`),
      route,
      `${waf?.score}/${waf?.threshold}`,
      '',
      id,
    ];
    const rules = (waf?.matches ?? []).map(({ rule, message, variable = '', value = '' }) => [
      '',
      `  ${cut(message)}`,
      '',
      '',
      rule,
      variable === '' ? '' : `${variable} = ${cut(value)}`,
    ]);
    return [head, ...rules];
  });
  if (rows.length === 0) return 'no rule has matched in these records\n';
  return formatTable(['verdict', 'request', 'route', 'score', 'rule', 'decision, or looked at'], rows);
}

/** A fragment of the manifest; what is not proposed stands in its comments. */
export function formatTuning({ proposals, rejected }: Tuning): string {
  if (proposals.length + rejected.length === 0) return '# nothing to exclude: no rule has matched anything harmless\n';
  const routes = [...new Set(proposals.map(({ route }) => route))];
  const lines = routes.flatMap((route) => [
    `  - path: ${route}`,
    '    waf:',
    '      exclusions:',
    ...proposals.filter((each) => each.route === route).map(lineOf),
  ]);
  const notes = rejected.flatMap(({ route, rule, message, field, requests, because }) => [
    `# ${route}: rule ${rule} (${message})${field === undefined ? '' : ` on ${field}`}, ${requests} times`,
    `#   ${because.replaceAll(/\s/g, ' ')}`,
  ]);
  return [
    ...(lines.length === 0 ? [] : ['routes:', ...lines]),
    ...(notes.length === 0 ? [] : ['# not proposed:', ...notes]),
    '',
  ].join('\n');
}

function lineOf({ rule, message, field, requests }: Proposal): string {
  const reason = JSON.stringify(`${message}: ${requests} harmless ${requests === 1 ? 'request' : 'requests'}`);
  return `        - { rules: ${rule}, fields: [${JSON.stringify(field)}], reason: ${reason} }`;
}
