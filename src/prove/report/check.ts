import { styleText } from 'node:util';
import type { CheckReport, Fix, State } from '../checklist/index.ts';

type Style = Parameters<typeof styleText>[0];

const marks: Readonly<Record<State, readonly [mark: string, words: string, style: Style]>> = {
  met: ['✓', 'met', 'green'],
  partly: ['◐', 'partly', 'yellow'],
  'not-met': ['✗', 'not met', 'red'],
  'not-applicable': ['–', 'n.a.', 'gray'],
};

export interface CheckLook {
  readonly colour: boolean;
  /** Also what each item was judged by. */
  readonly evidence: boolean;
}

/** The report for a terminal: the items, then what to do, the quickest first. */
export function formatCheck(report: CheckReport, { colour, evidence }: CheckLook): string {
  const paint = (style: Style, text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;
  const items = report.items.map(({ title, state, evidence: facts }, index) => {
    const [mark, words, style] = marks[state];
    const line = `${String(index + 1).padStart(2)}  ${paint(style, mark)} ${title.padEnd(50)} ${paint(style, words)}`;
    return [line, ...(evidence ? facts.map((fact) => paint('gray', `      ${fact}`)) : [])].join('\n');
  });
  const groups: readonly (readonly [string, readonly Fix[]])[] = [
    ['Quick wins (minutes)', report.fixes.filter(({ effort }) => effort === 'minutes')],
    ['Then', report.fixes.filter(({ effort }) => effort !== 'minutes')],
  ];
  const fixes = groups
    .filter(([, each]) => each.length > 0)
    .map(([title, each]) => `\n${paint('bold', title)}\n${each.map((fix) => formatFix(fix, paint)).join('')}`);
  return `${items.join('\n')}\n${fixes.join('')}\n${formatCheckTally(report)}\n`;
}

function formatFix({ what, fix, owner, item, effort }: Fix, paint: (style: Style, text: string) => string): string {
  return `  ${what}\n    ${paint('cyan', '→')} ${fix} ${paint('gray', `(${owner}, ${effort}; ${item})`)}\n`;
}

/** `6 met, 4 partly met, 1 not met, 1 not applicable`. */
export function formatCheckTally({ tally }: CheckReport): string {
  return `${tally.met} met, ${tally.partly} partly met, ${tally['not-met']} not met, ${tally['not-applicable']} not applicable`;
}

/** The report as a document. */
export function checkMarkdown(report: CheckReport, trustDomain: string, nowMs: number): string {
  const rows = report.items.map(
    ({ title, state }, index) => `| ${index + 1} | ${title} | ${marks[state][0]} ${marks[state][1]} |`,
  );
  const sections = report.items.map(({ title, state, evidence, gaps }, index) =>
    [
      `## ${index + 1}. ${title}: ${marks[state][1]}`,
      evidence.map((fact) => `- ${fact}`).join('\n'),
      ...(gaps.length === 0
        ? []
        : [
            `Missing:\n\n${gaps.map((gap) => `- ${gap.what}. **Fix** (${gap.owner}, ${gap.effort}): ${gap.fix}.`).join('\n')}`,
          ]),
    ].join('\n\n'),
  );
  const quick = report.fixes.filter(({ effort }) => effort === 'minutes');
  return [
    `# Security checklist: ${trustDomain}`,
    `${new Date(nowMs).toISOString()}. ${formatCheckTally(report)}.`,
    ['| | item | state |', '|---:|---|---|', ...rows].join('\n'),
    ...(quick.length === 0
      ? []
      : [`## Quick wins\n\n${quick.map(({ what, fix, owner }) => `1. ${what}: ${fix} (${owner}).`).join('\n')}`]),
    ...sections,
    '',
  ].join('\n\n');
}
