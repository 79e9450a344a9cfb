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

/** A fragment of the manifest; what an exclusion would open stands above it as a comment. */
export function formatTuning({ proposals, rejected }: Tuning): string {
  if (proposals.length + rejected.length === 0) return '# nothing to exclude: nothing harmless is refused\n';
  const routes = [...new Set(proposals.map(({ route }) => route))];
  const lines = routes.flatMap((route) => [
    pathLine(route),
    '    waf:',
    '      exclusions:',
    ...proposals.filter((each) => each.route === route).flatMap(linesOf),
  ]);
  const notes = rejected.flatMap(({ route, rule, message, requests }) => [
    `# ${route}: rule ${rule} (${message}), ${countOf(requests)}`,
    '#   the rule looks at no field of its own: exclude it on the route, or leave it',
  ]);
  return [
    ...(lines.length === 0 ? [] : ['routes:', ...lines]),
    ...(notes.length === 0 ? [] : ['# not proposed:', ...notes]),
    '',
  ].join('\n');
}

/** Routes of one path are told apart by their methods: `/api/orders GET`. */
function pathLine(route: string): string {
  const [path = route, ...methods] = route.split(' ');
  return `  - path: ${path}${methods.length === 0 ? '' : ` # the route of ${methods.join(' ')}`}`;
}

const countOf = (requests: number): string => `${requests} harmless ${requests === 1 ? 'request' : 'requests'}`;
const mostExamples = 3;

function linesOf({ rule, message, field, requests, opens, guarded }: Proposal): string[] {
  const reason = JSON.stringify(`${message}: ${countOf(requests)}`);
  const line = `        - { rules: ${rule}, fields: [${JSON.stringify(field)}], reason: ${reason} }`;
  if (guarded === 0)
    return ['        # opens nothing: no rule refuses any of the attacks that were tried in this field', line];
  if (opens.length === 0)
    return [`        # opens nothing: other rules refuse all ${guarded} attacks that were tried in this field`, line];
  const examples = opens.slice(0, mostExamples).map((attack) => `        #   ${printable(attack)}`);
  const more = opens.length > mostExamples ? [`        #   and ${opens.length - mostExamples} more`] : [];
  return [
    `        # OPENS: this rule alone refuses ${opens.length} of ${guarded} attacks in this field; confine it in the OpenAPI document if you can`,
    ...examples,
    ...more,
    line,
  ];
}

/** On one line, and nothing in it that a terminal or YAML would take for more than text. */
const printable = (attack: string): string => cut(attack.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' '));
