import type { AttackResult, ProbeResult } from '../attack.ts';
import { domainOf, domains } from '../attacks/index.ts';
import type { ProveReport } from '../run.ts';
import type { Observation } from '../wire/observation.ts';
import { formatTally } from './table.ts';

const words: Readonly<Record<AttackResult['verdict'], string>> = {
  stopped: '✓ stopped',
  'got-through': '✗ **got through**',
  inconclusive: '? inconclusive',
  'not-applicable': '– not applicable',
};

/** The report for people: a summary by domain, then the evidence of every attack. */
export function toMarkdown(report: ProveReport): string {
  const groups = [...Map.groupBy(report.results, ({ attack }) => domainOf(attack))];
  return [
    `# What was attacked, and what stopped it: ${report.trustDomain}`,
    `${report.publicUrl}, ${new Date(report.startedMs).toISOString()}, ${(report.tookMs / 1000).toFixed(1)} s. **${report.proven ? 'Proven' : 'Not proven'}**: ${formatTally(report.tally)}.`,
    'An attack counts as stopped when the rightful caller was let in by the same path, the attack was refused in the way that was expected, and the ledger names the filter that refused it. Signatures and secrets are left out of what is shown here.',
    summaryTable(groups),
    ...groups.flatMap(([domain, results]) => [`## ${domains[domain] ?? domain}`, ...results.map(section)]),
    '## What this run left behind',
    'Events and decisions in the ledger; a few objects of the subjects `merlon-prove-*`, where an operation had to be carried out for its rightful caller; counts of these subjects against limits.',
    '',
  ].join('\n\n');
}

function summaryTable(groups: readonly (readonly [string, readonly AttackResult[]])[]): string {
  const count = (results: readonly AttackResult[], verdict: AttackResult['verdict']): number =>
    results.filter((result) => result.verdict === verdict).length;
  const rows = groups.map(
    ([domain, results]) =>
      `| ${domains[domain] ?? domain} | ${count(results, 'stopped')} | ${count(results, 'got-through')} | ${count(results, 'inconclusive')} | ${count(results, 'not-applicable')} |`,
  );
  return ['| | stopped | got through | inconclusive | not applicable |', '|---|---:|---:|---:|---:|', ...rows].join(
    '\n',
  );
}

function section({ attack, verdict, because, probes }: AttackResult): string {
  const { id, title, severity, standards, protection } = attack;
  const facts = [
    `severity ${severity}`,
    standards.join(', '),
    ...(protection === undefined ? [] : [`protection \`${protection}\``]),
  ];
  return [
    `### \`${id}\` ${words[verdict]}`,
    `${title[0]?.toUpperCase()}${title.slice(1)}. ${facts.join(' · ')}`,
    `*${escapeText(because)}*`,
    ...probes.map(evidence),
  ].join('\n\n');
}

function evidence({ place, verdict, because, control, attack }: ProbeResult): string {
  return [
    `<details><summary>${escapeText(place)}: ${verdict === 'stopped' ? 'stopped' : escapeText(`${verdict}, ${because}`)}${attack.decision === undefined ? '' : `, decision <code>${attack.decision}</code>`}</summary>`,
    side('The rightful caller', control),
    side('The attack', attack),
    '</details>',
  ].join('\n\n');
}

function side(title: string, { sent, received, decision }: Observation): string {
  const note = decision === undefined ? '' : ` (decision \`${decision}\`)`;
  return `${title}${note}:\n\n${fence(`${sent.trimEnd()}\n\n→ ${received.replaceAll('\n', '\n  ')}`)}`;
}

/** A code block that its text cannot end. */
function fence(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`{3,1000}/g)].map(([ticks]) => ticks.length));
  const ticks = '`'.repeat(longest + 1);
  return `${ticks}http\n${text}\n${ticks}`;
}

function escapeText(text: string): string {
  return text.replace(/[&<>*_`[\]|]/g, (character) => `&#${character.charCodeAt(0)};`);
}
