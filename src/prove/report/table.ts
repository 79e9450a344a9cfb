import { styleText } from 'node:util';
import type { AttackResult } from '../attack.ts';
import { domainOf, domains } from '../attacks/index.ts';
import type { ProveReport, Tally } from '../run.ts';

export interface TableOptions {
  readonly colour: boolean;
  readonly width: number;
}

type Style = Parameters<typeof styleText>[0];

const marks: Readonly<Record<AttackResult['verdict'], readonly [mark: string, words: string, style: Style]>> = {
  stopped: ['✓', 'stopped', 'green'],
  'got-through': ['✗', 'GOT THROUGH', ['bold', 'red']],
  inconclusive: ['?', 'inconclusive', 'yellow'],
  'not-applicable': ['–', 'n.a.', 'gray'],
};

const cut = (text: string, length: number): string =>
  text.length > length ? `${text.slice(0, Math.max(0, length - 1))}…` : text;

/** One line for one result. */
export function formatResult({ verdict, attack, because, probes }: AttackResult, options: TableOptions): string {
  const [mark, words, style] = marks[verdict];
  const paint = painter(options);
  const id = attack.id.padEnd(30);
  const decision = probes.at(-1)?.attack.decision;
  const head = `  ${paint(style, mark)} ${id} ${paint(style, words.padEnd(12))} `;
  const room = options.width - 48;
  if (verdict === 'stopped')
    return `${head}${cut(attack.title, room)}${decision === undefined || room < 100 ? '' : paint('gray', `  ${decision}`)}\n`;
  return `${head}${cut(attack.title, room)}\n${' '.repeat(35)}${paint('gray', because)}\n`;
}

const painter =
  ({ colour }: Pick<TableOptions, 'colour'>) =>
  (style: Style, text: string): string =>
    colour ? styleText(style, text, { validateStream: false }) : text;

/** All results under the headings of their domains. */
export function formatTable(report: ProveReport, options: TableOptions): string {
  const paint = painter(options);
  const groups = Map.groupBy(report.results, ({ attack }) => domainOf(attack));
  const sections = [...groups].map(
    ([domain, results]) =>
      `\n${paint('bold', domains[domain] ?? domain)}\n${results.map((result) => formatResult(result, options)).join('')}`,
  );
  return `${sections.join('')}\n${formatSummary(report, options)}`;
}

/** The counts, and what they mean. */
export function formatSummary({ tally, tookMs, proven, results }: ProveReport, options: TableOptions): string {
  const paint = painter(options);
  const sentence = proven
    ? paint(['bold', 'green'], 'Proven: every attack that applies was stopped, and every rightful caller got through.')
    : paint(['bold', 'red'], 'Not proven.');
  return `${sentence}\n${formatTally(tally)}; ${results.length} attacks in ${(tookMs / 1000).toFixed(1)} s\n`;
}

/** `96 stopped, 0 got through, 0 inconclusive, 4 not applicable`. */
export function formatTally(tally: Tally): string {
  return `${tally.stopped} stopped, ${tally['got-through']} got through, ${tally.inconclusive} inconclusive, ${tally['not-applicable']} not applicable`;
}
