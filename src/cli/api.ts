import type { Command } from 'commander';
import type { EndpointFindings, EndpointUse } from '../api/edge.ts';
import { createAdminClient } from './admin-client.ts';
import { type CommonOptions, layoutOf, withState } from './options.ts';
import { formatTable } from './table.ts';
import { paint } from './terminal.ts';

interface ReportOptions extends CommonOptions {
  readonly service?: string;
  readonly all?: boolean;
  readonly json?: boolean;
}

export function describe(command: Command): void {
  command.addHelpText('after', '\nExamples:\n  merlon api report\n  merlon api report --service orders --all --json');
  withState(
    command
      .command('report')
      .description('endpoints that nobody declared, or that are to go, and who calls them')
      .exitOverride(),
  )
    .option('--service <name>', 'endpoints of this service')
    .option('--all', 'undeclared ones that no service ever answered, too')
    .option('--json', 'as JSON')
    .action(report);
}

async function report({ service, all, json, ...common }: ReportOptions): Promise<void> {
  const found = await createAdminClient(layoutOf(common)).call<EndpointFindings>('GET', '/admin/endpoints');
  const ofService = found.endpoints.filter((use) => service === undefined || use.service === service);
  const shown = ofService.filter(({ kind, answered }) => all === true || kind === 'zombie' || answered > 0);
  if (json === true)
    return void process.stdout.write(`${JSON.stringify({ endpoints: shown, overflow: found.overflow }, null, 2)}\n`);
  const heading = ['kind', 'service', 'endpoint', 'requests', 'answered', 'first', 'last', 'goes', 'called by'];
  process.stdout.write(formatTable(heading, shown.map(rowOf)));
  for (const note of notesOf(shown.length, ofService.length - shown.length, found.overflow))
    process.stdout.write(`${paint('yellow', 'note')} ${note}\n`);
}

function rowOf({
  kind,
  service,
  method,
  path,
  count,
  answered,
  firstMs,
  lastMs,
  sunset,
  callers,
}: EndpointUse): string[] {
  const who = callers.map(({ client, roles }) => (roles.length === 0 ? client : `${client} (${roles.join(', ')})`));
  return [
    paint(kind === 'shadow' ? 'red' : 'yellow', kind),
    service,
    `${method} ${path}`,
    String(count),
    String(answered),
    dayOf(firstMs),
    dayOf(lastMs),
    sunset ?? '',
    who.slice(0, 3).join(', ') + (who.length > 3 ? ` and ${who.length - 3} more` : ''),
  ];
}

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

function notesOf(shown: number, unanswered: number, overflow: number): string[] {
  return [
    ...(shown === 0 ? ['no undeclared endpoint has answered, and no deprecated one was used'] : []),
    ...(unanswered > 0
      ? [`${unanswered} undeclared paths were asked for and never answered: \`--all\` shows them`]
      : []),
    ...(overflow > 0 ? [`${overflow} requests went to more undeclared paths than are kept`] : []),
  ];
}
